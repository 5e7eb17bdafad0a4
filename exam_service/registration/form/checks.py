"""What a form lacks or where it contradicts itself before it may be submitted. Pure.

Sources: the manuals for what is asked (the fields marked ``*``), the policy for records and conditions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import Policy, Procedure
from exam_service.registration.form.answers import Problems, entries_of, entry_lists
from exam_service.registration.form.fields import FIELD_LABELS, Step, scopes, step_of
from exam_service.registration.form.model import (
    LICENCE_SLOT,
    PHOTO_SLOT,
    PROCEDURE_SLOT,
    Form,
    Practice,
    Upload,
    UploadState,
    record_slot,
)
from exam_service.registration.form.view import of_slot

_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")
_NUMBER = re.compile(r"^[0-9A-Za-z-]{6,40}$")
_TYPED = (
    "basic.ethnicity",
    "basic.born_on",
    "basic.email",
    "practice.qualification_number",
    "practice.practising_number",
    "practice.licensed_on",
)
_CHOSEN = (
    "basic.sex",
    "basic.education",
    "practice.department_id",
    "practice.specialties",
    "practice.title",
    "practice.level",
    "practice.trainee",
    "practice.category",
    "practice.employment",
    "conduct.quantity",
    "conduct.quality",
    "conduct.task",
    "conduct.ethics",
    "procedure.procedure",
)
_DAYS = ("basic.born_on", "practice.title_on", "practice.position_on", "practice.qualified_on")
_NO_DEPARTMENTS = "所在机构还没有维护科室信息，请联系所在单位完善后再选择。"


@dataclass(frozen=True)
class Facts:
    """What the form is checked against.

    Attributes:
        departments: Those of the institution that may be chosen, with their specialties.
        today: In China.
    """

    departments: Mapping[UUID, tuple[str, ...]]
    today: date


def problems(form: Form, uploads: Sequence[Upload], policy: Policy, facts: Facts) -> Problems:
    """Everything that stands in the way of submitting, by field, in the order of the form."""
    found = {
        **_unanswered(form),
        **wrong(form, policy, facts),
        **_pictures(uploads, policy, form),
        **_records(form, uploads, policy),
        **_procedure(form, policy),
    }
    order = list(FIELD_LABELS)
    return dict(sorted(found.items(), key=lambda each: order.index(each[0])))


def of_step(found: Mapping[str, str], step: Step) -> Problems:
    """Those of one page."""
    return {field: sentence for field, sentence in found.items() if step_of(field) is step}


def wrong(form: Form, policy: Policy, facts: Facts) -> Problems:
    """What was answered and can't be right; said as soon as the page is left."""
    found: Problems = {}
    basic, practice = form.basic, form.practice
    if basic.email and not _EMAIL.match(basic.email):
        found["basic.email"] = "电子邮箱格式不正确，请核对，例如 name@example.com。"
    for field in ("practice.qualification_number", "practice.practising_number"):
        number = _value(form, field)
        if number and not _NUMBER.match(number):
            found[field] = "证书编号只含数字和字母，请按证书原样填写。"
    for field in (*_DAYS, "practice.licensed_on"):
        day = _value(form, field)
        if day and day > facts.today:
            found[field] = "日期不能晚于今天，请核对。"
    if basic.born_on and practice.licensed_on and practice.licensed_on <= basic.born_on:
        found["practice.licensed_on"] = "执业证书取得时间早于出生日期，请核对。"
    codes = {code for code, _ in policy.form.misconduct}
    if form.conduct.has_misconduct and not codes & set(form.conduct.misconduct):
        found["conduct.misconduct"] = "请勾选具体情形；没有的请选择“无”。"
    return {**found, **_not_offered(practice, facts)}


def _not_offered(practice: Practice, facts: Facts) -> Problems:
    found: Problems = {}
    if practice.department_id and practice.department_id not in facts.departments:
        found["practice.department_id"] = "所选科室已停用，请重新选择。"
    elif practice.department_id:
        offered = facts.departments[practice.department_id]
        if any(each not in offered for each in practice.specialties):
            found["practice.specialties"] = "所选专业不属于该科室，请重新选择。"
    if any(each not in scopes(practice.category) for each in practice.scopes):
        found["practice.scopes"] = "所选执业范围不属于该执业类别，请重新选择。"
    return found


def _unanswered(form: Form) -> Problems:
    found: Problems = {}
    for field in _TYPED:
        if not _value(form, field):
            found[field] = f"请填写{FIELD_LABELS[field]}。"
    for field in _CHOSEN:
        if _value(form, field) in (None, "", ()):
            found[field] = f"请选择{FIELD_LABELS[field]}。"
    if not form.basic.mobile:
        found["basic.mobile"] = "请先在账户设置中绑定手机号。"
    if not form.practice.scopes and form.practice.trainee is not True:
        found["practice.scopes"] = "请选择执业范围（规培生可不选）。"
    if form.conduct.has_misconduct is None:
        found["conduct.misconduct"] = "请选择有或无。"
    return found


