"""Identity numbers (居民身份证号码), GB 11643-1999: 18 digits, or the 15 of cards issued before. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from exam_service.errors import Invalid

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_LONGEST_TYPED = 64
_LONG = re.compile(r"^[1-9]\d{16}[\dX]$", re.ASCII)
_SHORT = re.compile(r"^[1-9]\d{14}$", re.ASCII)


@dataclass(frozen=True, repr=False)
class IdentityNumber:
    """A number that is well formed.

    Attributes:
        canonical: The 18-digit form; both forms of one person have the same.
        written: The form it was given in (15 or 18), which is the one shown and printed.
    """

    canonical: str
    written: str

    @property
    def masked(self) -> str:
        return mask(self.written)


def check_character(first_17: str) -> str:
    """The check character of 17 digits, ISO 7064 MOD 11-2: ``0``–``9`` or ``X``."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True)) % 11]


def parse_identity_number(text: str) -> IdentityNumber:
    """Read what a person typed: spaces, full-width digits and a small ``x`` are fine.

    Raises:
        Invalid: Not 15 or 18 digits, a wrong check character, or no real date.
    """
    if len(text) > _LONGEST_TYPED:  # before normalising, which is quadratic in combining marks
        raise Invalid("身份证号应为15位或18位，请核对后重新输入。", code="bad_identity_number")
    written = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if _SHORT.match(written):
        first_17 = written[:6] + "19" + written[6:]
        canonical = first_17 + check_character(first_17)
    elif _LONG.match(written):
        canonical = written
        if check_character(written[:17]) != written[17]:
            raise Invalid("身份证号有误：最后一位校验码不符，请逐位核对。", code="bad_identity_number")
    else:
        raise Invalid("身份证号应为15位或18位，请核对后重新输入。", code="bad_identity_number")
    try:
        date(int(canonical[6:10]), int(canonical[10:12]), int(canonical[12:14]))
    except ValueError:
        raise Invalid("身份证号中的出生日期不存在，请逐位核对。", code="bad_identity_number") from None
    return IdentityNumber(canonical, written)


def mask(number: str) -> str:
    """All but the first three and the last four as stars: ``430***********1234``."""
    return number[:3] + "*" * max(0, len(number) - 7) + number[-4:]
