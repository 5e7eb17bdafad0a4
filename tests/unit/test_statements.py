from importlib.resources import files
from pathlib import Path

import pytest

import exam_service
from exam_service.storage.statements import BadStatements, Statements, parse_statements

PACKAGES = sorted(
    "exam_service." + path.parent.name for path in Path(exam_service.__file__).parent.glob("*/queries.sql")
)


def parse(*lines: str) -> dict[str, str]:
    return parse_statements("\n".join(lines) + "\n", "q.sql")


def test_a_file_is_split_by_name() -> None:
    assert parse(
        "-- name: select_account", "SELECT 1", "  FROM account", "", "-- name: insert_account", "INSERT"
    ) == {
        "select_account": "SELECT 1\n  FROM account",
        "insert_account": "INSERT",
    }


def test_comments_of_a_statement_are_kept_and_those_of_the_file_are_not() -> None:
    assert parse("-- About accounts.", "", "-- name: a", "-- Why it is so.", "SELECT 1") == {
        "a": "-- Why it is so.\nSELECT 1"
    }


def test_a_file_of_nothing_has_no_statements() -> None:
    assert parse("-- Nothing yet.") == {}


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["-- name: a", "SELECT 1", "-- name: a", "SELECT 2"], r"q\.sql:3: a second statement named a"),
        (["-- name:", "SELECT 1"], r"q\.sql:1: '' is no name"),
        (["-- name: a", "SELECT 1", "-- name: ", "SELECT 2"], r"q\.sql:3: '' is no name"),
        (["-- name: SelectIt", "SELECT 1"], r"q\.sql:1: 'SelectIt' is no name"),
        (["-- name: 1st", "SELECT 1"], r"q\.sql:1: '1st' is no name"),
        (["", "SELECT 1", "-- name: a", "SELECT 2"], r"q\.sql:2: SQL before the first"),
    ],
    ids=["twice", "no name", "no name later", "capitals", "a digit first", "before the first"],
)
def test_a_bad_file_is_refused_with_its_line(lines: list[str], place: str) -> None:
    with pytest.raises(BadStatements, match=place):
        parse(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["-- name: a", "SELECT 1", "-- name: b", "", "-- name: c", "SELECT 3"],
        ["-- name: a", "SELECT 1", "-- name: b"],
    ],
    ids=["in the middle", "at the end"],
)
def test_an_empty_statement_is_refused_with_its_line(lines: list[str]) -> None:
    with pytest.raises(BadStatements, match=r"q\.sql:3: .*\bb\b.* empty"):
        parse(*lines)


def test_a_statement_of_comments_alone_is_empty_too() -> None:
    with pytest.raises(BadStatements, match="empty"):
        parse("-- name: a", "-- to be written")


def test_a_name_of_two_words_is_refused_and_not_taken_for_a_comment() -> None:
    with pytest.raises(BadStatements, match=r"q\.sql:3: "):
        parse("-- name: a", "SELECT 1", "-- name: select b", "SELECT 2")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_statement_of_the_service_is_used_by_its_queries(package: str) -> None:
    source = files(package).joinpath("queries.py").read_text(encoding="utf-8")
    statements = Statements(package)
    assert len(statements) > 0
    assert [name for name in statements if f'"{name}"' not in source] == []


def test_an_unknown_statement_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Statements(PACKAGES[0])["no_such_statement"]
