import pytest

from exam_service.accounts.identity import (
    check_character,
    mask,
    name_key,
    parse_document,
    parse_identity_number,
    parse_mobile,
    tidy_name,
)
from exam_service.errors import Invalid

WITH_X = "11010519491231002X"
OF_A_WOMAN = "440524188001010014"


@pytest.mark.parametrize("number", [WITH_X, OF_A_WOMAN])
def test_the_numbers_of_the_standard_are_valid(number: str) -> None:
    parsed = parse_identity_number(number)
    assert (parsed.canonical, parsed.written) == (number, number)


@pytest.mark.parametrize(
    "typed",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "110105\u300019491231\t002X\n",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
    ],
    ids=["small x", "spaces", "wide space, tab, newline", "full width", "full width, small x"],
)
def test_a_number_is_read_as_people_type_it(typed: str) -> None:
    assert parse_identity_number(typed).written == WITH_X


def test_fifteen_and_eighteen_digits_of_a_person_are_the_same_person() -> None:
    old_card = parse_identity_number("110105491231002")
    assert old_card.canonical == parse_identity_number(WITH_X).canonical == WITH_X
    assert old_card.written == "110105491231002"


def test_the_check_character_is_ten_written_as_x() -> None:
    assert check_character(WITH_X[:17]) == "X"
    assert check_character(OF_A_WOMAN[:17]) == "4"


@pytest.mark.parametrize("number", ["110105194912310021", "440524188001010015", "44052418800101001X"])
def test_a_wrong_check_character_is_refused(number: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_identity_number(number)
    assert refusal.value.code == "bad_identity_number"
    assert refusal.value.sentence == "身份证号有误：最后一位校验码不符，请逐位核对。"


@pytest.mark.parametrize(
    "first_17",
    ["11010519490229002", "11010519491301002", "11010519490431002", "11010519490100002", "11010500000101002"],
    ids=["29 February 1949", "month 13", "31 April", "day 0", "year 0"],
)
def test_a_date_that_never_was_is_refused(first_17: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_identity_number(first_17 + check_character(first_17))
    assert refusal.value.sentence == "身份证号中的出生日期不存在，请逐位核对。"


@pytest.mark.parametrize("number", ["110105490229002", "110105491301002"], ids=["29 February", "month 13"])
def test_an_old_number_needs_a_real_date_too(number: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_identity_number(number)
    assert refusal.value.sentence == "身份证号中的出生日期不存在，请逐位核对。"


def test_a_leap_day_is_a_real_date() -> None:
    first_17 = "11010519480229002"
    assert parse_identity_number(first_17 + check_character(first_17)).canonical.startswith(first_17)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        WITH_X[:-1],
        WITH_X + "0",
        WITH_X[:14],
        WITH_X[:16],
        "01010519491231002X",
        "1101051949123100XX",
        "11010549123100X",
        "11010519491231002Y",
        "11010519491231OO2X",
        "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X",
        "护照E12345678",
    ],
)
def test_what_has_not_15_or_18_digits_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_identity_number(typed)
    assert refusal.value.sentence == "身份证号应为15位或18位，请核对后重新输入。"


def test_a_refusal_never_repeats_the_number() -> None:
    with pytest.raises(Invalid) as refusal:
        parse_identity_number("110105194912310021")
    assert "1101" not in str(refusal.value)


def test_a_number_is_not_printed_by_accident() -> None:
    assert WITH_X not in repr(parse_identity_number(WITH_X))


def test_a_number_is_shown_in_the_form_it_was_given_in_and_masked() -> None:
    assert parse_identity_number(WITH_X).masked == "110***********002X"
    assert parse_identity_number("110105491231002").masked == "110********1002"


@pytest.mark.parametrize(("number", "masked"), [("", ""), ("12345678", "123*5678")])
def test_masking_does_not_fail_on_short_numbers(number: str, masked: str) -> None:
    assert mask(number) == masked


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("passport", " e1234 5678 ", "E12345678"),
        ("hk_mo_permit", "Ｈ0123456701", "H0123456701"),
        ("tw_permit", "12345678(01)", "1234567801"),
        ("officer", "军字第1234567号", "军字第1234567号"),
    ],
)
def test_other_documents_have_no_check_character_and_are_kept_tidy(kind: str, typed: str, kept: str) -> None:
    document = parse_document(kind, typed)
    assert (document.type, document.canonical, document.written) == (kind, kept, kept)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("passport", ""), ("passport", "E12"), ("other", "x" * 33), ("other", "<b>12</b>"), ("card", WITH_X)],
)
def test_what_is_no_number_of_a_document_is_refused(kind: str, typed: str) -> None:
    with pytest.raises(Invalid):
        parse_document(kind, typed)


@pytest.mark.parametrize(
    "typed", ["13912345678", "139 1234 5678", "+86 139-1234-5678", "１３９１２３４５６７８"]
)
def test_a_mobile_number_is_read_however_it_is_grouped(typed: str) -> None:
    assert parse_mobile(typed) == "13912345678"


@pytest.mark.parametrize("typed", ["", "1391234567", "12912345678", "139123456789", "+1 13912345678"])
def test_what_is_no_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        parse_mobile(typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("阿依古丽·买买提", "阿依古丽•买买提"),
        ("阿依古丽·买买提", "阿依古丽．买买提"),
        ("阿依古丽·买买提", " 阿依古丽 ‧ 买买提 "),
        ("CHAN Siu Ming", "ｃｈａｎ siu  ming"),
        ("张 三", "张三"),
    ],
)
def test_writings_of_one_name_are_the_same_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_different_names_stay_different() -> None:
    assert len({name_key(name) for name in ("张三", "张三丰", "章三", "阿依·买买提", "阿依买买提")}) == 5


@pytest.mark.parametrize("typed", ["", " ", "张" * 65, "张\u202e三", "张\u200b三", "张\x01三", "\ud800"])
def test_what_nobody_can_see_is_no_part_of_a_name(typed: str) -> None:
    with pytest.raises(Invalid):
        tidy_name(typed)


@pytest.mark.parametrize("typed", ["张三", " 阿依古丽·买买提 ", "CHAN  Siu Ming", "\u3000张三"])
def test_names_are_kept(typed: str) -> None:
    assert tidy_name(typed) == " ".join(typed.split())
