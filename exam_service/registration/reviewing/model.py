"""What reviewers find and decide, and what follows from it. Pure.

Sources: domain.md (Rules from the law, Reviewers' checklists) after 医师定期考核管理办法; Hunan's manual for
what each level looks at (第三阶段机构审核).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from exam_service.cycles.form_rules import REASON_LONGEST
from exam_service.cycles.policy import ReviewLevel
from exam_service.errors import Conflict, Invalid
from exam_service.registration.form.checks import Shortfall
from exam_service.registration.form.model import Conduct, EthicsGrade
from exam_service.registration.model import Result, State

UNDO_WITHIN = timedelta(minutes=10)
MOST_IN_BULK = 100

AWAITING: Mapping[ReviewLevel, State] = {
    ReviewLevel.INSTITUTION: State.INSTITUTION_REVIEW,
    ReviewLevel.BODY: State.BODY_REVIEW,
}
"""The state that a level decides on, and that an undone decision goes back to."""


class Decision(StrEnum):
    APPROVED = "approved"
    RETURNED = "returned"
    RETURNED_TO_INSTITUTION = "returned_to_institution"
    UNDONE = "undone"


DECISION_LABELS: Mapping[Decision, str] = {
    Decision.APPROVED: "通过",
    Decision.RETURNED: "驳回医师",
    Decision.RETURNED_TO_INSTITUTION: "退回医疗卫生机构",
    Decision.UNDONE: "撤销上一步",
}
REVIEW_LABELS: Mapping[ReviewLevel, str] = {
    ReviewLevel.INSTITUTION: "医疗卫生机构审核",
    ReviewLevel.BODY: "考核机构复核",
}


class Check(StrEnum):
    """What a reviewer has looked at."""

    PHOTO = "photo"
    EVIDENCE = "evidence"
    RATINGS = "ratings"
    LICENCE = "licence"


CHECK_LABELS: Mapping[Check, str] = {
    Check.PHOTO: "头像是近期一寸免冠证件照",
    Check.EVIDENCE: "简易程序证明材料符合要求",
    Check.RATINGS: "工作成绩和职业道德已评定",
    Check.LICENCE: "执业证书真实，且显示在该机构执业",
}


def checklist(level: ReviewLevel, *, simple: bool, licence: bool) -> tuple[Check, ...]:
    """What this level looks at.

    Args:
        simple: Whether the simple procedure was applied for.
        licence: Whether the province asks for pictures of the licence.
    """
    if level is ReviewLevel.INSTITUTION:
        wanted = (Check.PHOTO, *((Check.EVIDENCE,) if simple else ()), Check.RATINGS)
    else:
        wanted = (
            *((Check.LICENCE,) if licence else ()),
            *((Check.EVIDENCE,) if simple else ()),
            Check.RATINGS,
        )
    return wanted


@dataclass(frozen=True)
class Ratings:
    """What a level holds of a physician's work and ethics.

    Attributes:
        quantity, quality, task: Whether each part of the work performance is 合格.
        grade: Of the ethics, as the physician graded themselves or the institution corrected it.
        ethics_fit: 职业道德 as it was rated; see :attr:`ethics` for what counts.
        misconduct: Codes of the policy's list.
    """

    quantity: bool
    quality: bool
    task: bool
    grade: EthicsGrade
    ethics_fit: bool = True
    misconduct: tuple[str, ...] = ()

    @property
    def performance(self) -> bool:
        """工作成绩: one part that is 不合格 makes the whole so."""
        return self.quantity and self.quality and self.task

    @property
    def ethics(self) -> bool:
        """职业道德: listed misconduct forces 不合格, whatever was rated (管理办法 §27)."""
        return self.ethics_fit and not self.misconduct

    @property
    def result(self) -> Result:
        """What the cycle comes to by these alone; papers may still fail it."""
        return Result.PASSED if self.performance and self.ethics else Result.FAILED

    @property
    def cause(self) -> str:
        """Why it is failed, as the code of a move."""
        if self.misconduct:
            return "misconduct_upheld"
        return "ethics_upheld" if not self.ethics else "performance_upheld"

    def to_json(self) -> dict[str, Any]:
        """As ``registration_review.ratings`` has it; :func:`parse_ratings` reads it."""
        return {
            "quantity": self.quantity,
            "quality": self.quality,
            "task": self.task,
            "performance": self.performance,
            "ethics_grade": self.grade.value,
            "ethics_fit": self.ethics_fit,
            "ethics": self.ethics,
            "misconduct": list(self.misconduct),
        }


def parse_ratings(raw: Mapping[str, Any]) -> Ratings:
    """Read what :meth:`Ratings.to_json` wrote."""
    return Ratings(
        bool(raw["quantity"]),
        bool(raw["quality"]),
        bool(raw["task"]),
        EthicsGrade(raw["ethics_grade"]),
        bool(raw.get("ethics_fit", raw["ethics"])),
        tuple(raw["misconduct"]),
    )


def self_assessed(conduct: Conduct) -> Ratings:
    """What a physician holds of themselves: what the institution's rating is prefilled with."""
    return Ratings(
        conduct.quantity is not False,
        conduct.quality is not False,
        conduct.task is not False,
        conduct.ethics or EthicsGrade.FAIR,
        misconduct=tuple(conduct.misconduct) if conduct.has_misconduct else (),
    )


