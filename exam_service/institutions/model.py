"""What the roster says of a physician. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Category(StrEnum):
    """执业类别."""

    CLINICAL = "clinical"
    DENTAL = "dental"
    TCM = "tcm"
    PUBLIC_HEALTH = "public_health"


class Level(StrEnum):
    """执业医师 or 执业助理医师."""

    LICENSED = "licensed"
    ASSISTANT = "assistant"


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


CATEGORY_LABELS: Mapping[Category, str] = {
    Category.CLINICAL: "临床",
    Category.DENTAL: "口腔",
    Category.TCM: "中医",
    Category.PUBLIC_HEALTH: "公共卫生",
}
LEVEL_LABELS: Mapping[Level, str] = {Level.LICENSED: "执业医师", Level.ASSISTANT: "执业助理医师"}
SEX_LABELS: Mapping[Sex, str] = {Sex.MALE: "男", Sex.FEMALE: "女"}
