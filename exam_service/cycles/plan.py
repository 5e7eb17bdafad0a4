"""Title and days of a cycle, as the authority sets and changes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import STAGE_LABELS, Policy, Stage
from exam_service.errors import BadFields

LONGEST_TITLE = 60


@dataclass(frozen=True)
class Plan:
    """Title and days of a cycle as the authority wants them; a pair of days is both or neither."""

    title: str
    stages: Mapping[Stage, tuple[date, date]]
    tests: tuple[date, date] | None
    makeup: tuple[date, date] | None


def plan_of(cycle: Cycle) -> Plan:
    """The plan that a cycle goes by."""
    makeup = (cycle.makeup_from, cycle.makeup_until) if cycle.makeup_from and cycle.makeup_until else None
    return Plan(cycle.title, cycle.stages, (cycle.tests_from, cycle.tests_until), makeup)


def read_plan(form: Mapping[str, str]) -> Plan:
    """What was typed: ``title``, and a pair ``<name>_from``, ``<name>_until`` of each stage, tests, make-up.

    Raises:
        BadFields: A day is no day, or a pair is half or ends before it begins.
    """
    problems: dict[str, str] = {}
    pairs = {name: _pair(form, name, problems) for name in (*map(str, Stage), "tests", "makeup")}
    if problems:
        raise BadFields(problems)
    stages = {stage: pair for stage in Stage if (pair := pairs[stage]) is not None}
    return Plan(form.get("title", "").strip(), stages, pairs["tests"], pairs["makeup"])


def _pair(form: Mapping[str, str], name: str, problems: dict[str, str]) -> tuple[date, date] | None:
    texts = [form.get(f"{name}_{end}", "").strip() for end in ("from", "until")]
    if not any(texts):
        return None
    found = []
    for end, text in zip(("from", "until"), texts, strict=True):
        try:
            found.append(date.fromisoformat(text))
        except ValueError:
            problems[f"{name}_{end}"] = "请填写日期，如 2026-05-11。"
    if len(found) < len(texts):
        return None
    first, last = found
    if last < first:
        problems[f"{name}_until"] = "结束日期不能早于开始日期。"
    return first, last


def typed(plan: Plan) -> dict[str, str]:
    """As :func:`read_plan` reads it: for a form that begins with a plan."""
    pairs: dict[str, tuple[date, date] | None] = {each.value: days for each, days in plan.stages.items()}
    pairs |= {"tests": plan.tests, "makeup": plan.makeup}
    fields = {"title": plan.title}
    for name, days in pairs.items():
        if days is not None:
            fields |= {f"{name}_from": days[0].isoformat(), f"{name}_until": days[1].isoformat()}
    return fields


NEEDED = (Stage.REGISTRATION, Stage.REVIEW)
_BEGINS_AFTER = (
    (Stage.REGISTRATION, Stage.BODY_APPLICATIONS),
    (Stage.REVIEW, Stage.REGISTRATION),
    (Stage.EXEMPTION_APPLICATIONS, Stage.REGISTRATION),
    (Stage.EXEMPTION_REVIEW, Stage.EXEMPTION_APPLICATIONS),
)
_ENDS_AFTER = (
    (Stage.REVIEW, Stage.REGISTRATION),
    (Stage.EXEMPTION_REVIEW, Stage.EXEMPTION_APPLICATIONS),
)


def check_plan(plan: Plan, policy: Policy) -> None:
    """The days of a new cycle, or of one that is changed, by themselves.

    Raises:
        BadFields: Some are missing or out of order; at the fields ``<stage>_from`` and ``<stage>_until``.
    """
    problems = {**_order_problems(plan), **_missing(plan, policy)}
    if not 0 < len(plan.title) <= LONGEST_TITLE:
        problems["title"] = f"请填写考核周期名称，不超过{LONGEST_TITLE}个字。"
    if plan.tests is None:
        problems["tests_from"] = "请填写测评的开始和结束日期。"
    if problems:
        raise BadFields(problems)


def _missing(plan: Plan, policy: Policy) -> dict[str, str]:
    own = (Stage.EXEMPTION_APPLICATIONS, Stage.EXEMPTION_REVIEW) if policy.exemption.own_stage else ()
    return {
        f"{stage}_from": f"请填写{STAGE_LABELS[stage]}的开始和结束日期。"
        for stage in (*NEEDED, *own)
        if stage not in plan.stages
    }


def _order_problems(plan: Plan) -> dict[str, str]:
    problems: dict[str, str] = {}
    stages = plan.stages
    for later, earlier in _BEGINS_AFTER:
        if later in stages and earlier in stages and stages[later][0] < stages[earlier][0]:
            problems[f"{later}_from"] = f"{STAGE_LABELS[later]}不能早于{STAGE_LABELS[earlier]}开始。"
    for later, earlier in _ENDS_AFTER:
        if later in stages and earlier in stages and stages[later][1] < stages[earlier][1]:
            problems[f"{later}_until"] = f"{STAGE_LABELS[later]}不能早于{STAGE_LABELS[earlier]}结束。"
    if plan.tests is None:
        return problems
    for stage, (first, _) in stages.items():
        if first > plan.tests[1]:
            problems[f"{stage}_from"] = f"{STAGE_LABELS[stage]}须在测评结束前开始。"
    if plan.makeup and plan.makeup[0] < plan.tests[0]:
        problems["makeup_from"] = "补考不能早于测评开始。"
    return problems


def check_change(old: Plan, new: Plan, now: datetime) -> None:
    """What has begun keeps its beginning, and nothing ends before today: papers have gone by it.

    Raises:
        BadFields: Days of tests or make-up would be moved into the past.
    """
    today = day_in_china(now)
    problems = {
        **_change_problems("tests", "测评", old.tests, new.tests, today),
        **_change_problems("makeup", "补考", old.makeup, new.makeup, today),
    }
    if problems:
        raise BadFields(problems)


def _change_problems(
    name: str, label: str, before: tuple[date, date] | None, after: tuple[date, date] | None, today: date
) -> dict[str, str]:
    if before == after:
        return {}
    problems = {}
    begun = before is not None and before[0] <= today
    if after is None:
        return {f"{name}_from": f"{label}已经开始，不能取消。"} if begun else {}
    if before is not None and begun and after[0] != before[0]:
        problems[f"{name}_from"] = f"{label}已于{before[0]}开始，开始日期不能再改。"
    elif not begun and after[0] < today:
        problems[f"{name}_from"] = f"{label}不能从今天以前开始。"
    if after[1] < today and (before is None or after[1] != before[1]):
        problems[f"{name}_until"] = f"{label}不能在今天以前结束。"
    return problems
