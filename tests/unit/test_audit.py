from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from exam_service.audit.model import GENESIS, Entry, chained
from tests.factories import an_id, at

ENTRY = Entry(
    an_id(), "hunan", at(0), an_id(), "attempt.confirmed", an_id(), {"passed": True, "note": "合格"}
)
DIGEST = chained(GENESIS, 1, ENTRY)


def test_the_chain_begins_with_nothing() -> None:
    assert bytes(32) == GENESIS
    assert len(DIGEST) == 32


def test_the_same_entry_has_the_same_digest() -> None:
    assert chained(GENESIS, 1, replace(ENTRY)) == DIGEST


@pytest.mark.parametrize(
    "change",
    [
        {"id": an_id()},
        {"province_id": "henan"},
        {"at": at(0.000001)},
        {"actor_id": an_id()},
        {"actor_id": None},
        {"action": "attempt.viewed"},
        {"subject_id": an_id()},
        {"subject_id": None},
        {"facts": {}},
        {"facts": {"passed": False, "note": "合格"}},
        {"facts": {"passed": True, "note": "不合格"}},
        {"facts": {"passed": True, "note": "合格", "more": None}},
    ],
    ids=" ".join,
)
def test_an_edit_of_any_field_shows(change: dict[str, Any]) -> None:
    assert chained(GENESIS, 1, replace(ENTRY, **change)) != DIGEST


def test_an_entry_at_another_place_shows() -> None:
    assert chained(GENESIS, 2, ENTRY) != DIGEST
    assert chained(DIGEST, 1, ENTRY) != DIGEST


def test_an_edit_far_back_changes_the_head() -> None:
    entries = [replace(ENTRY, id=an_id(), at=at(second)) for second in range(5)]

    def head(series: list[Entry]) -> bytes:
        digest = GENESIS
        for number, entry in enumerate(series, start=1):
            digest = chained(digest, number, entry)
        return digest

    edited = [replace(entries[0], action="nothing"), *entries[1:]]
    assert len({head(entries), head(edited), head(entries[:-1]), head(entries[::-1])}) == 4


def test_who_did_it_and_whom_to_are_not_mixed_up() -> None:
    swapped = replace(ENTRY, actor_id=ENTRY.subject_id, subject_id=ENTRY.actor_id)
    assert chained(GENESIS, 1, swapped) != DIGEST


def test_the_way_a_moment_or_facts_are_written_does_not_matter() -> None:
    in_china = ENTRY.at.astimezone(timezone(timedelta(hours=8)))
    other_order = dict(reversed(ENTRY.facts.items()))
    assert chained(GENESIS, 1, replace(ENTRY, at=in_china, facts=other_order)) == DIGEST
