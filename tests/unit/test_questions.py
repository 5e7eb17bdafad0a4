"""Question banks come as tables that people made in Excel."""

import csv
import io
from pathlib import Path
from uuid import UUID

import pytest

from exam_service.errors import Invalid
from exam_service.questions.model import (
    LONGEST_ALT,
    LONGEST_OPTION,
    LONGEST_STEM,
    BadRows,
    Draft,
    DraftImage,
    Image,
    Item,
    Pictures,
    image_entry,
    read_drafts,
)
from exam_service.questions.usecases import read_csv

HEADER = ["stem", "A", "B", "C", "D", "E", "key", "explanation", "tags"]


def a_row(**cells: str) -> dict[str, str]:
    row = {"stem": "考核周期为几年？", "A": "一年", "B": "二年", "C": "三年", "D": "四年", "E": "五年"}
    return row | {"key": "C", "explanation": "《医师法》第四十二条。", "tags": "法律;考核"} | cells


def table(*rows: dict[str, str], header: list[str] | None = None) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header or HEADER, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def bad_rows(data: bytes, pictures: Pictures | None = None) -> list[tuple[int, str]]:
    with pytest.raises(BadRows) as refusal:
        read_csv(data, pictures)
    return [(row.number, row.reason) for row in refusal.value.rows]


def reason_of(**cells: str) -> str:
    ((number, reason),) = bad_rows(table(a_row(**cells)))
    assert number == 2
    return reason


DRAFT = Draft(
    stem="考核周期为几年？",
    options=("一年", "二年", "三年", "四年", "五年"),
    key=2,
    explanation="《医师法》第四十二条。",
    tags=("法律", "考核"),
)


def test_a_stem_has_2000_characters_at_most_and_an_option_500() -> None:
    assert (LONGEST_STEM, LONGEST_OPTION) == (2000, 500)


def test_a_row_is_an_item() -> None:
    assert read_csv(table(a_row())) == [DRAFT]


def test_the_fifth_option_may_be_empty_or_its_column_missing() -> None:
    four = Draft(DRAFT.stem, DRAFT.options[:4], DRAFT.key, DRAFT.explanation, DRAFT.tags)
    assert read_csv(table(a_row(E=""))) == [four]
    without = {name: cell for name, cell in a_row().items() if name != "E"}
    assert read_csv(table(without, header=[name for name in HEADER if name != "E"])) == [four]


def test_question_and_answer_do_for_stem_and_key() -> None:
    other_names = ["Question", "a", "b", "C", "D", "e", "ANSWER", "Explanation", "Tags"]
    row = dict(zip(other_names, a_row().values(), strict=True))
    assert read_csv(table(row, header=other_names)) == [DRAFT]


def test_chinese_names_do_too() -> None:
    chinese = ["题干", "A", "B", "C", "D", "E", "答案", "解析", "tags"]
    row = dict(zip(chinese, a_row().values(), strict=True))
    assert read_csv(table(row, header=chinese)) == [DRAFT]


def test_spaces_around_cells_and_names_do_not_matter() -> None:
    header = [f" {name} " for name in HEADER]
    row = {f" {name} ": f"\t{cell} " for name, cell in a_row().items()}
    assert read_csv(table(row, header=header)) == [DRAFT]


@pytest.mark.parametrize("key", ["c", "C", " c "])
def test_a_small_letter_is_a_key_too(key: str) -> None:
    assert read_csv(table(a_row(key=key)))[0].key == 2


@pytest.mark.parametrize(("letter", "position"), list(zip("ABCDE", range(5), strict=True)))
def test_a_key_counts_from_the_first_option(letter: str, position: int) -> None:
    assert read_csv(table(a_row(key=letter)))[0].key == position


def test_explanation_and_tags_may_be_missing() -> None:
    header = HEADER[:-2]
    row = {name: cell for name, cell in a_row().items() if name in header}
    draft = read_csv(table(row, header=header))[0]
    assert (draft.explanation, draft.tags) == ("", ())


