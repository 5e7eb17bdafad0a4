"""A province's policy: which papers a procedure has, and by which rules. Data, never code. Pure.

A preset is one TOML file in ``presets/``. It says only what its province's manual says; the rest comes from
``default.toml``, the commission's own rule. A cycle stores the merged result it was opened with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from exam_service.errors import Misconfigured

UNLIMITED = "unlimited"


class Subject(StrEnum):
    """What a paper asks: medical humanities, or the professional level of category and level."""

    HUMANITIES = "humanities"
    PROFESSIONAL = "professional"


class Procedure(StrEnum):
    """简易程序 and 一般程序."""

    SIMPLE = "simple"
    GENERAL = "general"


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
class Policy:
    """Everything that differs between provinces. ``raw`` is what a cycle stores.

    Attributes:
        block_copy: Whether the paper page keeps stems from being selected, copied and printed.
        watermark: Whether the physician's masked number and the time stand behind the text of the paper.
        liveness: Whether the identity check asks to turn the head.
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
    liveness: bool
    raw: Mapping[str, Any]

    def label(self, subject: Subject) -> str:
        """What the province's manual calls the paper."""
        return self.labels[subject]


_EXEMPTIBLE = (Subject.PROFESSIONAL,)
_LABELS = ("humanities", "professional", "registered", "awaiting")
PRACTICE_OPENS = ("admitted", "registered")


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """Read a merged preset, or what a cycle stored.

    Raises:
        Misconfigured: Something is missing, unknown, of the wrong kind or out of range; it says where.
    """
    top = _Table(raw, "policy")
    labels = top.table("labels")
    notice = top.table("notice")
    practice = top.table("practice")
    paper_page = top.optional_table("paper_page")
    proctor = top.optional_table("proctor")
    procedures = top.table("procedures")
    policy = Policy(
        name=top.text("name"),
        province=top.text("province"),
        procedures={each: _procedure(procedures.table(each)) for each in Procedure},
        labels={name: labels.text(name) for name in _LABELS},
        notice_version=notice.text("version"),
        notice_rules=tuple(notice.texts("rules", least=1)),
        practice_opens=practice.one_of("opens", PRACTICE_OPENS),
        block_copy=paper_page.truth("block_copy", default=True),
        watermark=paper_page.truth("watermark", default=True),
        liveness=proctor.truth("liveness", default=True),
        raw=raw,
    )
    for table in (top, labels, notice, practice, paper_page, proctor, procedures):
        table.refuse_the_rest()
    return policy


def parse_rule(raw: Mapping[str, Any]) -> PaperRule:
    """The rule that an attempt keeps.

    Raises:
        Misconfigured: As :func:`parse_policy`.
    """
    table = _Table(raw, "rule")
    return _rule(table, Subject(table.one_of("subject", tuple(Subject))))


def _procedure(table: _Table) -> ProcedureRule:
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


def _rule(table: _Table, subject: Subject) -> PaperRule:
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


class _Table:
    """A table being read: typed values, and a complaint that names the place.

    A value with a ``default`` may be missing: cycles that were opened before it existed don't have it.
    """

    def __init__(self, raw: object, path: str) -> None:
        if not isinstance(raw, Mapping):
            raise Misconfigured(f"{path} is missing or no table")
        self.path = path
        self._raw = raw
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self._raw

    def table(self, name: str) -> _Table:
        return _Table(self._value(name), f"{self.path}.{name}")

    def optional_table(self, name: str) -> _Table:
        return self.table(name) if self.has(name) else _Table({}, f"{self.path}.{name}")

    def text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or not value.strip():
            raise Misconfigured(f"{self.path}.{name} must be a text")
        return value

    def is_text(self, name: str, text: str) -> bool:
        return bool(self._value(name) == text)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise Misconfigured(f"{self.path}.{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def texts(self, name: str, *, least: int = 0) -> list[str]:
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise Misconfigured(f"{self.path}.{name} must be a list of texts")
        if len(value) < least:
            raise Misconfigured(f"{self.path}.{name} must not be empty")
        return value

    def texts_among(self, name: str, choices: tuple[str, ...], *, default: tuple[str, ...]) -> list[str]:
        if not self.has(name):
            return list(default)
        texts = self.texts(name)
        if wrong := [text for text in texts if text not in choices]:
            raise Misconfigured(f"{self.path}.{name}: {wrong[0]!r} is none of {', '.join(choices)}")
        return texts

    def truth(self, name: str, *, default: bool | None = None) -> bool:
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise Misconfigured(f"{self.path}.{name} must be true or false, not {value!r}")
        return value

    def integer(self, name: str, *, least: int, most: int = 2**31 - 1, default: int | None = None) -> int:
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Misconfigured(
                f"{self.path}.{name} must be a whole number from {least} to {most}, not {value!r}"
            )
        return value

    def refuse_the_rest(self) -> None:
        """A name nobody asked for is a slip of the pen."""
        if unknown := set(self._raw) - self._read:
            raise Misconfigured(f"{self.path}: unknown {', '.join(sorted(map(str, unknown)))}")

    def _value(self, name: str, default: object = None) -> Any:
        self._read.add(str(name))
        if name not in self._raw:
            if default is not None:
                return default
            raise Misconfigured(f"{self.path}.{name} is missing")
        return self._raw[name]


def preset_names() -> list[str]:
    """The presets that come with the service."""
    names = [file.name.removesuffix(".toml") for file in _presets().iterdir() if file.name.endswith(".toml")]
    return sorted(name for name in names if name != "default")


def read_preset(name: str) -> Policy:
    """A preset, merged over the default.

    Raises:
        Misconfigured: There is none of that name, or it is wrong.
    """
    if name not in preset_names():
        raise Misconfigured(f"no policy preset {name!r}; there are {', '.join(preset_names())}")
    return merge_preset(_presets().joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def merge_preset(text: str) -> Policy:
    """A preset given as TOML text, merged over the default: how an operator adds a province.

    Raises:
        Misconfigured: It is no TOML, or wrong.
    """
    default = tomllib.loads(_presets().joinpath("default.toml").read_text(encoding="utf-8"))
    try:
        preset = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"policy: no TOML: {error}") from None
    return parse_policy(_merged(default, preset))


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
