"""A province's policy: which papers a procedure has, and by which rules. Data, never code. Pure.

A preset is one TOML file in ``presets/``. It says only what its province's manual says; the rest comes from
``default.toml``, the commission's own rule. A cycle stores the merged result it was opened with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from exam_service.cycles.form_rules import Condition, FormRule, parse_conditions, parse_form
from exam_service.errors import Misconfigured
from exam_service.organisations.entry import Entry, parse_entry
from exam_service.tables import Table

UNLIMITED = "unlimited"


class Subject(StrEnum):
    """What a paper asks: medical humanities, or the professional level of category and level."""

    HUMANITIES = "humanities"
    PROFESSIONAL = "professional"


class Procedure(StrEnum):
    """简易程序 and 一般程序."""

    SIMPLE = "simple"
    GENERAL = "general"


PROCEDURE_LABELS: Mapping[Procedure, str] = {
    Procedure.SIMPLE: "简易程序",
    Procedure.GENERAL: "一般程序",
}


class Confirmation(StrEnum):
    """When a mark counts: at once, or when the assessment body has confirmed it (待评定 until then)."""

    IMMEDIATE = "immediate"
    BODY = "body"


@dataclass(frozen=True)
class PaperRule:
    """How one paper is sat.

    Attributes:
        items: Number of items.
        minutes: Time from admission to the deadline.
        pass_mark: Least mark that passes, of 100.
        attempts: How often it may be sat; ``None`` for 不限次.
        pause_minutes: Between handing in and the next start.
        fresh_items: Whether an attempt gets items that those before didn't have, as far as the bank goes.
    """

    subject: Subject
    items: int
    minutes: int
    pass_mark: int
    attempts: int | None
    confirmation: Confirmation
    pause_minutes: int = 0
    fresh_items: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.value,
            "items": self.items,
            "minutes": self.minutes,
            "pass_mark": self.pass_mark,
            "attempts": UNLIMITED if self.attempts is None else self.attempts,
            "confirmation": self.confirmation.value,
            "pause_minutes": self.pause_minutes,
            "fresh_items": self.fresh_items,
        }


@dataclass(frozen=True)
class ProcedureRule:
    """The papers of a procedure; ``in_order`` opens one when the one before is completed.

    Attributes:
        exemptible: The papers that an exemption may waive.
    """

    papers: tuple[PaperRule, ...]
    in_order: bool
    exemptible: frozenset[Subject]


@dataclass(frozen=True)
class Retention:
    """How long face data are kept, in days.

    An appeal may come within 30 days of a result, its answer within 30 more (domain.md, Rules from the law):
    until then pictures are needed, and whoever asks for deletion waits so long.

    Attributes:
        appeal_days: After the last result of a physician.
        sample_days: Pictures at random that show nothing doubtful; after the cycle's tests and make-up.
        frame_days: All other pictures, with their key; likewise, and no sooner than after an appeal.
        embedding_days: The numbers that faces are compared by; likewise. Appeals need no comparisons.
    """

    appeal_days: int = 60
    sample_days: int = 30
    frame_days: int = 90
    embedding_days: int = 7


@dataclass(frozen=True)
class ProctorRule:
    """How often the camera of a paper is looked at, and what the identity check asks for.

    Attributes:
        interval_seconds: From one frame to the next.
        extra_per_hour: Further frames, at moments that the service chooses and nobody can foresee.
        doubt_interval_seconds: From one frame to the next after one that wasn't plainly the physician.
        liveness: Whether the identity check asks to turn the head.
    """

    interval_seconds: int = 10
    extra_per_hour: int = 12
    doubt_interval_seconds: int = 4
    liveness: bool = True


class Stage(StrEnum):
    """The stages of a cycle before its tests, each with days of its own, in order."""

    BODY_APPLICATIONS = "body_applications"
    REGISTRATION = "registration"
    REVIEW = "review"
    EXEMPTION_APPLICATIONS = "exemption_applications"
    EXEMPTION_REVIEW = "exemption_review"


STAGE_LABELS: Mapping[Stage, str] = {
    Stage.BODY_APPLICATIONS: "考核机构申请",
    Stage.REGISTRATION: "医师报名",
    Stage.REVIEW: "报名审核",
    Stage.EXEMPTION_APPLICATIONS: "免考申请",
    Stage.EXEMPTION_REVIEW: "免考审核",
}


class ReviewLevel(StrEnum):
    """Who decides, one after the other."""

    INSTITUTION = "institution"
    BODY = "body"


@dataclass(frozen=True)
class ExemptionRule:
    """How an exemption is applied for.

    Attributes:
        own_stage: Whether the cycle has days for it; else it is open once registered, until the paper starts.
        levels: Who decides, in order.
    """

    own_stage: bool
    levels: tuple[ReviewLevel, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Policy:
    """Everything that differs between provinces. ``raw`` is what a cycle stores.

    Attributes:
        stages: Days that the preset proposes for a new cycle, first and last.
        labels: The manual's own words, by the names that ``default.toml`` lists.
        block_copy: Whether the paper page keeps stems from being selected, copied and printed.
        watermark: Whether the physician's masked number and the time stand behind the text of the paper.
    """

    name: str
    province: str
    procedures: Mapping[Procedure, ProcedureRule]
    labels: Mapping[str, str]
    notice_version: str
    notice_rules: tuple[str, ...]
    practice_opens: str
    block_copy: bool
    watermark: bool
    retention: Retention
    proctor: ProctorRule
    entry: Entry
    form: FormRule
    exemption: ExemptionRule
    stages: Mapping[Stage, tuple[date, date]]
    raw: Mapping[str, Any]

    def label(self, subject: Subject) -> str:
        """What the province's manual calls the paper."""
        return self.labels[subject]


