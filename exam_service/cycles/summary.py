"""What a policy says, in the words of those who choose it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import (
    PROCEDURE_LABELS,
    Confirmation,
    PaperRule,
    Policy,
    Procedure,
    ReviewLevel,
)
from exam_service.organisations.entry import Entry, LoginName

_LEVELS = {ReviewLevel.INSTITUTION: "医疗卫生机构", ReviewLevel.BODY: "考核机构"}
_LOGINS = {LoginName.IDENTITY: "证件号码", LoginName.MOBILE: "手机号"}
_UPLOADS = {UploadKind.PHOTO: "照片", UploadKind.LICENCE: "执业证书", UploadKind.EVIDENCE: "证明材料"}


@dataclass(frozen=True)
class Fact:
    label: str
    lines: tuple[str, ...]


def summary(policy: Policy) -> list[Fact]:
    """The rules of a policy, a few lines each."""
    return [
        *(Fact(PROCEDURE_LABELS[each], tuple(_papers(policy, each))) for each in Procedure),
        Fact("简易程序条件", tuple(each.label for each in policy.form.conditions)),
        Fact("免考", tuple(_exemption(policy))),
        Fact("报名表", tuple(_form(policy))),
        Fact("登录与账号", tuple(_entry(policy))),
        Fact("系统维护", tuple(each.words for each in policy.entry.maintenance) or ("没有固定的维护时间",)),
    ]


def _papers(policy: Policy, procedure: Procedure) -> Iterator[str]:
    rule = policy.procedures[procedure]
    for paper in rule.papers:
        yield f"{policy.label(paper.subject)}：{_paper(paper)}"
    if not rule.papers:
        yield "不参加测评，复核通过后结束"
    elif rule.in_order and len(rule.papers) > 1:
        yield "按顺序参加，前一项完成后开放下一项"


def _paper(rule: PaperRule) -> str:
    often = "不限次" if rule.attempts is None else f"{rule.attempts}次"
    when = "交卷即出成绩" if rule.confirmation is Confirmation.IMMEDIATE else "成绩由考核机构评定"
    pause = f"，两次间隔{rule.pause_minutes}分钟" if rule.pause_minutes else ""
    return f"{rule.items}题，{rule.minutes}分钟，{rule.pass_mark}分合格，{often}{pause}，{when}"


def _exemption(policy: Policy) -> Iterator[str]:
    for procedure in Procedure:
        rule = policy.procedures[procedure]
        if waived := [policy.label(each.subject) for each in rule.papers if each.subject in rule.exemptible]:
            yield f"{PROCEDURE_LABELS[procedure]}可免{'、'.join(waived)}"
    yield "、".join(_LEVELS[level] for level in policy.exemption.levels) + "审核"
    yield "在规定的免考申请时间内申请" if policy.exemption.own_stage else "报名完成后、测评开始前申请"


def _form(policy: Policy) -> Iterator[str]:
    for kind, rule in policy.form.uploads.items():
        if kind is not UploadKind.LICENCE or policy.form.licence:
            yield f"{_UPLOADS[kind]}：{rule.type_words}，每张{rule.max_megabytes}MB以下，最多{rule.most}张"
    if policy.form.research:
        yield "含科研成果"
    if policy.form.modification:
        yield "报名完成后可申请修改"


def _entry(policy: Policy) -> Iterator[str]:
    entry = policy.entry
    yield (
        "、".join(_LOGINS[name] for name in entry.login)
        + "登录"
        + ("，须输入验证码" if entry.captcha else "")
    )
    if entry.self_registration:
        yield "医师可自行注册，与名册比对"
    yield _activation(entry)


def _activation(entry: Entry) -> str:
    if not entry.mobile_code:
        return "凭单位打印的激活单激活"
    if entry.unlisted_mobile:
        return "手机验证码激活；名册中没有手机号的，绑定本人填写的手机号"
    return "手机验证码激活；名册中没有手机号的，凭单位打印的激活单激活"
