"""Signed heads in files: added to, read again, and what was spoilt or forged is said."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from exam_service.crypto.signing import Signer
from exam_service.storage.heads import CONTRADICTED, Head, HeadLog

BEGAN = datetime(2026, 5, 12, 23, 59, 50, tzinfo=UTC)


def head(number: int, what: str = "whole", seconds: int = 0) -> Head:
    return Head(number, sha256(what.encode()).digest(), BEGAN + timedelta(seconds=seconds))


@pytest.fixture
def log(tmp_path: Path) -> HeadLog:
    return HeadLog(tmp_path / "deep" / "audit", Signer(bytes(32), "audit heads"))


def files(log: HeadLog) -> list[Path]:
    return sorted(log.directory.iterdir())


def test_where_nothing_was_signed_nothing_is_read(log: HeadLog) -> None:
    assert log.newest() is None
    read = log.read()
    assert (read.digests, read.newest, read.unreadable, read.unsigned) == ({}, None, [], [])


def test_a_file_a_day_is_read_in_order(log: HeadLog) -> None:
    added = [head(3), head(5, seconds=5), head(9, seconds=20)]
    for each in added:
        log.append(each)
        assert log.newest() == each
    assert [path.name for path in files(log)] == ["heads-2026-05-12.jsonl", "heads-2026-05-13.jsonl"]
    read = log.read()
    assert read.digests == {each.number: each.digest for each in added}
    assert read.newest == added[-1]
    assert (read.unreadable, read.unsigned) == ([], [])


def test_the_newest_is_found_at_the_end_of_a_long_file(log: HeadLog) -> None:
    for number in range(1, 200):
        log.append(head(number))
    newest = log.newest()
    assert newest is not None
    assert newest.number == 199
    assert len(log.read().digests) == 199


def test_a_line_that_a_crash_cut_short_spoils_no_other(log: HeadLog) -> None:
    log.append(head(1))
    (path,) = files(log)
    with path.open("ab") as file:
        file.write(b'{"number": 2, "dig')
    newest = log.newest()
    assert newest is not None
    assert newest.number == 1
    log.append(head(3))
    read = log.read()
    assert sorted(read.digests) == [1, 3]
    assert [place.rpartition(", ")[2] for place in read.unreadable] == ["line 2"]


def line(number: str = "1", at: str = "2026-05-12T00:00:00+00:00") -> bytes:
    """One that isn't signed; the number as JSON has it."""
    return f'{{"number": {number}, "digest": "00", "at": "{at}", "signature": ""}}'.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b'{"number": 1}',
        b"\xff\xfe",
        b'{"number": "x"}',
        b"7",
        b"[" * 3000,
        line(number="1e999"),
        line(at="0001-01-01T00:00:00+14:00"),
    ],
    ids=range(9),
)
def test_what_is_no_head_is_passed_over(log: HeadLog, content: bytes) -> None:
    log.append(head(1))
    with files(log)[0].open("ab") as file:
        file.write(content + b"\n")
    assert log.newest() == head(1)
    read = log.read()
    assert sorted(read.digests) == [1]
    assert len(read.unreadable) == 1


@pytest.mark.parametrize(("old", "new"), [('"number": 4', '"number": 2'), ("T23:59:50", "T23:59:49")])
def test_a_head_that_was_changed_is_not_signed(log: HeadLog, old: str, new: str) -> None:
    log.append(head(4))
    (path,) = files(log)
    path.write_text(path.read_text().replace(old, new))
    read = log.read()
    assert read.digests == {}
    assert len(read.unsigned) == 1
    assert log.newest() is None


def test_another_key_signs_for_another_service(log: HeadLog) -> None:
    HeadLog(log.directory, Signer(bytes(31) + b"1", "audit heads")).append(head(4))
    HeadLog(log.directory, Signer(bytes(32), "receipts")).append(head(5))
    log.append(head(6))
    read = log.read()
    assert sorted(read.digests) == [6]
    assert len(read.unsigned) == 2


def test_two_heads_of_one_entry_fit_nothing(log: HeadLog) -> None:
    log.append(head(4))
    log.append(head(4, seconds=1))
    assert log.read().digests == {4: head(4).digest}
    log.append(head(4, "rewritten"))
    assert log.read().digests == {4: CONTRADICTED}


def test_what_was_added_after_a_clock_went_back_is_the_newest(log: HeadLog) -> None:
    log.append(head(1, seconds=40 * 365 * 86400))
    log.append(head(2))
    assert log.newest() == head(2)
    assert log.read().newest == head(2)


def test_a_long_line_without_an_end_takes_no_head_along(log: HeadLog) -> None:
    log.append(head(1))
    with files(log)[0].open("ab") as file:
        file.write(b"x" * 5000)
    log.append(head(2))
    assert sorted(log.read().digests) == [1, 2]


def test_what_is_no_plain_file_is_neither_read_nor_waited_for(log: HeadLog) -> None:
    log.append(head(1))
    os.mkfifo(log.directory / "heads-a-pipe.jsonl")
    (log.directory / "heads-a-directory.jsonl").mkdir()
    (log.directory / "heads-a-device.jsonl").symlink_to("/dev/zero")
    assert log.newest() == head(1)
    assert sorted(log.read().digests) == [1]


@pytest.mark.parametrize("what", ["a pipe", "a link"])
def test_a_head_is_added_to_a_plain_file_only(log: HeadLog, tmp_path: Path, what: str) -> None:
    """Who can only write to the directory doesn't have the service write elsewhere, nor wait for ever."""
    log.directory.mkdir(parents=True)
    today = log.directory / "heads-2026-05-12.jsonl"
    another = tmp_path / "another"
    another.touch()
    if what == "a pipe":
        os.mkfifo(today)
    else:
        today.symlink_to(another)
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on what it is
        log.append(head(1))
    assert not another.read_bytes()
