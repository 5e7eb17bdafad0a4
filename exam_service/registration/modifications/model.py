"""申请修改: what a registered physician may ask to have changed, and what the institution decides. Pure.

Source: Shanxi's manual, 2.5.6 个人信息: whoever finds a mistake after 报名完成 changes it
there, gives the reason, and waits for the institution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from exam_service.cycles.form_rules import REASON_LONGEST, LockableField
from exam_service.cycles.policy import Policy
from exam_service.errors import Conflict, IllegalMove, Invalid, NotFound
from exam_service.registration.form.fields import Step, fields_of
from exam_service.registration.form.model import Form, parse_form
from exam_service.registration.model import Entitlement
from exam_service.registration.model import State as Registered

PAGE_SIZE = 20
_LOCKABLE: Mapping[LockableField, str] = {
    LockableField.BIRTH: "basic.born_on",
    LockableField.SEX: "basic.sex",
    LockableField.QUALIFICATION_NUMBER: "practice.qualification_number",
    LockableField.PRACTISING_NUMBER: "practice.practising_number",
}
_SETTLED = frozenset({"basic.mobile", "practice.category", "practice.level"})
"""The mobile number is the account's, changed there by a code. Category and level decide which paper is
drawn: whoever has them wrong is returned, and reviewed anew."""
_STEPS = (Step.BASIC, Step.PRACTICE, Step.EXPERIENCE)
"""What the manual's page shows: what reviewers rated and the procedure they approved isn't among it."""


class State(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[State, frozenset[State]] = {
    State.OPEN: frozenset({State.GRANTED, State.REFUSED, State.WITHDRAWN}),
    State.GRANTED: frozenset(),
    State.REFUSED: frozenset(),
    State.WITHDRAWN: frozenset(),
}
STATE_LABELS: Mapping[State, tuple[str, str]] = {
    State.OPEN: ("info", "待医疗卫生机构审核"),
    State.GRANTED: ("good", "已同意，修改生效"),
    State.REFUSED: ("bad", "未同意"),
    State.WITHDRAWN: ("muted", "已撤回"),
}


@dataclass(frozen=True)
class Decision:
    """What the institution said; ``by`` is a name."""

    granted: bool
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Request:
    """One request. Its values are sealed apart from it: see :class:`Changes`.

    Attributes:
        fields: Names of the fields that are to change, in the order of the form.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    fields: tuple[str, ...]
    reason: str
    asked_at: datetime
    state: State
    decision: Decision | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class Changes:
    """The values of a request by field, as the form's JSON has them: those before, and those asked for."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"old": dict(self.old), "new": dict(self.new)}


def parse_changes(raw: Mapping[str, Any]) -> Changes:
    """Read what :meth:`Changes.to_json` wrote."""
    return Changes(raw["old"], raw["new"])


def check_move(request_id: UUID, from_state: State, to_state: State) -> None:
    """Raises IllegalMove for a move that :data:`MOVES` doesn't list."""
    if to_state not in MOVES[from_state]:
        raise IllegalMove("modification_request", request_id, from_state, to_state)


def changeable(policy: Policy) -> dict[str, str]:
    """The fields that may be asked for, with their labels. Pictures, name and document are none of them.

    Raises:
        NotFound: The province knows no such requests.
    """
    if not policy.form.modification:
        raise NotFound("没有找到您要的页面，请返回首页。", code="no_modifications")
    locked = _SETTLED | {name for field, name in _LOCKABLE.items() if field in policy.form.locked}
    return {
        field: label
        for field, label in fields_of(policy).items()
        if field.partition(".")[0] in _STEPS and field not in locked
    }


def value_of(form: Form, field: str) -> Any:
    """A field's value as the form's JSON has it."""
    value: Any = form.to_json()
    for name in field.split("."):
        value = value[name]
    return value


def with_values(form: Form, values: Mapping[str, Any]) -> Form:
    """The form with these values."""
    raw = form.to_json()
    for field, value in values.items():
        *path, last = field.split(".")
        table = raw
        for name in path:
            table = table[name]
        table[last] = value
    return parse_form(raw)


def changes_between(old: Form, new: Form, fields: Sequence[str]) -> Changes:
    """What is different in these fields."""
    changed = [field for field in fields if value_of(old, field) != value_of(new, field)]
    return Changes(
        {field: value_of(old, field) for field in changed}, {field: value_of(new, field) for field in changed}
    )


def check_may_ask(entitled: Entitlement, requests: Sequence[Request]) -> None:
    """May this physician ask for a modification now?

    Raises:
        NotFound: The province knows no such requests.
        Conflict: Not registered (yet, any more), or another request is open.
    """
    changeable(entitled.cycle.policy)
    state = entitled.registration.state
    if state is Registered.CONCLUDED:
        raise Conflict("本周期考核已结束，不能再申请修改。", code="concluded")
    if not entitled.may_test:
        raise Conflict("报名完成后才能申请修改；报名被驳回的，请直接更正后重新提交。", code="not_registered")
    if any(request.state is State.OPEN for request in requests):
        raise Conflict("您的修改申请正在等待医疗卫生机构审核，审核后才能再次申请。", code="request_open")


def check_request(changes: Changes, reason: str) -> None:
    """Raises Invalid for a request without a change or a reason, or with too long a one."""
    if not changes.new:
        raise Invalid("没有任何修改，请更改需要修改的信息后再提交。", code="nothing_changed")
    if not reason:
        raise Invalid("请填写申请理由。", code="no_reason")
    _check_length(reason)


def check_decision(request: Request, *, granted: bool, reason: str) -> None:
    """Raises Conflict when it was decided or withdrawn; Invalid for a refusal without a reason."""
    if request.state is State.WITHDRAWN:
        raise Conflict("医师已撤回这份修改申请，请返回列表。", code="withdrawn")
    if request.state is not State.OPEN:
        raise Conflict("这份修改申请已经处理过，请返回列表查看。", code="already_decided")
    if not granted and not reason:
        raise Invalid("不同意修改须填写理由，医师会看到。", code="no_reason")
    _check_length(reason)


def _check_length(reason: str) -> None:
    if len(reason) > REASON_LONGEST:
        raise Invalid(
            f"理由不能超过{REASON_LONGEST}字，现在是{len(reason)}字，请精简后提交。", code="reason_too_long"
        )
