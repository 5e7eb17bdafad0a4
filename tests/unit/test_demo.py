"""What the demonstration brings: people who exist nowhere, and banks that teach."""

from collections import Counter
from importlib.resources import files

import pytest

from exam_service.accounts.identity import parse_identity_number
from exam_service.cycles.policy import preset_names, read_preset
from exam_service.demo.people import PROVINCE_CODES, SIMULATED_FROM, identity_number, simulated_number
from exam_service.questions.model import Draft
from exam_service.questions.usecases import read_csv

FEWEST = {"humanities-exam.csv": 70, "clinical-exam.csv": 110, "humanities-practice.csv": 60}


def bank(name: str) -> list[Draft]:
    return read_csv(files("exam_service.demo").joinpath("banks", name).read_bytes())


@pytest.mark.parametrize("name", FEWEST)
def test_a_bank_has_more_items_than_a_paper_needs(name: str) -> None:
    assert len(bank(name)) >= FEWEST[name]


@pytest.mark.parametrize("name", FEWEST)
def test_every_item_has_five_options_an_explanation_and_tags(name: str) -> None:
    incomplete = [
        draft.stem
        for draft in bank(name)
        if len(draft.options) != 5 or not draft.explanation or not draft.tags
    ]
    assert incomplete == []


@pytest.mark.parametrize("name", FEWEST)
def test_no_letter_is_the_key_suspiciously_often(name: str) -> None:
    drafts = bank(name)
    keys = Counter(draft.key for draft in drafts)
    assert set(keys) == set(range(5))
    assert max(keys.values()) <= 0.3 * len(drafts)


def plain(stem: str) -> str:
    """A stem without what doesn't change it: blanks and punctuation."""
    return "".join(character for character in stem if character.isalnum())


def test_practice_and_exam_never_share_an_item() -> None:
    exam = {
        plain(draft.stem) for name in ("humanities-exam.csv", "clinical-exam.csv") for draft in bank(name)
    }
    assert not exam & {plain(draft.stem) for draft in bank("humanities-practice.csv")}


@pytest.mark.parametrize("name", FEWEST)
def test_no_item_is_there_twice(name: str) -> None:
    stems = [plain(draft.stem) for draft in bank(name)]
    assert len(set(stems)) == len(stems)


@pytest.mark.parametrize("province", PROVINCE_CODES)
def test_five_thousand_people_of_a_province_have_a_number_each(province: str) -> None:
    numbers = [identity_number(province, index) for index in range(5000)]
    assert len(set(numbers)) == len(numbers)
    assert all(parse_identity_number(number).canonical == number for number in numbers)


def test_people_of_different_provinces_differ() -> None:
    everybody = {identity_number(province, index) for province in PROVINCE_CODES for index in range(100)}
    assert len(everybody) == 100 * len(PROVINCE_CODES)


@pytest.mark.parametrize("province", PROVINCE_CODES)
def test_nobody_of_them_is_real_their_number_names_a_whole_province(province: str) -> None:
    assert identity_number(province, 1)[2:6] == "0000"


def test_simulated_people_come_after_those_shown_on_the_console() -> None:
    assert simulated_number(0) == identity_number("hunan", SIMULATED_FROM)
    assert len({simulated_number(index) for index in range(5000)}) == 5000


def test_every_province_with_a_preset_has_people() -> None:
    assert {read_preset(name).province for name in preset_names()} == set(PROVINCE_CODES)
