"""The roster's list: what narrows it, its pages, and that 100,000 physicians are found by indexes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level
from exam_service.registration.admission import queries
from exam_service.registration.admission.model import Activation, Filters, Standing, age_on
from exam_service.registration.admission.usecases import listing
from exam_service.storage.database import Tx
from tests.world import Another, World, unchecked

TODAY = date(2026, 5, 12)


@pytest.fixture
def desk(world: World) -> Principal:
    return world.here.staff[Role.INSTITUTION]


async def names(world: World, desk: Principal, filters: Filters, after: UUID | None = None) -> list[str]:
    page = await listing.roster_page(world.database, world.clock, world.vault, desk, filters, after)
    return [row.name for row in page.rows]


async def test_each_filter_narrows_the_list_to_whom_it_means(world: World, desk: Principal) -> None:
    internal = await institutions.add_department(
        world.database, world.clock, desk, name="内科", subjects=["03"]
    )
    await world.on_roster(
        desk,
        71,
        name="张三",
        department=str(internal),
        category="tcm",
        first_registered_on="2006-08-10",
        mobile="13800000071",
    )
    await world.on_roster(desk, 72, name="张小明", level="assistant", first_registered_on="2016-08-13")
    assert await names(world, desk, Filters()) == ["医师1", "医师2", "医师3", "张三", "张小明"]
    cases = {
        Filters(department_id=internal): ["张三"],
        Filters(name="张"): ["张三", "张小明"],
        Filters(name="张小"): ["张小明"],
        Filters(name="%"): [],
        Filters(category=Category.TCM): ["张三"],
        Filters(level=Level.ASSISTANT): ["张小明"],
        Filters(registered_from=date(2006, 8, 10), registered_until=date(2006, 8, 10)): ["张三"],
        Filters(registered_from=date(2006, 8, 11)): ["张小明"],
        Filters(standing=Standing.OPEN): ["张三", "张小明"],
        Filters(standing=Standing.REGISTERED): ["医师1", "医师2", "医师3"],
        Filters(standing=Standing.SUBMITTED): [],
        Filters(name="张", standing=Standing.REGISTERED): [],
        Filters(activation=Activation.AWAITED): ["张三", "张小明"],
        Filters(activation=Activation.BY_SLIP): ["张小明"],
        Filters(activation=Activation.AWAITED, standing=Standing.REGISTERED): [],
        Filters(activation=Activation.AWAITED, standing=Standing.OPEN): ["张三", "张小明"],
    }
    for filters, found in cases.items():
        assert await names(world, desk, filters) == found, filters
    born = date(1970, 1, 1) + timedelta(days=71)
    age = age_on(born, TODAY)
    assert await names(world, desk, Filters(youngest=age, oldest=age)) == ["张三", "张小明"]
    assert await names(world, desk, Filters(youngest=age + 1)) == []
    assert await names(world, desk, Filters(oldest=age - 1)) == []


@pytest.mark.parametrize(
    ("born", "age"),
    [(date(1990, 5, 12), 36), (date(1990, 5, 13), 35), (date(2004, 2, 29), 22)],
)
def test_an_age_is_in_the_filter_of_its_years_alone(born: date, age: int) -> None:
    assert age_on(born, TODAY) == age
    first, last = Filters(youngest=age, oldest=age).born_within(TODAY)
    assert first is not None
    assert last is not None
    assert first <= born <= last
    for other in (age - 1, age + 1):
        first, last = Filters(youngest=other, oldest=other).born_within(TODAY)
        assert first is not None
        assert last is not None
        assert not first <= born <= last


async def test_the_list_pages_and_a_number_leads_to_its_physician(
    world: World, desk: Principal, another: Another
) -> None:
    for number in range(100, 100 + listing.PAGE):
        await world.on_roster(desk, number)
    browser = await another("hunan-institution")
    first = await (await browser.get("/institution/roster?category=clinical")).text()
    assert first.count('name="physician"') == listing.PAGE
    address = first.split('href="/institution/roster?category=clinical&amp;cursor=')[1].split('"')[0]
    second = await (await browser.get(f"/institution/roster?category=clinical&cursor={address}")).text()
    assert second.count('name="physician"') == 3
    number = world.here.number_of(world.here.general)
    assert number not in first + second
    found = await browser.submit("/institution/roster/search", number=number.lower())
    assert found.headers["Location"] == f"/institution/roster/{world.here.general.account_id}"
    page = await (await browser.get(found.headers["Location"])).text()
    assert number not in page
    whole = await (await browser.get(f"{found.headers['Location']}?number=full")).text()
    assert number in whole
    async with world.database.tx() as tx:
        assert await tx.fetch_value(
            "SELECT count(*) FROM audit_entry WHERE action = 'identity_number.viewed' AND subject_id = $1",
            world.here.general.account_id,
        )
    nobody = await browser.submit("/institution/roster/search", number="11010519491231002X")
    assert nobody.headers["Location"] == "/institution/roster"


@pytest.fixture
async def many(world: World) -> AsyncIterator[Tx]:
    """100,000 physicians of one institution, a fifth of them registered, beside some of another."""
    connection = await asyncpg.connect(world.settings.database_url)
    try:
        async with unchecked(connection, "account", "roster_entry", "registration"):
            here, now, department = world.here, world.clock.now(), new_id()
            await connection.execute(
                "INSERT INTO department (id, province_id, institution_id, name, subjects, created_at) "
                "VALUES ($1, 'hunan', $2, '内科', '{03}', $3)",
                department,
                here.institution_id,
                now,
            )
            await connection.execute(
                """
                WITH people AS (
                    SELECT gen_random_uuid() AS id, chr(19968 + n % 400) || n AS name, n,
                           CASE WHEN n % 10 = 0 THEN $2::uuid ELSE $1::uuid END AS institution_id
                    FROM generate_series(1, 111200) n
                ), accounts AS (
                    INSERT INTO account (id, province_id, role, name, document_hash, created_at)
                    SELECT id, 'hunan', 'physician', name, decode(md5(n::text), 'hex'), $3 FROM people
                ), entries AS (
                    INSERT INTO roster_entry (account_id, province_id, institution_id, department_id, name,
                                              born_on, category, level, first_registered_on, created_at)
                    SELECT id, 'hunan', institution_id, CASE WHEN n % 401 = 0 THEN $4::uuid END, name,
                           date '1950-01-01' + n * 7 % 20000, 'clinical', 'licensed',
                           date '1980-01-01' + n * 11 % 16000, $3
                    FROM people
                )
                INSERT INTO registration (id, province_id, cycle_id, account_id, institution_id, body_id,
                                          state, procedure, category, level, created_at)
                SELECT gen_random_uuid(), 'hunan', $5, id, institution_id, $6,
                       CASE WHEN n % 1003 = 0 THEN 'institution_review' ELSE 'registered' END,
                       'simple', 'clinical', 'licensed', $3
                FROM people WHERE n % 5 = 1 OR n % 1003 = 0
                """,
                here.institution_id,
                here.other_institution_id,
                now,
                department,
                here.cycle.id,
                here.body_id,
            )
        await connection.execute("ANALYZE account, roster_entry, registration, department")
        async with connection.transaction():
            yield Tx(connection)
    finally:
        await connection.close()


def scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [scan for each in plan.get("Plans", []) for scan in scans(each)]
    return [plan, *below] if "Relation Name" in plan else below


async def test_100_000_are_narrowed_and_paged_by_indexes(many: Tx, world: World) -> None:
    institution_id = world.here.institution_id
    assert await institutions.count_entries(many, institution_id) > 100_000
    department_id = await many.fetch_value("SELECT id FROM department")
    middle = await many.fetch_value(
        "SELECT account_id FROM roster_entry WHERE institution_id = $1 "
        "ORDER BY account_id OFFSET 50000 LIMIT 1",
        institution_id,
    )
    cases: list[tuple[Filters, UUID | None]] = [
        (Filters(), None),
        (Filters(), middle),
        (Filters(department_id=department_id), None),
        (Filters(name="丐1"), None),
        (Filters(youngest=30, oldest=31), None),
        (Filters(category=Category.CLINICAL, level=Level.LICENSED), middle),
        (Filters(registered_from=date(1980, 1, 1), registered_until=date(1980, 1, 3)), None),
        (Filters(standing=Standing.OPEN), None),
        (Filters(standing=Standing.SUBMITTED), None),
        (Filters(standing=Standing.REGISTERED), middle),
    ]
    for filters, after in cases:
        statement, arguments = queries.listing(
            institution_id, "hunan", world.here.cycle.id, filters, TODAY, after, listing.PAGE + 1
        )
        await many.execute(queries.SQL["plan_for_these_values"])
        explained = await many.fetch_value(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
        (plan,) = json.loads(explained)
        read = scans(plan["Plan"])
        whole = [each for each in read if each["Node Type"] == "Seq Scan"]
        assert {each["Relation Name"] for each in whole} <= {"department"}, filters
        looked_at = sum(
            each["Actual Loops"] * (each["Actual Rows"] + each.get("Rows Removed by Filter", 0))
            for each in read
        )
        assert looked_at < 2_500, filters
        found = await queries.select_listed(many, statement, arguments)
        assert found, filters
