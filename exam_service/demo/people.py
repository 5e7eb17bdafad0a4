"""The accounts of a demonstration.

Nobody real: the first six digits name a whole province, which no card's do.
"""

from __future__ import annotations

from datetime import date, timedelta

from exam_service.accounts.identity import check_character

PASSWORD = "demo2026"  # noqa: S105 - printed on the console, for seeded accounts of a demonstration only
SIMULATED_FROM = 100
PROVINCE_CODES = {
    "hunan": "430000",
    "henan": "410000",
    "shanxi": "140000",
    "hainan": "460000",
    "dingkaotong": "990000",
}


def identity_number(province_id: str, index: int) -> str:
    """The 18-digit identity number of demonstration physician ``index``; different for each."""
    born = date(1970, 1, 1) + timedelta(days=index % 7300)
    first_17 = f"{PROVINCE_CODES[province_id]}{born:%Y%m%d}{(index // 7300) % 1000:03}"
    return first_17 + check_character(first_17)


def simulated_number(index: int) -> str:
    """The identity number that ``simulate`` logs its physician ``index`` in with (Hunan)."""
    return identity_number("hunan", SIMULATED_FROM + index)
