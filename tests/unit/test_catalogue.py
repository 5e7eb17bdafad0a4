from __future__ import annotations

import pytest

from exam_service.errors import BadFields
from exam_service.institutions.catalogue import by_code, catalogue, in_order, specialties_of_subjects
from exam_service.institutions.model import read_department


def test_the_official_list_is_whole() -> None:
    firsts = [subject.code for subject in catalogue()]
    assert firsts == [f"{number:02}" for number in (*range(1, 29), 30, 31, 32, 50, 51, 52)]
    for subject in catalogue():
        assert [each.code for each in subject.specialties] == [
            f"{subject.code}.{number:02}" for number in range(1, len(subject.specialties) + 1)
        ]
    assert by_code()["03.01"].label == "呼吸内科专业"


def test_every_label_says_by_itself_what_it_is() -> None:
    labels = [each.label for each in by_code().values()]
    assert len(set(labels)) == len(labels)
    assert by_code()["50.01"].label == "中医科·内科专业"
    assert by_code()["04.09"].label == "外科·其他"


@pytest.mark.parametrize(
    ("codes", "specialties"),
    [
        (["03.02", "03.01"], ("呼吸内科专业", "消化内科专业")),
        (["10"], ("眼科",)),
        (["13"], ("皮肤病专业", "性传播疾病专业", "皮肤科·其他")),
        (["13", "13.01"], ("皮肤病专业", "性传播疾病专业", "皮肤科·其他")),
        (["99", "26"], ("麻醉科",)),
        ([], ()),
    ],
)
def test_a_department_offers_the_specialties_of_its_subjects(
    codes: list[str], specialties: tuple[str, ...]
) -> None:
    assert specialties_of_subjects(codes) == specialties


def test_what_is_typed_of_a_department_is_made_plain() -> None:
    assert read_department("  呼吸内科　一病区 ", ["03.02", "03.01"]) == (
        "呼吸内科 一病区",
        ("03.01", "03.02"),
    )
    assert in_order(["03.02", "03.01", "03.02"]) == ("03.01", "03.02")


@pytest.mark.parametrize(
    ("name", "subjects", "wrong"),
    [
        (" ", ["03"], {"name"}),
        ("科" * 41, ["03"], {"name"}),
        ("内科", [], {"subjects"}),
        ("内科", ["03", "03.99"], {"subjects"}),
        ("", [], {"name", "subjects"}),
    ],
)
def test_a_department_needs_a_name_and_a_subject(name: str, subjects: list[str], wrong: set[str]) -> None:
    with pytest.raises(BadFields) as refused:
        read_department(name, subjects)
    assert set(refused.value.problems) == wrong