@dataclass(frozen=True)
class Review:
    """One decision; rows are never changed.

    Attributes:
        ratings: What counts from this decision on; ``None`` for a return.
        upheld: Of the body only: whether it held to the institution's ratings.
        marked: Names of the fields that the physician has to correct.
        office: The institution or body that the reviewer works for; it may not be the physician's any more.
    """

    id: UUID
    registration_id: UUID
    level: ReviewLevel
    decision: Decision
    checklist: tuple[str, ...]
    ratings: Ratings | None
    upheld: bool | None
    reason: str
    marked: tuple[str, ...]
    reviewer_id: UUID
    reviewer: str
    decided_at: datetime
    office: UUID | None = None


class Doubt(StrEnum):
    """Why a form isn't approved along with others: a person looks at it by itself."""

    BAD_RECORD = "bad_record"
    MISCONDUCT = "misconduct"
    SELF_RATED = "self_rated"
    RATED = "rated"
    UNRATED = "unrated"
    SHORTFALL = "shortfall"
    PHOTO = "photo"
    LICENCE = "licence"
    RETURNED_BEFORE = "returned_before"


DOUBT_LABELS: Mapping[Doubt, str] = {
    Doubt.BAD_RECORD: "有不良行为记录",
    Doubt.MISCONDUCT: "有所列情形",
    Doubt.SELF_RATED: "自评有不合格",
    Doubt.RATED: "机构评为不合格",
    Doubt.UNRATED: "机构尚未评定",
    Doubt.SHORTFALL: "执业年限待核实",
    Doubt.PHOTO: "照片尚未通过检查",
    Doubt.LICENCE: "执业证书图片尚未通过检查",
    Doubt.RETURNED_BEFORE: "曾被退回",
}


@dataclass(frozen=True)
class Facts:
    """What a form, its pictures and earlier decisions say, as far as rules look at it.

    Attributes:
        institution: Its ratings; ``None`` before it gave them.
        shortfall: The hint that the computed years fall short of a chosen condition, for a person to weigh.
        returned: Whether the body has sent this very submission back to the institution.
    """

    own: Ratings
    institution: Ratings | None
    has_bad_records: bool
    shortfall: Shortfall | None
    photo_accepted: bool
    licence_accepted: bool
    returned: bool = False


def doubts(level: ReviewLevel, facts: Facts) -> tuple[Doubt, ...]:
    """Why a person should look at this form by itself; none for the uncontested."""
    found = {
        Doubt.BAD_RECORD: facts.has_bad_records,
        Doubt.MISCONDUCT: bool(
            facts.own.misconduct or (facts.institution is not None and facts.institution.misconduct)
        ),
        Doubt.SELF_RATED: facts.own.result is Result.FAILED and not facts.own.misconduct,
        Doubt.RATED: facts.institution is not None
        and facts.institution.result is Result.FAILED
        and not facts.institution.misconduct,
        Doubt.UNRATED: level is ReviewLevel.BODY and facts.institution is None,
        Doubt.SHORTFALL: facts.shortfall is not None,
        Doubt.PHOTO: not facts.photo_accepted,
        Doubt.LICENCE: not facts.licence_accepted,
        Doubt.RETURNED_BEFORE: facts.returned,
    }
    return tuple(doubt for doubt, is_there in found.items() if is_there)


