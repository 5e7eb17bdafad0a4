"""Lists of 100,000 physicians go by their indexes: pages, filters, counts, progress."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.institutions.model import Category, Level
from exam_service.registration.model import State
from exam_service.registration.reviewing.filters import STATES, Age, Filter, Place, Tab, born_between
from exam_service.registration.reviewing.queries import SQL, Narrowed, Scope
from tests.bench.registrations import BODY, CYCLE, FILL, INSTITUTION, PROVINCE, SETTLE
from tests.world import own_database, unchecked

LARGE = frozenset(
    {"registration", "account", "roster_entry", "registration_review", "registration_submission"}
)
WAITING = Filter(states=STATES[ReviewLevel.BODY, Tab.AWAITING])
REVIEWED = Filter(states=STATES[ReviewLevel.INSTITUTION, Tab.REVIEWED])
EVERYBODY = Filter(states=STATES[ReviewLevel.BODY, Tab.ALL])
OF_BODY = Scope(CYCLE, PROVINCE, BODY, None)
OF_INSTITUTION = Scope(CYCLE, PROVINCE, None, INSTITUTION)
OF_PROVINCE = Scope(CYCLE, PROVINCE, None, None)
HALFWAY = Place(datetime(2026, 4, 20, tzinfo=UTC), UUID(int=0))
PAGE = 51


@dataclass(frozen=True)
class Plan:
    """What PostgreSQL means to do: the kinds of its steps, with the table of each."""

    root: dict[str, Any]

    def steps(self) -> Iterator[dict[str, Any]]:
        waiting = [self.root]
        while waiting:
            step = waiting.pop()
            yield step
            waiting.extend(step.get("Plans", ()))

    def read_through(self) -> set[str]:
        return {
            step["Relation Name"]
            for step in self.steps()
            if step["Node Type"] == "Seq Scan" and step["Relation Name"] in LARGE
        }

    def sorted_rows(self) -> int:
        """How many rows PostgreSQL expects to sort, at most."""
        return max((step["Plan Rows"] for step in self.steps() if "Sort" in step["Node Type"]), default=0)

    def indexes(self) -> set[str]:
        return {step["Index Name"] for step in self.steps() if "Index Name" in step}


@pytest.fixture(scope="module")
async def filled(template_database: str) -> AsyncIterator[asyncpg.Connection]:
    async with own_database(template_database) as url:
        connection = await asyncpg.connect(url)
        try:
            async with unchecked(connection, *LARGE):
                await connection.execute(FILL.format(physicians=100_000))
            await connection.execute(SETTLE)
            yield connection
        finally:
            await connection.close()


async def plan(connection: asyncpg.Connection, sql: str, *args: object) -> Plan:
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *args)
    (found,) = json.loads(text)
    return Plan(found["Plan"])


def narrowed(wanted: Filter) -> Narrowed:
    return Narrowed(wanted, born_between(wanted.age, date(2026, 5, 1)))


FILTERS = {
    "everybody who waits": (OF_BODY, WAITING),
    "of one institution": (OF_BODY, replace(WAITING, institution_id=INSTITUTION)),
    "by a name": (OF_BODY, replace(WAITING, name="王建国7")),
    "by age": (OF_BODY, replace(WAITING, age=Age.FROM_45)),
    "by category and level": (OF_BODY, replace(WAITING, category=Category.TCM, level=Level.ASSISTANT)),
    "with bad records": (OF_BODY, replace(WAITING, bad_records=True)),
    "by procedure": (OF_BODY, replace(WAITING, procedure=Procedure.SIMPLE)),
    "all of the body": (OF_BODY, EVERYBODY),
    "an institution's own": (OF_INSTITUTION, replace(WAITING, states=(State.INSTITUTION_REVIEW,))),
    "an institution's reviewed": (OF_INSTITUTION, REVIEWED),
    "of the whole province": (OF_PROVINCE, EVERYBODY),
    "of the province by a name": (OF_PROVINCE, replace(EVERYBODY, name="王建国7")),
}


@pytest.mark.parametrize("after", [None, HALFWAY], ids=["the first page", "a page in the middle"])
@pytest.mark.parametrize(("scope", "wanted"), FILTERS.values(), ids=FILTERS)
async def test_a_page_of_a_list_goes_by_an_index_in_order(
    filled: asyncpg.Connection, scope: Scope, wanted: Filter, after: Place | None
) -> None:
    place = (after.submitted_at, after.id) if after else (None, None)
    found = await plan(filled, SQL["select_listed"], *narrowed(wanted).arguments(scope), *place, PAGE)
    assert not found.read_through()
    assert found.sorted_rows() <= 5_000, "a page comes in order, or of few"


async def test_going_back_goes_by_an_index_too(filled: asyncpg.Connection) -> None:
    found = await plan(
        filled,
        SQL["select_optional_previous"],
        *narrowed(WAITING).arguments(OF_BODY),
        HALFWAY.submitted_at,
        HALFWAY.id,
    )
    assert not found.read_through()
    assert "registration_body_queue" in found.indexes()


@pytest.mark.parametrize("scope", [OF_BODY, OF_INSTITUTION], ids=["a body", "an institution"])
async def test_what_waits_is_counted_by_an_index(filled: asyncpg.Connection, scope: Scope) -> None:
    state = State.BODY_REVIEW if scope.body_id else State.INSTITUTION_REVIEW
    found = await plan(
        filled,
        SQL["count_awaiting"],
        scope.cycle_id,
        scope.province_id,
        state,
        scope.body_id,
        scope.institution_id,
    )
    assert not found.read_through()


async def test_a_number_is_found_by_an_index(filled: asyncpg.Connection) -> None:
    found = await plan(
        filled, SQL["select_optional_by_document"], [bytes(32), bytes(32)], PROVINCE, CYCLE, BODY, None
    )
    assert not found.read_through()


@pytest.mark.parametrize("column", ["share", "returned", "name"])
async def test_progress_of_a_body_counts_by_an_index(filled: asyncpg.Connection, column: str) -> None:
    if column == "name":
        found = await plan(filled, SQL["select_progress_by_name"], CYCLE, PROVINCE, BODY, None, None, PAGE)
    else:
        found = await plan(filled, SQL["select_progress"], CYCLE, PROVINCE, BODY, column, 1, None, None, PAGE)
    assert not found.read_through()


async def test_what_a_reviewer_decided_lately_goes_by_an_index(filled: asyncpg.Connection) -> None:
    found = await plan(
        filled, SQL["select_recent"], UUID(int=1), PROVINCE, datetime(2026, 5, 1, tzinfo=UTC), 100
    )
    assert "registration_review_reviewer" in found.indexes()


async def test_pages_one_after_the_other_list_everybody_once(filled: asyncpg.Connection) -> None:
    seen: list[UUID] = []
    place: tuple[object, object] = (None, None)
    wanted = replace(WAITING, institution_id=INSTITUTION)
    while True:
        rows = await filled.fetch(SQL["select_listed"], *narrowed(wanted).arguments(OF_BODY), *place, 37)
        if not rows:
            break
        seen += [row["id"] for row in rows]
        place = (rows[-1]["submitted_at"], rows[-1]["id"])
    expected = await filled.fetchval(
        "SELECT count(*) FROM registration WHERE institution_id = $1 AND state = 'body_review'", INSTITUTION
    )
    assert len(seen) == len(set(seen)) == expected > 37