def _pictures(uploads: Sequence[Upload], policy: Policy, form: Form) -> Problems:
    found: Problems = {}
    wanted = {PHOTO_SLOT: "请上传照片。"}
    if policy.form.licence:
        wanted[LICENCE_SLOT] = "请上传执业证（两页）或电子证照（一页）。"
    if form.procedure.procedure is Procedure.SIMPLE:
        wanted[PROCEDURE_SLOT] = policy.form.evidence_hint
    for slot, missing in wanted.items():
        if problem := picture_problem(of_slot(uploads, slot), missing):
            found[slot] = problem
    return found


def picture_problem(pictures: Sequence[Upload], missing: str) -> str | None:
    """What is wrong with the pictures in one place of the form where at least one is wanted."""
    if not pictures:
        return missing
    if any(each.state is UploadState.REFUSED for each in pictures):
        return "有图片未通过检查，请删除后重新上传。"
    if any(each.state is UploadState.PENDING for each in pictures):
        return "图片正在检查，通常几秒钟完成，请稍候再提交。"
    return None


def _records(form: Form, uploads: Sequence[Upload], policy: Policy) -> Problems:
    found: Problems = {}
    conduct = form.conduct
    for side, has, word in (("good", conduct.has_good, "良好"), ("bad", conduct.has_bad, "不良")):
        field = f"conduct.{side}_records"
        lists = [each for each in entry_lists(policy).values() if each.field == field]
        if has is None:
            found[field] = "请选择有或无。"
            continue
        entries = [(each, entry) for each in lists for entry in entries_of(form, each)]
        if has and not entries:
            found[field] = f"选择了“有”，请至少添加一项{word}记录；没有的请选择“无”。"
        for each, entry in entries if has else ():
            if entry.carried_from or not each.evidence:
                continue
            pictures = of_slot(uploads, record_slot(entry.id))
            if problem := picture_problem(pictures, f"“{each.title}”还没有上传佐证材料，请编辑该项后上传。"):
                found[field] = problem
        for each in lists if has else ():
            given = [entry for entry in entries_of(form, each) if not entry.carried_from]
            if len(given) > each.most:
                found[field] = f"“{each.title}”最多{each.most}项，请删除多余的。"
    return found


def _procedure(form: Form, policy: Policy) -> Problems:
    chosen = form.procedure
    if chosen.procedure is not Procedure.SIMPLE:
        return {}
    found: Problems = {}
    if not chosen.statement:
        found["procedure.statement"] = "请填写个人述职。"
    conditions = [each for each in policy.form.conditions if each.code in chosen.conditions]
    if not conditions:
        found["procedure.conditions"] = "请选择符合的条件；都不符合的，请选择一般程序。"
    for each in conditions:
        if each.good_record and not (form.conduct.has_good and form.conduct.good_records):
            found["procedure.conditions"] = (
                f"“{each.label}”要求有良好行为记录：请在“{policy.labels['step_conduct']}”中添加，或改选其他条件。"
            )
        elif each.no_bad_record and form.conduct.has_bad:
            found["procedure.conditions"] = (
                f"“{each.label}”要求没有不良行为记录，而您填写了不良记录：请核对记录，或改选其他条件。"
            )
    return found


def years_between(since: date, until: date) -> int:
    """Whole years from one day to another."""
    return until.year - since.year - ((until.month, until.day) < (since.month, since.day))


_OTHER_PROOF = "换证前的执业证、注册系统首次注册时间截图、职称证书，或现执业单位出具并加盖公章的证明"


@dataclass(frozen=True)
class Shortfall:
    """Fewer years on record than a chosen condition asks for; ``years`` is None where none are on record."""

    years: int | None
    least: int

    @property
    def to_physician(self) -> str:
        """What they are asked to show."""
        return (
            f"{self._counted('您的')}。这只是提示，仍可申请简易程序：请另外上传能证明执业年限的材料，"
            f"例如{_OTHER_PROOF}，由审核人员认定。"
        )

    @property
    def to_reviewers(self) -> str:
        """What they have to look for, and that it is theirs to decide."""
        return (
            f"{self._counted('这名医师的')}。这只是提示，是否符合由审核人员认定："
            f"请查看医师是否另外上传了能证明执业年限的材料，例如{_OTHER_PROOF}。"
        )

    def _counted(self, whose: str) -> str:
        if self.years is None:
            return f"没有查到{whose}执业时间，不能核算是否达到所选条件的{self.least}年"
        return f"按已填写的执业时间计算为{self.years}年，少于所选条件的{self.least}年"


def years_shortfall(form: Form, policy: Policy, years: int | None) -> Shortfall | None:
    """A hint where the years of practice that are on record are fewer than a chosen condition asks for.

    It never blocks (the manuals): the physician shows other proof, and the reviewers decide.

    Args:
        years: Counted from the practising dates that are known; ``None`` when there is none.
    """
    wanted = [
        each.years
        for each in policy.form.conditions
        if each.code in form.procedure.conditions and each.years is not None
    ]
    if form.procedure.procedure is not Procedure.SIMPLE or not wanted:
        return None
    least = max(wanted)
    if years is not None and years >= least:
        return None
    return Shortfall(years, least)


def uploads_of_kind(kind: UploadKind, policy: Policy) -> str:
    """What is said beside a place for pictures: size and types."""
    rule = policy.form.uploads[kind]
    return f"{rule.max_megabytes}MB以内，{rule.type_words}格式"


def _value(form: Form, field: str) -> Any:
    part, _, name = field.partition(".")
    return getattr(getattr(form, part), name)
