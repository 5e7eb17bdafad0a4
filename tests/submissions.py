"""Submitted forms with their pictures, put where a test wants them without the way there."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from exam_service.accounts.model import Role
from exam_service.crypto.envelope import seal
from exam_service.cycles.policy import Procedure
from exam_service.ids import new_id
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import Form, ProcedureChoice
from exam_service.registration.model import Registration, State
from exam_service.registration.reviewing import usecases as reviewing
from exam_service.registration.reviewing.filters import Filter
from exam_service.registration.reviewing.model import Check
from exam_service.registration.reviewing.usecases import Basis, Decided
from tests.forms import a_form
from tests.world import Place, World

UPLOADS = "registration_upload"
TICKED = [check.value for check in Check]
FIT = a_form().conduct
SIMPLE = ProcedureChoice(Procedure.SIMPLE, ("five_years",), "本人承诺以上内容属实。")


@lru_cache(maxsize=8)
def a_page(text: str) -> bytes:
    """A picture with a few words on it."""
    picture = Image.new("RGB", (480, 640), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 460, 620), outline="teal", width=4)
    draw.text((60, 120), text, fill="black", font_size=48)
    written = io.BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()


async def submit(
    world: World,
    own: Registration,
    content: Form | None = None,
    *,
    state: State = State.INSTITUTION_REVIEW,
    slots: tuple[str, ...] = ("photo", "licence"),
) -> Registration:
    """A form with accepted pictures that was submitted just now."""
    content = content or a_form()
    now = world.clock.now()
    async with world.database.tx() as tx:
        await form.record_submission(tx, world.clock, world.vault, own, content, submitted_by=own.account_id)
        await tx.execute(
            """
            UPDATE registration SET state = $2, submitted_at = $3, has_bad_records = $4, procedure = $5
            WHERE id = $1
            """,
            own.id,
            state,
            now,
            bool(content.conduct.has_bad),
            content.procedure.procedure,
        )
        found = await registration.registration_of(tx, own.id, own.province_id)
    for slot in slots:
        await hand_in(world, own, slot)
    return found


async def hand_in(world: World, own: Registration, slot: str, state: str = "accepted") -> UUID:
    """A picture in one place of the form, as a worker found it; its id."""
    now = world.clock.now()
    upload_id, evidence_id = new_id(), new_id()
    owner = {"province_id": own.province_id, "account_id": own.account_id}
    kind = slot if slot in {"photo", "licence"} else "evidence"
    async with world.database.tx() as tx:
        key = await world.vault.key_for(tx, **owner, cycle_id=own.cycle_id, data_class=UPLOADS)
        sealed = seal(key, a_page(slot.partition(".")[0]), evidence_id)
        blob = await world.services.evidence.write(
            evidence_id, sealed, province_id=own.province_id, data_class=UPLOADS, now=now
        )
        await world.services.evidence.record(tx, blob, **owner, data_class=UPLOADS, now=now)
        await tx.execute(
            """
            INSERT INTO registration_upload (id, registration_id, province_id, account_id, kind, slot, state,
                                             evidence_id, width, height, created_at, checked_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 480, 640, $9, $9)
            """,
            upload_id,
            own.id,
            own.province_id,
            own.account_id,
            kind,
            slot,
            state,
            evidence_id,
            now,
        )
    return upload_id


async def basis_of(world: World, place: Place, registration_id: UUID, role: Role = Role.INSTITUTION) -> Basis:
    """What somebody who opens the form now has before their eyes."""
    found = await reviewing.dossier(world.services, place.staff[role], registration_id, Filter())
    return Basis(found.read.submission_id, found.newest.id if found.newest else None)


async def pass_institution(
    world: World, place: Place, registration_id: UUID, *, reason: str = "", **changes: Any
) -> Decided:
    """The institution rates as the physician did, but for ``changes``, and passes the form on."""
    staff = place.staff[Role.INSTITUTION]
    found = await reviewing.dossier(world.services, staff, registration_id, Filter())
    return await reviewing.rate_and_approve(
        world.services,
        staff,
        registration_id,
        await basis_of(world, place, registration_id),
        ticked=TICKED,
        ratings=replace(found.ratings, **changes),
        reason=reason,
    )
