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
    """

    subject: Subject
    items: int
    minutes: int
    pass_mark: int
    attempts: int | None
    confirmation: Confirmation

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.value,
            "items": self.items,
            "minutes": self.minutes,
            "pass_mark": self.pass_mark,
            "attempts": UNLIMITED if self.attempts is None else self.attempts,
            "confirmation": self.confirmation.value,
        }


@dataclass(frozen=True)
class ProcedureRule:
    """The papers of a procedure; ``in_order`` opens one when the one before is completed."""

    papers: tuple[PaperRule, ...]
    in_order: bool


@dataclass(frozen=True)
class Policy:
    """Everything that differs between provinces. ``raw`` is what a cycle stores."""

    name: str
    province: str
    procedures: Mapping[Procedure, ProcedureRule]
    labels: Mapping[str, str]
    notice_version: str
    notice_rules: tuple[str, ...]
    practice_opens: str
    raw: Mapping[str, Any]

    def label(self, subject: Subject) -> str:
        """What the province's manual calls the paper."""
        return self.labels[subject]


_LABELS = ("humanities", "professional", "registered", "awaiting")
PRACTICE_OPENS = ("admitted", "registered")


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """Read a merged preset, or what a cycle stored.

    Raises:
        Misconfigured: Something is missing, unknown or out of range; the message says where.
    """
    known = {"name", "province", "procedures", "labels", "notice", "practice"}
    if unknown := set(raw) - known:
        raise Misconfigured(f"policy: unknown {sorted(unknown)}")
    labels = {name: _text(raw, "labels", name) for name in _LABELS}
    if unknown := set(_table(raw, "labels")) - set(_LABELS):
        raise Misconfigured(f"policy: unknown labels {sorted(unknown)}")
    rules = _table(raw, "notice").get("rules")
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, str) for rule in rules):
        raise Misconfigured("policy: notice.rules must be a list of sentences")
    practice_opens = _text(raw, "practice", "opens")
    if practice_opens not in PRACTICE_OPENS:
        raise Misconfigured(f"policy: practice.opens must be one of {PRACTICE_OPENS}")
    procedures = {procedure: _procedure(_table(raw, "procedures"), procedure) for procedure in Procedure}
    return Policy(
        name=_text(raw, "name"),
        province=_text(raw, "province"),
        procedures=procedures,
        labels=labels,
        notice_version=_text(raw, "notice", "version"),
        notice_rules=tuple(rules),
        practice_opens=practice_opens,
        raw=raw,
    )


def parse_rule(raw: Mapping[str, Any]) -> PaperRule:
    """One paper's rule, from a preset or from an attempt.

    Raises:
        Misconfigured: As :func:`parse_policy`.
    """
    try:
        attempts = raw["attempts"]
        rule = PaperRule(
            subject=Subject(raw["subject"]),
            items=int(raw["items"]),
            minutes=int(raw["minutes"]),
            pass_mark=int(raw["pass_mark"]),
            attempts=None if attempts == UNLIMITED else int(attempts),
            confirmation=Confirmation(raw["confirmation"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Misconfigured(f"policy: a paper's rule is wrong: {error!r}") from error
    if rule.items < 1 or rule.minutes < 1 or not 0 <= rule.pass_mark <= 100:  # noqa: PLR2004 - of 100
        raise Misconfigured(f"policy: {rule.subject}: items, minutes or pass_mark out of range")
    if rule.attempts is not None and rule.attempts < 1:
        raise Misconfigured(f"policy: {rule.subject}: attempts must be at least 1 or {UNLIMITED!r}")
    return rule


def _procedure(procedures: Mapping[str, Any], procedure: Procedure) -> ProcedureRule:
    table = _table(procedures, procedure.value)
    if unknown := set(table) - {"papers", "in_order", *Subject}:
        raise Misconfigured(f"policy: procedures.{procedure.value}: unknown {sorted(unknown)}")
    names = table.get("papers")
    if not isinstance(names, list):
        raise Misconfigured(f"policy: procedures.{procedure.value}.papers must be a list of subjects")
    papers = tuple(parse_rule({**_table(table, str(name)), "subject": name}) for name in names)
    return ProcedureRule(papers, bool(table.get("in_order", False)))


def _table(raw: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    value: Any = raw
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping):
        raise Misconfigured(f"policy: {'.'.join(path)} is missing")
    return value


def _text(raw: Mapping[str, Any], *path: str) -> str:
    value = (_table(raw, *path[:-1]) if path[:-1] else raw).get(path[-1])
    if not isinstance(value, str) or not value:
        raise Misconfigured(f"policy: {'.'.join(path)} is missing")
    return value


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
    """A preset given as TOML text, merged over the default: how an operator adds a province."""
    default = tomllib.loads(_presets().joinpath("default.toml").read_text(encoding="utf-8"))
    return parse_policy(_merged(default, tomllib.loads(text)))


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
