"""The live wall: sittings as tiles, their pictures, who looks after which, notes among staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, Invalid
from exam_service.invigilation import queries
from exam_service.invigilation.tiles import (
    PAGE_SIZE,
    Tile,
    WallSearch,
    WallTab,
    in_order,
    narrowed,
)
from exam_service.papers import usecases as papers
from exam_service.papers.oversight import written
from exam_service.papers.timing import CHECK_HOLDS, LONGEST_IN_LINE, SILENT_AFTER
from exam_service.proctor import usecases as proctor
from exam_service.proctor.identification import WaitingCheck
from exam_service.proctor.usecases import Outlooks, Picture
from exam_service.registration import usecases as registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_CAMERA_WAS_THERE = timedelta(minutes=10)


@dataclass(frozen=True)
class WallPage:
    """What the wall shows now.

    Attributes:
        at: The time that it is true of.
        tiles: Of this page, the worst first.
        labels: What papers are called, by cycle and subject.
        counts: How many sittings each tab has.
        pages: How many pages the tab has, at least one.
        waiting: The identity checks that wait for a person, the longest waiting first.
    """

    at: datetime
    tiles: Sequence[Tile]
    labels: Mapping[tuple[UUID, Subject], str]
    counts: Mapping[WallTab, int]
    pages: int
    waiting: Sequence[WaitingCheck]


async def _tiles(
    tx: Tx,
    services: Services,
    outlooks: Outlooks,
    principal: Principal,
    *,
    name: str,
    only: Collection[UUID] | None,
) -> list[Tile]:
    now = services.clock.now()
    sittings = await queries.select_sittings(
        tx,
        principal.province_id,
        principal.of_body(),
        silent_since=now - SILENT_AFTER,
        checked_since=now - CHECK_HOLDS - LONGEST_IN_LINE,
        name=name,
        camera_since=now - _CAMERA_WAS_THERE,
        only=None if only is None else list(only),
    )
    seen = await outlooks.of(tx, [sitting.attempt_id for sitting in sittings], principal.province_id)
    return [
        Tile(
            sitting,
            outlook.newest.received_at if outlook.newest else None,
            outlook.newest.verdict if outlook.newest else None,
            outlook.findings,
            outlook.score,
            outlook.reasons,
        )
        for sitting in sittings
        for outlook in [seen[sitting.attempt_id]]
    ]


async def _labels(tx: Tx, tiles: Sequence[Tile], province_id: str) -> dict[tuple[UUID, Subject], str]:
    papers_of = {(tile.sitting.cycle_id, tile.sitting.subject) for tile in tiles}
    policies = {
        cycle_id: (await cycles.cycle_of(tx, cycle_id, province_id)).policy
        for cycle_id in {cycle_id for cycle_id, _ in papers_of}
    }
    return {(cycle_id, subject): policies[cycle_id].label(subject) for cycle_id, subject in papers_of}


async def _page(
    tx: Tx, services: Services, outlooks: Outlooks, principal: Principal, search: WallSearch
) -> WallPage:
    now = services.clock.now()
    everybody = await _tiles(tx, services, outlooks, principal, name=search.name, only=search.only)
    of_tab = narrowed(in_order(everybody, now), search.tab, principal.account_id, now)
    pages = max(1, -(-len(of_tab) // PAGE_SIZE))
    first = (min(search.page, pages) - 1) * PAGE_SIZE
    shown = of_tab[first : first + PAGE_SIZE]
    return WallPage(
        now,
        shown,
        await _labels(tx, shown, principal.province_id),
        {tab: len(narrowed(everybody, tab, principal.account_id, now)) for tab in WallTab},
        pages,
        await proctor.waiting_for_person(tx, principal),
    )


async def open_wall(
    services: Services, outlooks: Outlooks, principal: Principal, search: WallSearch
) -> WallPage:
    """A page of the wall with names; recorded as a viewing of each sitting on it.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.tx() as tx:
        found = await _page(tx, services, outlooks, principal, search)
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="wall.opened",
            subject_id=principal.body_id,
            facts={
                "tab": search.tab.value,
                "attempts": [str(tile.sitting.attempt_id) for tile in found.tiles],
            },
        )
    return found


