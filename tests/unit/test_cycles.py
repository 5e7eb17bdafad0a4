from datetime import UTC, date, datetime

import pytest

from tests.factories import a_cycle


@pytest.mark.parametrize(
    ("moment", "are_open"),
    [
        (datetime(2026, 5, 10, 15, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 5, 10, 16, 0, tzinfo=UTC), True),
        (datetime(2026, 5, 15, 4, 0, tzinfo=UTC), True),
        (datetime(2026, 5, 20, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 5, 20, 16, 0, tzinfo=UTC), False),
    ],
    ids=["a second before", "midnight in China", "between", "the last second", "the day after"],
)
def test_the_days_of_the_tests_are_chinese_days_both_included(moment: datetime, *, are_open: bool) -> None:
    cycle = a_cycle(tests_from=date(2026, 5, 11), tests_until=date(2026, 5, 20))
    assert cycle.tests_are_open(moment) is are_open


def test_tests_may_last_one_day() -> None:
    cycle = a_cycle(tests_from=date(2026, 5, 11), tests_until=date(2026, 5, 11))
    assert cycle.tests_are_open(datetime(2026, 5, 11, 4, 0, tzinfo=UTC))


def test_the_days_are_said_as_people_write_them() -> None:
    assert a_cycle().window() == "2026-05-11 至 2026-05-20"
