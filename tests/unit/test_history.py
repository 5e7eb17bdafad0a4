"""The history: what each feature wrote down, in words, for staff and for the physician."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from exam_service.accounts.model import ConsentRecord, Role
from exam_service.cycles.policy import Confirmation, ReviewLevel, Subject
from exam_service.exemptions.model import Application
from exam_service.exemptions.model import Decision as ExemptionDecision
from exam_service.exemptions.model import State as ExemptionState
from exam_service.history.model import (
    ACTS,
    Journaled,
    Step,
    Transfer,
    as_the_physician_sees,
    by_day,
    steps_of_acts,
    steps_of_consents,
    steps_of_exemptions,
    steps_of_modifications,
    steps_of_moves,
    steps_of_papers,
    steps_of_reviews,
    steps_of_supervision,
    steps_of_transfers,
)
from exam_service.papers.model import Attempt
from exam_service.papers.model import Move as PaperMove
from exam_service.papers.model import State as Paper
from exam_service.registration.form.model import EthicsGrade
from exam_service.registration.model import MOVES, Move, Result, State
from exam_service.registration.modifications.model import Decision as Answer
from exam_service.registration.modifications.model import Request
from exam_service.registration.modifications.model import State as Asked
from exam_service.registration.reviewing.model import Decision, Ratings, Review
from exam_service.registration.supervision.model import Act, Supervised
from tests.factories import (
    ADMITTED,
    REGISTRATION,
    a_policy,
    a_registration,
    a_rule,
    an_attempt,
    an_id,
    at,
    passed_attempt,
)

POLICY = a_policy("shanxi-2024")
PHYSICIAN = "李医师"


def a_move(before: State, after: State, role: Role | None = Role.INSTITUTION, cause: str = "test") -> Move:
    return Move(ADMITTED, before, after, cause, "王某" if role else None, role)


def test_every_move_of_the_table_has_words_of_its_own() -> None:
    for before, others in MOVES.items():
        for after in others:
            (step,) = steps_of_moves([a_move(before, after)], a_registration(), reviewed=False)
            assert step.title != "状态变更" or (before, after) in UNWORDED


UNWORDED = {
    (state, State.NOT_ADMITTED)
    for state in (State.INSTITUTION_REVIEW, State.BODY_REVIEW, State.REGISTERED, State.TESTING)
}
"""Only the authority makes these, which has words for all of them."""


@pytest.mark.parametrize(
    ("move", "title", "role"),
    [
        (a_move(State.NOT_ADMITTED, State.ADMITTED), "允许报名", "医疗卫生机构"),
        (a_move(State.ADMITTED, State.NOT_ADMITTED), "取消报名", "医疗卫生机构"),
        (a_move(State.DRAFT, State.INSTITUTION_REVIEW, Role.PHYSICIAN), "提交报名信息", "医师"),
        (a_move(State.REGISTERED, State.TESTING, Role.PHYSICIAN), "开始参加测评", "医师"),
        (a_move(State.TESTING, State.CONCLUDED, None), "考核结束：合格", "系统"),
    ],
)
def test_a_move_is_told_in_words(move: Move, title: str, role: str) -> None:
    (step,) = steps_of_moves([move], a_registration(result=Result.PASSED), reviewed=False)
    assert (step.title, step.role) == (title, role)


def test_what_reviewers_did_is_told_once() -> None:
    moves = [
        a_move(State.DRAFT, State.INSTITUTION_REVIEW, Role.PHYSICIAN),
        a_move(State.INSTITUTION_REVIEW, State.RETURNED),
        a_move(State.RETURNED, State.DRAFT, Role.PHYSICIAN),
        a_move(State.INSTITUTION_REVIEW, State.BODY_REVIEW),
        a_move(State.BODY_REVIEW, State.REGISTERED, Role.BODY),
        a_move(State.BODY_REVIEW, State.CONCLUDED, Role.BODY),
    ]
    told = [step.title for step in steps_of_moves(moves, a_registration(), reviewed=True)]
    assert told == ["提交报名信息", "开始更正", "考核结束"]
    assert len(steps_of_moves(moves, a_registration(), reviewed=False)) == len(moves)


def a_review(level: ReviewLevel, decision: Decision, reason: str = "", *marked: str) -> Review:
    ratings = (
        Ratings(quantity=True, quality=True, task=False, grade=EthicsGrade.GOOD)
        if decision is Decision.APPROVED
        else None
    )
    return Review(
        an_id(), REGISTRATION, level, decision, (), ratings, None, reason, marked, an_id(), "王某", ADMITTED
    )


def test_a_return_says_why_and_which_fields_and_an_approval_what_was_rated() -> None:
    returned, approved, sent_back = steps_of_reviews(
        [
            a_review(ReviewLevel.INSTITUTION, Decision.RETURNED, "照片不清楚", "photo", "basic.email"),
            a_review(ReviewLevel.INSTITUTION, Decision.APPROVED, "任务未完成"),
            a_review(ReviewLevel.BODY, Decision.RETURNED_TO_INSTITUTION, "请核对评定"),
        ],
        POLICY,
    )
    assert returned.title == "医疗卫生机构驳回，需更正：照片、电子邮箱"
    assert (returned.reason, returned.note) == ("照片不清楚", "")
    assert approved.note == "工作业绩不合格，医德医风合格；任务未完成"
    assert sent_back.internal
    seen = as_the_physician_sees([returned, approved, sent_back])
    assert [(step.who, step.reason, step.note) for step in seen] == [(None, "照片不清楚", ""), (None, "", "")]


def test_a_physician_sees_their_own_name_and_nobody_elses() -> None:
    own = Step(ADMITTED, "提交", "医师", PHYSICIAN, own=True)
    other = Step(ADMITTED, "审核", "考核机构", "王某", note="内部")
    assert [step.who for step in as_the_physician_sees([own, other])] == [PHYSICIAN, None]


def test_days_are_those_of_china_the_oldest_first() -> None:
    late = Step(datetime(2026, 5, 11, 16, 30, tzinfo=UTC), "零点半", "系统")
    early = Step(datetime(2026, 5, 11, 15, 30, tzinfo=UTC), "夜里", "系统")
    assert by_day([late, early]) == [(date(2026, 5, 11), [early]), (date(2026, 5, 12), [late])]


def test_consent_is_told_by_its_date_alone() -> None:
    records = [
        ConsentRecord("v2", at(20), None, at(30)),
        ConsentRecord("v1", None, at(10), None),
    ]
    assert {(step.title, step.at) for step in steps_of_consents(records, PHYSICIAN)} == {
        ("不同意采集人脸信息", at(10)),
        ("同意采集人脸信息", at(20)),
        ("撤回人脸信息授权", at(30)),
    }


def test_an_exemption_is_told_from_application_to_decision() -> None:
    application = Application(
        an_id(),
        "shanxi",
        REGISTRATION,
        Subject.PROFESSIONAL,
        ("residency",),
        "",
        at(0),
        ExemptionState.REFUSED,
        (
            ExemptionDecision(ReviewLevel.INSTITUTION, True, "", "王某", at(10)),
            ExemptionDecision(ReviewLevel.BODY, False, "不在周期内", "赵某", at(20)),
        ),
    )
    steps = steps_of_exemptions([application], POLICY, PHYSICIAN)
    assert [(step.title, step.reason) for step in steps] == [
        ("申请业务水平免考", "在考核周期内按规定通过住院医师规范化培训"),
        ("业务水平免考审核同意", ""),
        ("业务水平免考未通过", "不在周期内"),
    ]
    withdrawn = replace(application, decisions=(), withdrawn_at=at(30))
    assert steps_of_exemptions([withdrawn], POLICY, PHYSICIAN)[-1].title == "撤回业务水平免考申请"


def test_a_modification_is_told_by_its_fields_never_by_their_values() -> None:
    fields = ("basic.email", "practice.title")
    request = Request(an_id(), "shanxi", REGISTRATION, fields, "填错", at(0), Asked.GRANTED)
    granted = replace(request, decision=Answer(True, "", "王某", at(9)))
    assert [step.title for step in steps_of_modifications([granted], POLICY, PHYSICIAN)] == [
        "申请修改电子邮箱、职称",
        "同意修改，新信息已生效",
    ]
    refused = replace(request, decision=Answer(False, "不符", "王某", at(9)))
    assert steps_of_modifications([refused], POLICY, PHYSICIAN)[-1].reason == "不符"
    withdrawn = replace(request, withdrawn_at=at(9))
    assert steps_of_modifications([withdrawn], POLICY, PHYSICIAN)[-1].title == "撤回修改申请"


def test_a_transfer_is_told_with_the_institutions_words_for_staff_alone() -> None:
    transfer = Transfer(
        "医院乙", "医院甲", "已入职", at(0), "王某", "agreed", "同意", at(9), "赵某", Role.INSTITUTION
    )
    steps = steps_of_transfers([transfer])
    assert [step.title for step in steps] == ["医院甲申请调入", "同意调入医院甲"]
    assert [step.note for step in as_the_physician_sees(steps)] == ["", ""]
    assert len(steps_of_transfers([replace(transfer, state="open", decided_at=None)])) == 1


def test_the_authoritys_acts_are_told_once_with_their_reasons() -> None:
    withdrawn = a_move(State.REGISTERED, State.NOT_ADMITTED, Role.AUTHORITY, "withdrawn_by_authority")
    assert not steps_of_moves([withdrawn], a_registration(), reviewed=False)
    rehomed = Journaled(ADMITTED, "registration.rehomed", "", "钱某", Role.AUTHORITY, "医院乙")
    assert not steps_of_acts([rehomed])
    told = steps_of_supervision(
        [
            Supervised(Act.WITHDRAWN, "医院甲", None, "不在范围", "钱某", ADMITTED),
            Supervised(Act.MOVED, "医院甲", "医院乙", "登记有误", "钱某", ADMITTED),
        ]
    )
    assert [(step.title, step.reason) for step in as_the_physician_sees(told)] == [
        ("退出本周期", "不在范围"),
        ("调整机构：医院甲 → 医院乙", "登记有误"),
    ]


def test_every_act_that_is_told_has_words() -> None:
    for action in ACTS:
        (step,) = steps_of_acts([Journaled(ADMITTED, action, "原因", "王某", Role.INSTITUTION, "医院乙")])
        assert step.title.endswith("：医院乙")


def moves_of(attempt: Attempt, *states: Paper) -> list[PaperMove]:
    return [
        PaperMove(ADMITTED + timedelta(minutes=number), attempt, state, "handed_in", None, None)
        for number, state in enumerate(states)
    ]


WAY = (Paper.ADMITTED, Paper.RUNNING, Paper.CLOSED, Paper.MARKED)
BY_BODY = a_rule(confirmation=Confirmation.BODY)


@pytest.mark.parametrize(
    ("attempt", "states", "last"),
    [
        (passed_attempt(), WAY, "合格"),
        (passed_attempt(BY_BODY), WAY, "交卷"),
        (an_attempt(Paper.CONFIRMED, BY_BODY), (*WAY, Paper.CONFIRMED), "考核机构评定为合格"),
        (an_attempt(Paper.TERMINATED), (*WAY[:2], Paper.TERMINATED), "测评被终止"),
        (an_attempt(Paper.VOID), (*WAY, Paper.VOID), "本次测评作废"),
    ],
    ids=["at once", "not confirmed", "confirmed", "ended", "void"],
)
def test_a_result_is_told_once_it_is_known(attempt: Attempt, states: tuple[Paper, ...], last: str) -> None:
    steps = steps_of_papers(moves_of(attempt, *states), a_policy())
    assert steps[0].title == "人文医学测评（第1次）：开始答题"
    assert steps[-1].title == f"人文医学测评（第1次）：{last}"