async def look_at_wall(
    services: Services, outlooks: Outlooks, principal: Principal, search: WallSearch
) -> WallPage:
    """The wall again, for a page that is open; recorded once a minute.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.tx() as tx:
        found = await _page(tx, services, outlooks, principal, search)
        await audit.record_view(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="wall.watched",
            subject_id=principal.of_body(),
        )
    return found


async def look_at_tiles(
    services: Services, outlooks: Outlooks, principal: Principal, attempt_ids: Collection[UUID]
) -> WallPage:
    """Some sittings again, between two looks at all of them.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.statements() as tx:
        return await _page(tx, services, outlooks, principal, WallSearch(only=frozenset(attempt_ids)))


async def tile_of(
    tx: Tx, services: Services, outlooks: Outlooks, principal: Principal, attempt_id: UUID
) -> Tile | None:
    """The tile of one sitting; ``None`` when it isn't being sat."""
    tiles = await _tiles(tx, services, outlooks, principal, name="", only=[attempt_id])
    return tiles[0] if tiles else None


async def picture(services: Services, principal: Principal, attempt_id: UUID) -> Picture | None:
    """The newest picture of a sitting of this body; recorded as a viewing. ``None`` when there is none.

    Raises:
        NotFound: It isn't one of this body's.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        found = await proctor.newest_picture(tx, services, attempt)
        await audit.record_view(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="picture.viewed",
            subject_id=attempt.id,
        )
    return found


async def photo(services: Services, principal: Principal, attempt_id: UUID) -> bytes:
    """The registration photo of who sits this attempt, JPEG or PNG; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's, or there is no photo that has passed review.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        found = await registration.reviewed_photo(
            tx, services.vault, services.evidence, attempt.registration_id, attempt.province_id
        )
        await audit.record_view(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="photo.viewed",
            subject_id=attempt.id,
        )
    return found


async def assign_duty(
    services: Services, principal: Principal, attempt_id: UUID, account_id: UUID | None, *, note: str
) -> None:
    """Say who looks after a sitting from now on: oneself, a colleague, or (``None``) nobody in particular.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: Not a colleague, or too long a note.
        Conflict: The paper is over, or it is theirs already.
    """
    note = written(note, "交接说明") if note.strip() else ""
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        if attempt.is_over:
            raise Conflict("测评已经结束，不需要再有人负责。", code="over")
        colleagues = await queries.select_colleagues(tx, principal.province_id, principal.of_body())
        if account_id is not None and account_id not in {each.id for each in colleagues}:
            raise Invalid("请选择本机构的一位工作人员。", code="no_colleague")
        present = await queries.select_optional_duty(tx, attempt.id)
        if (present.id if present else None) == account_id:
            raise Conflict("负责人没有变化，可能已由他人处理，请核对。", code="duty_unchanged")
        await queries.insert_duty(
            tx,
            attempt.province_id,
            attempt.id,
            account_id,
            principal.account_id,
            services.clock.now(),
            note,
        )
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="duty.assigned",
            subject_id=attempt.id,
            facts={"to": str(account_id) if account_id else None, "note": note},
        )
        _tell(tx, services, attempt.body_id, attempt.id)


async def write_note(services: Services, principal: Principal, attempt_id: UUID, *, text: str) -> None:
    """Write something down about a sitting for colleagues; its physician doesn't see it.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No text, or too long a one.
    """
    text = written(text, "记录内容")
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        now = services.clock.now()
        await queries.insert_note(tx, attempt.province_id, attempt.id, text, principal.account_id, now)
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="note.written",
            subject_id=attempt.id,
        )


def _tell(tx: Tx, services: Services, body_id: UUID, attempt_id: UUID) -> None:
    tx.after_commit(lambda: services.signals.publish(proctor.wall_topic(body_id), str(attempt_id)))