_EXEMPTIBLE = (Subject.PROFESSIONAL,)
_LATER = ("entry", "form", "exemption", "stages")
"""Tables that a cycle may lack which was opened before they existed; so labels, but for these."""
_LABELS_ALWAYS = frozenset({"humanities", "professional", "registered", "awaiting"})
_LONGEST_DAYS = 3650
_SUFFIX = ".toml"
PRACTICE_OPENS = ("admitted", "registered")


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """Read a merged preset, or what a cycle stored.

    Raises:
        Misconfigured: Something is missing, unknown, of the wrong kind or out of range; it says where.
    """
    default = _default()
    raw = {**{name: default[name] for name in _LATER}, **raw}
    if isinstance(raw.get("labels"), Mapping):
        usual = {name: text for name, text in default["labels"].items() if name not in _LABELS_ALWAYS}
        raw["labels"] = {**usual, **raw["labels"]}
    top = Table(raw, "policy")
    words = top.table("labels")
    notice = top.table("notice")
    practice = top.table("practice")
    paper_page = top.optional_table("paper_page")
    retention = top.optional_table("retention")
    proctor = top.optional_table("proctor")
    procedures = top.table("procedures")
    policy = Policy(
        name=top.text("name"),
        province=top.text("province"),
        procedures={each: _procedure(procedures.table(each)) for each in Procedure},
        labels={name: words.text(name) for name in default["labels"]},
        notice_version=notice.text("version"),
        notice_rules=tuple(notice.texts("rules", least=1)),
        practice_opens=practice.one_of("opens", PRACTICE_OPENS),
        block_copy=paper_page.truth("block_copy", default=True),
        watermark=paper_page.truth("watermark", default=True),
        retention=_retention(retention),
        proctor=_proctor_rule(proctor),
        entry=parse_entry(top.mapping("entry")),
        form=parse_form(top.table("form")),
        exemption=_exemption_rule(top.table("exemption")),
        stages=parse_stages(top.mapping("stages")),
        raw=raw,
    )
    for table in (top, words, notice, practice, paper_page, retention, proctor, procedures):
        table.refuse_the_rest()
    return policy


def parse_stages(raw: Mapping[str, Any]) -> dict[Stage, tuple[date, date]]:
    """Days of stages as presets and cycles write them: ``registration = ["2026-04-13", "2026-05-06"]``.

    Raises:
        Misconfigured: No such stage, no such day, or the last before the first.
    """
    table = Table(raw, "stages")
    stages = {}
    for stage in Stage:
        if not table.has(stage):
            continue
        days = table.texts(stage)
        try:
            first, last = map(date.fromisoformat, days)
        except ValueError:
            raise Misconfigured(f"stages.{stage} must be its first and its last day") from None
        if last < first:
            raise Misconfigured(f"stages.{stage} ends before it begins")
        stages[stage] = (first, last)
    table.refuse_the_rest()
    return stages


def stages_as_json(stages: Mapping[Stage, tuple[date, date]]) -> dict[str, list[str]]:
    """As :func:`parse_stages` reads them."""
    return {stage.value: [day.isoformat() for day in days] for stage, days in stages.items()}


def _exemption_rule(table: Table) -> ExemptionRule:
    levels = table.texts_among("levels", tuple(ReviewLevel), default=tuple(ReviewLevel))
    if not levels:
        raise Misconfigured(f"{table.path}.levels must not be empty")
    rule = ExemptionRule(
        table.truth("own_stage"),
        tuple(ReviewLevel(level) for level in levels),
        parse_conditions(table, "conditions"),
    )
    table.refuse_the_rest()
    return rule


