from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.accounts.identity import check_character, mask, parse_identity_number
from exam_service.errors import Invalid

areas = st.integers(100_000, 999_999).map(str)
orders = st.integers(0, 999).map("{:03}".format)


@st.composite
def old_numbers(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1900, 1, 1), date(1999, 12, 31)))
    return f"{draw(areas)}{born:%y%m%d}{draw(orders)}"


@st.composite
def numbers(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1900, 1, 1), date(2008, 12, 31)))
    first_17 = f"{draw(areas)}{born:%Y%m%d}{draw(orders)}"
    return first_17 + check_character(first_17)


@given(old_numbers())
def test_every_old_number_becomes_a_new_one_whose_check_character_passes(old: str) -> None:
    person = parse_identity_number(old)
    assert person.canonical[:17] == old[:6] + "19" + old[6:]
    assert parse_identity_number(person.canonical).canonical == person.canonical


@given(numbers())
def test_a_number_with_its_check_character_leaves_one_of_eleven(number: str) -> None:
    # ISO 7064 says it so, without a table of weights
    digits = [10 if character == "X" else int(character) for character in number]
    assert sum(digit * 2**power for power, digit in enumerate(reversed(digits))) % 11 == 1


@given(numbers())
def test_every_well_formed_number_is_taken_as_it_is(number: str) -> None:
    assert parse_identity_number(number).canonical == number


@given(number=numbers(), position=st.integers(0, 17), wrong=st.sampled_from("0123456789X"))
def test_one_wrong_character_is_always_noticed(number: str, position: int, wrong: str) -> None:
    mistyped = number[:position] + wrong + number[position + 1 :]
    if mistyped == number:
        assert parse_identity_number(mistyped).canonical == number
    else:
        with pytest.raises(Invalid):
            parse_identity_number(mistyped)


@given(number=numbers(), position=st.integers(0, 16))
def test_two_neighbours_swapped_are_always_noticed(number: str, position: int) -> None:
    swapped = number[:position] + number[position + 1] + number[position] + number[position + 2 :]
    if swapped == number:
        assert parse_identity_number(swapped).canonical == number
    else:
        with pytest.raises(Invalid):
            parse_identity_number(swapped)


@given(st.one_of(numbers(), old_numbers()))
def test_masking_keeps_the_first_three_and_the_last_four(number: str) -> None:
    masked = mask(number)
    assert (masked[:3], masked[-4:]) == (number[:3], number[-4:])
    assert set(masked[3:-4]) == {"*"}
    assert len(masked) == len(number)


@given(st.text())
def test_any_text_is_a_number_or_refused_in_a_sentence(text: str) -> None:
    try:
        number = parse_identity_number(text)
    except Invalid as refusal:
        assert refusal.code == "bad_identity_number"  # noqa: PT017 - either is fine, nothing else is
    else:
        assert len(number.canonical) == 18