def ticked_beforehand(level: ReviewLevel, wanted: Sequence[Check], facts: Facts) -> frozenset[Check]:
    """The ratings, where nothing speaks against them. What a picture shows only a person can say."""
    against = {
        Doubt.MISCONDUCT,
        Doubt.SELF_RATED,
        Doubt.RATED,
        Doubt.UNRATED,
        Doubt.BAD_RECORD,
        Doubt.RETURNED_BEFORE,
    }
    return frozenset({Check.RATINGS} & set(wanted) if not against & set(doubts(level, facts)) else ())


@dataclass(frozen=True)
class Outcome:
    """Where a decision leads. ``result`` comes with :attr:`State.CONCLUDED` and only with it."""

    state: State
    cause: str
    result: Result | None = None


def outcome(
    level: ReviewLevel, decision: Decision, ratings: Ratings | None = None, *, papers: bool = True
) -> Outcome:
    """What a decision leads to.

    Args:
        ratings: That count after the body's approval: the institution's where it upheld them, else its own.
        papers: Whether a paper is left to sit, exempted ones left out.
    """
    if decision is Decision.RETURNED:
        return Outcome(State.RETURNED, f"returned_by_{level}")
    if level is ReviewLevel.INSTITUTION:
        return Outcome(State.BODY_REVIEW, "institution_approved")
    if decision is Decision.RETURNED_TO_INSTITUTION:
        return Outcome(State.INSTITUTION_REVIEW, "returned_to_institution")
    assert ratings is not None  # noqa: S101 - the body approves rated forms only
    if ratings.result is Result.FAILED:
        return Outcome(State.CONCLUDED, ratings.cause, Result.FAILED)
    if not papers:
        return Outcome(State.CONCLUDED, "no_paper_applies", Result.PASSED)
    return Outcome(State.REGISTERED, "body_approved")


def may_undo(newest: Review | None, state: State, now: datetime, level: ReviewLevel) -> bool:
    """Whether the newest decision of a registration may be taken back by the level that made it.

    A conclusion can't: changing a confirmed result needs two different people (Rules from the law).
    """
    return (
        newest is not None
        and newest.level is level
        and newest.decision is not Decision.UNDONE
        and now < newest.decided_at + UNDO_WITHIN
        and state in _LED_TO[level, newest.decision]
    )


_LED_TO: Mapping[tuple[ReviewLevel, Decision], frozenset[State]] = {
    (ReviewLevel.INSTITUTION, Decision.APPROVED): frozenset({State.BODY_REVIEW}),
    (ReviewLevel.INSTITUTION, Decision.RETURNED): frozenset({State.RETURNED}),
    (ReviewLevel.BODY, Decision.APPROVED): frozenset({State.REGISTERED}),
    (ReviewLevel.BODY, Decision.RETURNED): frozenset({State.RETURNED}),
    (ReviewLevel.BODY, Decision.RETURNED_TO_INSTITUTION): frozenset({State.INSTITUTION_REVIEW}),
}


def check_undo(newest: Review | None, state: State, now: datetime, level: ReviewLevel) -> Review:
    """The decision to take back.

    Raises:
        Conflict: It is too late, somebody else has decided since, or the physician has gone on.
    """
    if not may_undo(newest, state, now, level):
        if state is State.CONCLUDED:
            raise Conflict(
                "已作出考核结论，不能撤销；更改结论须由两位不同的工作人员办理。",
                code="concluded",
                state=state,
            )
        raise Conflict(
            "已超过10分钟，或之后又有新的操作，不能撤销，请刷新后查看现在的状态。",
            code="undo_over",
            state=state,
        )
    assert newest is not None  # noqa: S101 - may_undo said so
    return newest


def check_awaits(level: ReviewLevel, state: State, newest: Review | None, *, same_basis: bool) -> None:
    """Raises Conflict unless the form still stands as the reviewer saw it.

    Args:
        same_basis: Whether submission and last decision are those of the page that was decided on.
    """
    if state is AWAITING[level] and same_basis:
        return
    if newest is not None and newest.decision is not Decision.UNDONE and state is not AWAITING[level]:
        raise Conflict(
            f"{newest.reviewer}已先处理：{DECISION_LABELS[newest.decision]}。您的操作没有保存，请查看处理结果。",
            code="decided_by_another",
            state=state,
        )
    if state is AWAITING[level]:
        raise Conflict(
            "您打开页面之后，这份报名信息有了新的变化，操作没有保存，请查看最新内容后再处理。",
            code="changed_since",
            state=state,
        )
    raise Conflict("这份报名信息现在不在待处理状态，请返回列表查看。", code="not_awaiting", state=state)


