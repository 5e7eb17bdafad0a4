from datetime import timedelta

import pytest

from exam_service.accounts.model import ROLE_LABELS, STAFF, Principal, Role, SessionLimits, session_is_live
from exam_service.errors import Forbidden
from tests.factories import BODY, INSTITUTION, an_id, at

LIMITS = SessionLimits(idle=timedelta(minutes=15), whole=timedelta(hours=8))
IDLE, WHOLE = 15 * 60, 8 * 3600


def somebody(role: Role, *, with_body: bool) -> Principal:
    return Principal(an_id(), role, "hunan", "王芳", BODY if with_body else None, INSTITUTION)


@pytest.mark.parametrize(
    ("seen", "now", "live"),
    [
        (0, 0, True),
        (0, IDLE - 1, True),
        (0, IDLE, False),
        (IDLE, 2 * IDLE - 1, True),
        (WHOLE - 1, WHOLE - 0.001, True),
        (WHOLE - 1, WHOLE, False),
    ],
    ids=["just used", "almost idle", "idle", "used again", "almost over", "over however busy"],
)
def test_a_session_ends_when_idle_and_ends_anyway(seen: float, now: float, *, live: bool) -> None:
    assert session_is_live(LIMITS, at(seen), at(WHOLE), at(now)) is live


def test_staff_of_a_body_work_for_it() -> None:
    assert somebody(Role.BODY, with_body=True).of_body() == BODY


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.BODY])
def test_nobody_else_works_for_a_body(role: Role) -> None:
    with pytest.raises(Forbidden, match="此功能仅供考核机构人员使用。"):
        somebody(role, with_body=True).of_body()


def test_staff_of_no_body_work_for_none() -> None:
    with pytest.raises(Forbidden, match="此功能仅供考核机构人员使用。"):
        somebody(Role.BODY, with_body=False).of_body()


def test_every_role_has_a_name_and_all_but_physicians_are_staff() -> None:
    assert set(ROLE_LABELS) == set(Role)
    assert set(STAFF) == set(Role) - {Role.PHYSICIAN}
    assert somebody(Role.BODY, with_body=True).role_label == "考核机构"
