"""诊疗科目: the national subjects of diagnosis and treatment, from ``subjects.toml``. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_OTHER = "其他"
_TCM = ("50", "51")


@dataclass(frozen=True)
class Subject:
    """``code`` is ``03`` for a subject of the first level, ``03.01`` for a specialty of it.

    Attributes:
        label: The name, with the subject it is of where the name alone doesn't say: ``中医科·内科专业``.
    """

    code: str
    name: str
    label: str
    specialties: tuple[Subject, ...] = ()


@lru_cache(maxsize=1)
def catalogue() -> tuple[Subject, ...]:
    """The subjects of the first level with their specialties, in the order of the official list."""
    text = files("exam_service.institutions").joinpath("subjects.toml").read_text(encoding="utf-8")
    names: Mapping[str, str] = tomllib.loads(text)["subjects"]
    return tuple(
        Subject(
            code,
            name,
            name,
            tuple(
                Subject(inner, below, _label(code, name, below))
                for inner, below in names.items()
                if inner.startswith(f"{code}.")
            ),
        )
        for code, name in names.items()
        if "." not in code
    )


def _label(code: str, subject: str, specialty: str) -> str:
    return f"{subject}·{specialty}" if specialty == _OTHER or code in _TCM else specialty


@lru_cache(maxsize=1)
def by_code() -> Mapping[str, Subject]:
    """Every subject of both levels."""
    return {each.code: each for subject in catalogue() for each in (subject, *subject.specialties)}


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Those of the codes that exist, once each, in the order of the list."""
    wanted = set(codes)
    return tuple(code for code in by_code() if code in wanted)


def specialties_of_subjects(codes: Iterable[str]) -> tuple[str, ...]:
    """What physicians may choose as 从事专业: a subject of the first level stands for all its specialties.

    By their labels, once each; a subject without specialties is one itself.
    """
    chosen: dict[str, None] = {}
    for code in in_order(codes):
        subject = by_code()[code]
        for each in subject.specialties or (subject,):
            chosen[each.label] = None
    return tuple(chosen)
