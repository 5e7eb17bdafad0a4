"""The fields of the form by name: which step has them, what they are called, what may be chosen. Pure.

A field is named by its place in the JSON, such as ``basic.email``; pictures by their slot: ``photo``,
``licence``, ``procedure``. Reviewers mark fields by these names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from exam_service.cycles.policy import Policy
from exam_service.institutions.model import Category


class Step(StrEnum):
    """A page of the form; what it is called is the policy's label ``step_…``."""

    BASIC = "basic"
    PRACTICE = "practice"
    EXPERIENCE = "experience"
    CONDUCT = "conduct"
    PROCEDURE = "procedure"
    CONFIRM = "confirm"


STEPS = tuple(Step)

FIELD_LABELS: Mapping[str, str] = {
    "photo": "照片",
    "basic.sex": "性别",
    "basic.ethnicity": "民族",
    "basic.born_on": "出生年月",
    "basic.education": "学历",
    "basic.email": "电子邮箱",
    "basic.mobile": "手机号码",
    "practice.department_id": "科室",
    "practice.specialties": "从事专业",
    "practice.title": "职称",
    "practice.title_on": "职称取得时间",
    "practice.position": "职务",
    "practice.position_on": "任职时间",
    "practice.level": "医师级别",
    "practice.trainee": "规培生",
    "practice.category": "执业类别",
    "practice.scopes": "执业范围",
    "practice.employment": "执业情况",
    "practice.qualification_number": "资格证书编号",
    "practice.qualified_on": "资格证书取得时间",
    "practice.practising_number": "执业证书编号",
    "practice.licensed_on": "执业证书取得时间",
    "licence": "执业证或电子证照",
    "experience.filings": "多机构备案信息",
    "experience.education": "教育经历",
    "experience.practice": "执业经历",
    "experience.research.awards": "科研获奖",
    "experience.research.papers": "论文成果",
    "experience.research.books": "著作成果",
    "experience.research.patents": "专利成果",
    "conduct.good_records": "良好执业行为记录",
    "conduct.bad_records": "不良执业行为记录",
    "conduct.quantity": "完成工作数量",
    "conduct.patients": "接诊病人数",
    "conduct.operations": "手术量（外科科室）",
    "conduct.examinations": "检验/检查量（医技科室）",
    "conduct.rounds": "查房次数",
    "conduct.quality": "完成工作质量",
    "conduct.task": "完成政府指令性工作情况",
    "conduct.misconduct": "被直接认定为不合格的情形",
    "conduct.ethics": "医德医风自评",
    "procedure.procedure": "考核程序",
    "procedure.conditions": "简易程序条件",
    "procedure": "证明材料",
    "procedure.statement": "个人述职",
}
"""In the order of the form. ``procedure`` is the slot of the evidence for the simple procedure."""

QUANTITIES: Mapping[str, str] = {"patients": "人次", "operations": "例", "examinations": "例", "rounds": "次"}
"""What each of the four is counted in; the policy says in how many years."""

_OTHER_STEPS = {"photo": Step.BASIC, "licence": Step.PRACTICE, "record": Step.CONDUCT}
_RESEARCH = "experience.research."


def step_of(field: str) -> Step:
    """The page that a field is on.

    Raises:
        ValueError: It names none.
    """
    head = field.partition(".")[0]
    return _OTHER_STEPS.get(head) or Step(head)


def fields_of(policy: Policy) -> dict[str, str]:
    """The fields that a province asks for, with their labels: what a reviewer may mark."""
    form = policy.form
    return {
        field: label
        for field, label in FIELD_LABELS.items()
        if (form.research or not field.startswith(_RESEARCH)) and (form.licence or field != "licence")
    }


def quantity_unit(policy: Policy, name: str) -> str:
    """Such as 人次/三年."""
    return f"{QUANTITIES[name]}/{policy.form.quantity_unit}"


@lru_cache(maxsize=1)
def _choices() -> dict[str, Any]:
    path = files("exam_service.registration.form").joinpath("choices.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def ethnicities() -> list[str]:
    return list(_choices()["ethnicities"])


def educations() -> list[str]:
    return list(_choices()["educations"])


def degrees() -> list[str]:
    """Of 教育经历: 大专 and above."""
    return list(_choices()["degrees"])


def titles() -> list[str]:
    return list(_choices()["titles"])


def scopes(category: Category | None) -> list[str]:
    """执业范围 of a category; nothing before one is chosen."""
    return list(_choices()["scopes"][category]) if category else []