@pytest.mark.parametrize("tags", ["法律;考核", "法律； 考核 ;", ";;法律;考核"])
def test_tags_are_separated_by_semicolons_of_either_width(tags: str) -> None:
    assert read_csv(table(a_row(tags=tags)))[0].tags == ("法律", "考核")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read_as_excel_in_chinese_writes_it(encoding: str) -> None:
    text = table(a_row()).decode()
    assert read_csv(text.encode(encoding)) == [DRAFT]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_do_on_any_machine(newline: str) -> None:
    text = table(a_row(), a_row(stem="另一题？")).decode().replace("\r\n", newline)
    assert [draft.stem for draft in read_csv(text.encode())] == [DRAFT.stem, "另一题？"]


def test_a_stem_may_have_lines_commas_and_quotes() -> None:
    stem = '男，62岁。\n主诉："胸痛"，\n诊断是'
    assert read_csv(table(a_row(stem=stem)))[0].stem == stem


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"stem": ""}, "缺少题干"),
        ({"stem": "  "}, "缺少题干"),
        ({"stem": "题" * (LONGEST_STEM + 1)}, f"题干超过{LONGEST_STEM}字"),
        ({"A": ""}, "选项应为A至D或A至E，且不能为空"),
        ({"C": ""}, "选项应为A至D或A至E，且不能为空"),
        ({"D": "", "E": ""}, "选项应为A至D或A至E，且不能为空"),
        ({"D": ""}, "选项应为A至D或A至E，且不能为空"),
        ({"B": "选" * (LONGEST_OPTION + 1)}, f"选项超过{LONGEST_OPTION}字"),
        ({"B": "一年"}, "选项有重复"),
        ({"B": " 一年 "}, "选项有重复"),
        ({"key": ""}, "答案应为A至E中的一个字母"),
        ({"key": "F"}, "答案应为A至E中的一个字母"),
        ({"key": "AB"}, "答案应为A至E中的一个字母"),
        ({"key": "3"}, "答案应为A至E中的一个字母"),
        ({"E": "", "key": "E"}, "答案应为A至D中的一个字母"),
    ],
)
def test_a_bad_row_is_told_what_to_mend(cells: dict[str, str], reason: str) -> None:
    assert reason_of(**cells) == reason


def test_the_longest_stem_and_option_are_taken() -> None:
    draft = read_csv(table(a_row(stem="题" * LONGEST_STEM, B="选" * LONGEST_OPTION)))[0]
    assert (len(draft.stem), len(draft.options[1])) == (LONGEST_STEM, LONGEST_OPTION)


def test_every_bad_row_is_named_and_none_is_taken() -> None:
    data = table(
        a_row(),
        a_row(stem="第二题", key="F"),
        a_row(stem="第三题"),
        a_row(stem=""),
        a_row(stem="第五题", A="二年"),
    )
    with pytest.raises(BadRows) as refusal:
        read_csv(data)
    assert [row.number for row in refusal.value.rows] == [3, 5, 6]
    assert refusal.value.code == "bad_rows"
    assert refusal.value.sentence.startswith("导入未执行：3行有误、2行无误。")


SAME = "与第2行重复：题干和选项都相同"


def test_an_item_that_is_there_already_is_named_with_its_first_line() -> None:
    data = table(a_row(), a_row(stem="另一题"), a_row(stem=f" {DRAFT.stem} "), a_row())
    assert bad_rows(data) == [(4, SAME), (5, SAME)]


def test_the_same_character_written_in_two_ways_is_the_same_stem() -> None:
    data = table(a_row(stem="Ménière病"), a_row(stem="Me\u0301nie\u0300re病"))
    assert bad_rows(data) == [(3, SAME)]


def test_the_same_stem_with_other_options_is_another_item() -> None:
    """下列说法正确的是 opens many."""
    drafts = read_csv(table(a_row(), a_row(A="六年"), a_row(E=""), a_row(stem="另一题")))
    assert len({draft.identity for draft in drafts}) == len(drafts) == 4


@pytest.mark.parametrize(
    "again",
    [
        {"A": "三年", "C": "一年", "key": "A"},
        {"explanation": "", "tags": ""},
    ],
    ids=["options in another order", "another explanation"],
)
def test_what_else_differs_makes_no_other_item(again: dict[str, str]) -> None:
    assert bad_rows(table(a_row(), a_row(**again))) == [(3, SAME)]