def check_checklist(wanted: Sequence[Check], ticked: Collection[str]) -> None:
    """Raises Invalid, naming what hasn't been looked at."""
    missing = [CHECK_LABELS[check] for check in wanted if check not in ticked]
    if missing:
        raise Invalid(f"请先核对并勾选：{'；'.join(missing)}。不符合的请驳回。", code="unchecked")


def check_return(reason: str) -> None:
    """Raises Invalid for a return without a reason, or with one too long."""
    if not reason:
        raise Invalid("请填写驳回原因，让对方知道怎样更正。", code="no_reason")
    check_length(reason)


def check_length(reason: str) -> None:
    """Raises Invalid for a reason that is too long (the manuals' 200 characters)."""
    if len(reason) > REASON_LONGEST:
        raise Invalid(
            f"原因不能超过{REASON_LONGEST}字，现在是{len(reason)}字，请精简后提交。", code="reason_too_long"
        )


def check_rating(ratings: Ratings, reason: str, misconduct: Collection[str]) -> None:
    """What holds for an institution's rating.

    Args:
        misconduct: The codes of the policy's list.

    Raises:
        Invalid: A code is on no list, or 不合格 comes without its reason.
    """
    if set(ratings.misconduct) - set(misconduct):
        raise Invalid("所选情形不在本省的列表中，请刷新页面后重新选择。", code="no_such_misconduct")
    if ratings.result is Result.FAILED and not reason:
        raise Invalid("评为不合格的，请写明理由，供考核机构复核。", code="no_reason")
    check_length(reason)


def rerated(institution: Ratings, own: Ratings | None, reason: str) -> tuple[Ratings, bool]:
    """The ratings that count after the body's approval, and whether the institution's were upheld.

    Args:
        own: The body's own, where it overturns.

    Raises:
        Invalid: Overturned without a difference or a reason.
    """
    if own is None:
        return institution, True
    if own == institution:
        raise Invalid("评定与机构相同，请选择“维持机构评定”。", code="nothing_overturned")
    if not reason:
        raise Invalid("改变机构评定的，请写明理由。", code="no_reason")
    check_length(reason)
    return own, False


@dataclass(frozen=True)
class Phrase:
    """A ready-made reason, and the fields that it marks."""

    code: str
    text: str
    marks: tuple[str, ...]


PHRASES: Mapping[ReviewLevel, tuple[Phrase, ...]] = {
    ReviewLevel.INSTITUTION: (
        Phrase("photo", "头像不是近期一寸免冠证件照，请重新上传。", ("photo",)),
        Phrase("evidence", "简易程序证明材料不符合要求，请补充后重新提交。", ("procedure",)),
        Phrase(
            "conduct", "工作成绩或职业道德自评与实际不符，请更正。", ("conduct.quantity", "conduct.ethics")
        ),
        Phrase("practice", "执业信息与电子化注册信息不一致，请核对后更正。", ("practice.practising_number",)),
    ),
    ReviewLevel.BODY: (
        Phrase("licence", "执业证书图片不清晰或不完整，请重新上传。", ("licence",)),
        Phrase("institution", "执业证书未显示在本机构执业，请上传现执业机构的执业证书。", ("licence",)),
        Phrase("evidence", "简易程序证明材料不符合要求，请补充后重新提交。", ("procedure",)),
        Phrase("photo", "头像不是近期一寸免冠证件照，请重新上传。", ("photo",)),
    ),
}


def compose_reason(level: ReviewLevel, codes: Collection[str], text: str) -> tuple[str, tuple[str, ...]]:
    """The reason of ready-made phrases and what was typed, and the fields that the phrases mark."""
    chosen = [phrase for phrase in PHRASES[level] if phrase.code in codes]
    typed = text.strip()
    parts = [phrase.text for phrase in chosen if phrase.text not in typed]
    marks = tuple(dict.fromkeys(mark for phrase in chosen for mark in phrase.marks))
    return "".join([*parts, typed]), marks