def _proctor_rule(table: Table) -> ProctorRule:
    usual = ProctorRule()
    interval = table.integer("interval_seconds", least=2, most=60, default=usual.interval_seconds)
    return ProctorRule(
        interval,
        table.integer("extra_per_hour", least=0, most=360, default=usual.extra_per_hour),
        table.integer(
            "doubt_interval_seconds",
            least=1,
            most=interval,
            default=min(interval, usual.doubt_interval_seconds),
        ),
        table.truth("liveness", default=usual.liveness),
    )


def parse_rule(raw: Mapping[str, Any]) -> PaperRule:
    """The rule that an attempt keeps.

    Raises:
        Misconfigured: As :func:`parse_policy`.
    """
    table = Table(raw, "rule")
    return _rule(table, Subject(table.one_of("subject", tuple(Subject))))


def _retention(table: Table) -> Retention:
    usual = Retention()
    periods = Retention(
        **{
            each.name: table.integer(
                each.name, least=0, most=_LONGEST_DAYS, default=getattr(usual, each.name)
            )
            for each in fields(Retention)
        }
    )
    if periods.frame_days < max(periods.appeal_days, periods.sample_days):
        raise Misconfigured(f"{table.path}.frame_days must not be less than appeal_days and sample_days")
    return periods


def _procedure(table: Table) -> ProcedureRule:
    names = table.texts("papers")
    if len(set(names)) < len(names):
        raise Misconfigured(f"{table.path}.papers: {', '.join(names)}: a paper is named twice")
    rules = {subject: _rule(table.table(subject), subject) for subject in Subject if table.has(subject)}
    for name in names:
        if name not in rules:
            table.table(name)  # says that it is missing
            raise Misconfigured(f"{table.path}.papers: {name!r} is none of {', '.join(Subject)}")
    in_order = table.truth("in_order")
    exemptible = frozenset(
        Subject(name) for name in table.texts_among("exemptible", tuple(Subject), default=_EXEMPTIBLE)
    )
    table.refuse_the_rest()
    return ProcedureRule(tuple(rules[Subject(name)] for name in names), in_order, exemptible)


def _rule(table: Table, subject: Subject) -> PaperRule:
    attempts = None
    if not table.is_text("attempts", UNLIMITED):
        attempts = table.integer("attempts", least=1)
    rule = PaperRule(
        subject=subject,
        items=table.integer("items", least=1),
        minutes=table.integer("minutes", least=1),
        pass_mark=table.integer("pass_mark", least=0, most=100),
        attempts=attempts,
        confirmation=Confirmation(table.one_of("confirmation", tuple(Confirmation))),
        pause_minutes=table.integer("pause_minutes", least=0, default=0),
        fresh_items=table.truth("fresh_items", default=True),
    )
    table.refuse_the_rest()
    return rule


def preset_names(own: Path | None = None) -> list[str]:
    """The presets that come with the service, and those of the operator's directory ``own``."""
    names = {file.name for file in _presets().iterdir()}
    if own is not None:
        names |= {file.name for file in own.iterdir()}
    found = {name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)}
    return sorted(found - {"default"})


def read_preset(name: str, own: Path | None = None) -> Policy:
    """A preset, merged over the default; of two of one name that of the operator's directory ``own``.

    Raises:
        Misconfigured: There is none of that name, or it is wrong.
    """
    if name not in preset_names(own):
        raise Misconfigured(f"no policy preset {name!r}; there are {', '.join(preset_names(own))}")
    file = f"{name}{_SUFFIX}"
    mine = None if own is None else own / file
    place = mine if mine is not None and mine.is_file() else _presets().joinpath(file)
    policy = merge_preset(place.read_text(encoding="utf-8"))
    if policy.name != name:
        raise Misconfigured(f"policy.name in {file} must be {name!r}, not {policy.name!r}")
    return policy


def usual_labels() -> Mapping[str, str]:
    """The words where no cycle says its own: a province before its first."""
    labels: Mapping[str, str] = _default()["labels"]
    return labels


def merge_preset(text: str) -> Policy:
    """A preset given as TOML text, merged over the default: how an operator adds a province.

    Raises:
        Misconfigured: It is no TOML, or wrong.
    """
    try:
        preset = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"policy: no TOML: {error}") from None
    return parse_policy(_merged(_default(), preset))


@lru_cache(maxsize=1)
def _default() -> dict[str, Any]:
    return tomllib.loads(_presets().joinpath("default.toml").read_text(encoding="utf-8"))


def _presets() -> Any:
    return files("exam_service.cycles").joinpath("presets")


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = _merged(result[name], value)
        else:
            result[name] = value
    return result