def test_a_repetition_that_contradicts_says_so() -> None:
    """Whoever takes the second row out should know that the first may be the wrong one."""
    for again in (a_row(key="D"), a_row(A="三年", C="一年")):
        assert bad_rows(table(a_row(), again)) == [(3, f"{SAME}，答案却不同，请核对")]


REPEATED = {"anatomy": [63, 102, 114, 129, 130, 144, 148], "genetics": [52], "professional_medicine": [317]}


def test_of_real_files_only_true_repetitions_are_refused(question_files: list[Path]) -> None:
    """Seven stems of anatomy and three of virology open two items that have other options."""
    for file in question_files:
        expected = REPEATED.get(file.stem.removeprefix("cmmlu-"), [])
        try:
            items = read_csv(file.read_bytes())
        except BadRows as refusal:
            repeated = [row.number for row in refusal.rows if "重复：题干和选项都相同" in row.reason]
            others = [row.reason for row in refusal.rows if row.number not in repeated]
            assert repeated == expected, file.name
            assert others in ([], ["选项有重复"]), file.name
        else:
            assert not expected, file.name
            assert len(items) > 100


# Pictures

ILLUSTRATED = [*HEADER, "image", "image_alt"]


def a_picture(name: str, alt: str) -> DraftImage:
    """Any picture but a bad one; the same file where the name begins alike."""
    if name.startswith("坏"):
        raise Invalid(f"找不到图片文件：{name}")
    return DraftImage(Image("image/png", 30, 20, alt, name[:1].encode()), name[:1].encode())


def illustrated(name: str, alt: str = "", **cells: str) -> dict[str, str]:
    return a_row(**cells) | {"image": name, "image_alt": alt}


@pytest.mark.parametrize("names", [("image", "image_alt"), ("图片", "图片说明"), ("IMAGE", "Image_Alt")])
def test_a_row_may_name_a_picture(names: tuple[str, str]) -> None:
    row = a_row() | dict(zip(names, (" 胸片.png ", "正位胸片"), strict=True))
    [draft] = read_csv(table(row, header=[*HEADER, *names]), a_picture)
    assert draft.image == DraftImage(Image("image/png", 30, 20, "正位胸片", "胸".encode()), "胸".encode())


def test_without_a_description_a_picture_is_called_one() -> None:
    [draft] = read_csv(table(illustrated("胸片.png"), header=ILLUSTRATED), a_picture)
    assert draft.image is not None
    assert draft.image.image.alt == "题图"


def test_rows_with_and_without_pictures_go_together() -> None:
    data = table(illustrated(""), illustrated("胸片.png", stem="另一题"), header=ILLUSTRATED)
    assert [draft.image is not None for draft in read_csv(data, a_picture)] == [False, True]


def test_every_row_whose_picture_is_bad_is_named_with_its_reason() -> None:
    data = table(
        illustrated("坏一.png", stem="第二行"),
        illustrated("好.png", stem="第三行"),
        illustrated("坏二.png", stem="第四行"),
        illustrated("", "没有文件名", stem="第五行"),
        illustrated("好.png", "说" * (LONGEST_ALT + 1), stem="第六行"),
        illustrated("坏三.png", stem=""),
        header=ILLUSTRATED,
    )
    assert bad_rows(data, a_picture) == [
        (2, "找不到图片文件：坏一.png"),
        (4, "找不到图片文件：坏二.png"),
        (5, "有图片说明，但没有写图片文件名"),
        (6, "图片说明超过200字"),
        (7, "缺少题干"),
    ]


def test_a_picture_without_a_directory_of_pictures_is_a_bad_row() -> None:
    data = table(illustrated("", stem="另一题"), illustrated("胸片.png"), header=ILLUSTRATED)
    assert bad_rows(data) == [(3, "该题有图片，请用 --images 指明图片所在的目录")]


def test_another_picture_makes_another_item_and_the_same_one_does_not() -> None:
    data = table(illustrated(""), illustrated("甲.png"), illustrated("乙.png"), header=ILLUSTRATED)
    assert len(read_csv(data, a_picture)) == 3
    again = table(illustrated("甲.png"), illustrated("甲又.png", "另一说明"), header=ILLUSTRATED)
    assert bad_rows(again, a_picture) == [(3, "与第2行重复：题干、选项和图片都相同")]


