import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from exam_service.errors import Invalid
from exam_service.questions.model import BadRows
from exam_service.questions.usecases import read_csv

HEADER = ["stem", "A", "B", "C", "D", "E", "key", "explanation", "tags"]
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
letters = st.sampled_from(["A", "B", "C", "D", "E", "F", "a", "", "甲"])
lines = st.lists(cells, max_size=11)
structure = st.text(st.sampled_from(',"\n\r\tAk;'), max_size=60)


def read_or_refuse(data: bytes) -> int:
    """How many items there are; 0 where the file is refused as it should be."""
    try:
        return len(read_csv(data))
    except Invalid as refusal:
        assert refusal.sentence.endswith("。")  # noqa: PT017 - either is fine, nothing else is
        return 0


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)


@given(st.text(max_size=200) | structure)
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text.encode("utf-8", "surrogatepass"))


@given(st.text(max_size=100) | structure)
def test_anything_below_a_header_is_read_or_refused(text: str) -> None:
    header = ",".join(HEADER) + "\n"
    read_or_refuse((header + text).encode("utf-8", "surrogatepass"))


def table(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode()


@given(st.lists(lines, max_size=6))
def test_any_rows_are_read_or_refused(rows: list[list[str]]) -> None:
    read_or_refuse(table(rows))


@st.composite
def items(draw: st.DrawFn) -> list[str]:
    options = draw(st.lists(st.text('甲乙丙丁,"\n', min_size=1, max_size=5), min_size=4, max_size=5))
    options = [f"{number}{option}{number}" for number, option in enumerate(options)]
    stem = draw(st.text('题目,"\n', max_size=8))
    key = draw(st.sampled_from("ABCDE"[: len(options)]))
    return [f"题{stem}？", *options, *[""] * (5 - len(options)), key, "解析", ""]


@given(rows=st.lists(items(), min_size=1, max_size=8), bad=st.sets(st.integers(0, 7)))
def test_a_file_is_taken_whole_or_every_bad_line_is_named(rows: list[list[str]], bad: set[int]) -> None:
    begins, line = [], 2
    for number, row in enumerate(rows):
        row[0] = f"{number}{row[0]}"
        if number in bad:
            row[6] = "Z"
        begins.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    expected = [begins[number] for number in sorted(bad) if number < len(rows)]
    try:
        drafts = read_csv(table(rows))
    except BadRows as refusal:
        assert [row.number for row in refusal.rows] == expected  # noqa: PT017 - nothing else is bad
    else:
        assert expected == []
        assert [draft.stem for draft in drafts] == [row[0] for row in rows]
        assert [draft.options for draft in drafts] == [
            tuple(option for option in row[1:6] if option) for row in rows
        ]