def test_an_item_shows_its_picture_as_a_data_url() -> None:
    item = Item(UUID(int=1), "题干", (), Image("image/jpeg", 30, 20, "胸片", b"\xff\xd8\xff"))
    assert image_entry(item) == {
        "image": {"src": "data:image/jpeg;base64,/9j/", "width": 30, "height": 20, "alt": "胸片"}
    }
    assert image_entry(Item(UUID(int=1), "题干", ())) == {}


def test_lines_are_counted_as_an_editor_counts_them_however_many_a_cell_has() -> None:
    data = table(
        a_row(stem="第一行\n第二行\n第三行", explanation="解析一\n解析二"),
        a_row(key="F", stem="从第六行起\n到第七行"),
        a_row(stem=""),
    )
    assert [number for number, _ in bad_rows(data)] == [6, 8]


def test_empty_lines_between_rows_are_no_rows_and_are_counted() -> None:
    lines = table(a_row(), a_row(stem="", key="C")).decode().split("\r\n")
    data = "\r\n".join([lines[0], "", lines[1], "", "", lines[2], ""]).encode()
    assert bad_rows(data) == [(6, "缺少题干")]


def test_a_heading_of_two_lines_is_counted() -> None:
    data = table(a_row(stem=""), header=[*HEADER, "备注\n（可空）"])
    assert bad_rows(data) == [(3, "缺少题干")]


def test_a_quote_that_is_never_closed_is_named_by_the_line_it_opens_on() -> None:
    good = [a_row(stem=f"第{number}题") for number in range(6)]
    lines = table(*good).decode().splitlines()
    lines[3] = '"' + lines[3]
    ((number, reason),) = bad_rows("\n".join(lines).encode())
    assert number == 4
    assert reason.startswith("无法解析：")


def test_rows_found_bad_before_a_row_that_cannot_be_read_are_named_too() -> None:
    lines = table(a_row(stem=""), a_row()).decode().splitlines()
    data = "\n".join([*lines, '"a"b,c']).encode()
    assert [number for number, _ in bad_rows(data)] == [2, 4]


def test_a_row_that_is_too_short_lacks_its_last_cells() -> None:
    data = table(a_row()) + "只有题干,甲,乙\r\n".encode()
    assert bad_rows(data) == [(3, "选项应为A至D或A至E，且不能为空")]


def test_a_row_that_is_too_long_has_a_comma_too_many() -> None:
    data = table(a_row()) + ",".join([*a_row(stem="另一题").values(), "多余"]).encode()
    assert bad_rows(data) == [(3, "列数多于表头，请检查引号和逗号")]


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbf", b"\n", table()], ids=["no byte", "a BOM", "an empty line", "a header"]
)
def test_a_file_without_items_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        read_csv(data)
    assert refusal.value.code == "empty_import"


def test_a_file_without_a_header_has_only_bad_rows() -> None:
    data = table(a_row(), a_row(stem="第二题"), a_row(stem="第三题")).split(b"\r\n", 1)[1]
    assert bad_rows(data) == [(2, "缺少题干"), (3, "缺少题干")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (table(a_row()).replace(b"C,", b"\0,"), "bad_csv"),
        (table(a_row()).decode().encode("utf-16"), "bad_encoding"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "bad_encoding"),
    ],
    ids=["NUL", "UTF-16", "a picture"],
)
def test_what_is_no_csv_file_is_refused_in_a_sentence(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_csv(data)
    assert refusal.value.code == code


def test_a_gb18030_file_may_begin_with_its_mark() -> None:
    assert read_csv(("\ufeff" + table(a_row()).decode()).encode("gb18030")) == [DRAFT]


def test_an_item_knows_the_line_it_came_from() -> None:
    drafts = read_csv(table(a_row(stem="一\n二"), a_row(stem="三")))
    assert [draft.line for draft in drafts] == [2, 4]


def test_rows_of_other_sources_are_read_alike() -> None:
    assert read_drafts([(7, a_row())]) == [DRAFT]
