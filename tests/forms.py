"""A registration form that is complete, and physicians on their way to submitting one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from PIL import Image

from exam_service.accounts.model import Principal, Role
from exam_service.clock import in_china
from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import Procedure, Stage
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level, Sex
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.answers import typed
from exam_service.registration.form.fields import Step
from exam_service.registration.form.model import (
    Basic,
    Conduct,
    Employment,
    EthicsGrade,
    Form,
    Practice,
    ProcedureChoice,
    Upload,
    UploadState,
)
from exam_service.registration.form.usecases import Finding
from exam_service.registration.model import Registration, State
from tests.factories import PHYSICIAN, PROVINCE, REGISTRATION, at
from tests.world import Place, World

DEPARTMENT = UUID(int=77)
SPECIALTY = "呼吸内科专业"


def a_form(**changes: Any) -> Form:
    """Complete, of the general procedure, without records."""
    form = Form(
        Basic(Sex.FEMALE, "汉族", date(1988, 3, 13), "本科", "name@example.com", "13800000000"),
        Practice(
            department_id=DEPARTMENT,
            specialties=(SPECIALTY,),
            title="中级（主治医师）",
            level=Level.LICENSED,
            trainee=False,
            category=Category.CLINICAL,
            scopes=("内科专业",),
            employment=Employment.EMPLOYED,
            qualification_number="201443110430611988031300",
            practising_number="110430000000001",
            licensed_on=date(2014, 9, 5),
        ),
        conduct=Conduct(
            has_good=False,
            has_bad=False,
            quantity=True,
            quality=True,
            task=True,
            has_misconduct=False,
            ethics=EthicsGrade.GOOD,
        ),
        procedure=ProcedureChoice(Procedure.GENERAL),
    )
    return replace(form, **changes)


def an_upload(slot: str, state: UploadState = UploadState.ACCEPTED, **changes: Any) -> Upload:
    kind = {"photo": UploadKind.PHOTO, "licence": UploadKind.LICENCE}.get(slot, UploadKind.EVIDENCE)
    upload = Upload(
        id=new_id(),
        registration_id=REGISTRATION,
        province_id=PROVINCE,
        account_id=PHYSICIAN,
        kind=kind,
        slot=slot,
        state=state,
        crop=None,
        raw_id=None,
        evidence_id=new_id(),
        width=600,
        height=840,
        problem=None,
        advice=None,
        as_face=False,
        created_at=at(0),
    )
    return replace(upload, **changes)


def a_picture(width: int = 500, height: int = 700, *, kind: str = "JPEG", colour: str = "teal") -> bytes:
    """A picture of nothing."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(written, kind)
    return written.getvalue()


async def open_stages(world: World, place: Place, *, registration: int = 5, review: int = 8) -> None:
    """Registration began yesterday; days that registration and review still last, below 0 they are over."""
    today = in_china(world.clock.now()).date()
    first = today - timedelta(days=30 if min(registration, review) < 0 else 1)
    stages = {
        Stage.REGISTRATION: [first.isoformat(), (today + timedelta(days=registration)).isoformat()],
        Stage.REVIEW: [first.isoformat(), (today + timedelta(days=review)).isoformat()],
    }
    async with world.database.tx() as tx:
        await tx.execute("UPDATE cycle SET stages = $2 WHERE id = $1", place.cycle.id, stages)


async def put_in_state(world: World, principal: Principal, state: State) -> Registration:
    """A physician's registration, moved there without its history."""
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE registration SET state = $2 WHERE account_id = $1", principal.account_id, state
        )
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    assert entitled is not None
    return entitled.registration


async def add_department(world: World, place: Place) -> UUID:
    """内科 of the first institution, with :data:`SPECIALTY`."""
    return await institutions.add_department(
        world.database, world.clock, place.staff[Role.INSTITUTION], name="内科", subjects=["03.01"]
    )


async def admitted(world: World, place: Place, principal: Principal) -> UUID:
    """A physician who may register now, at an institution with a department; its id."""
    await open_stages(world, place)
    await put_in_state(world, principal, State.ADMITTED)
    return await add_department(world, place)


async def check_pictures(world: World, problem: str | None = None) -> None:
    """What a worker would say of all that is pending: it is fine, or what is wrong with it."""
    while claimed := await form.claim_upload(world.services):
        await form.record_check(world.services, claimed, Finding(claimed.data, 500, 700, problem))


async def fill_in(
    world: World, principal: Principal, department_id: UUID, *, slots: Sequence[str] = ("photo", "licence")
) -> None:
    """Answer everything as :func:`a_form` does, with pictures that were found fine."""
    complete = a_form()
    complete = replace(complete, practice=replace(complete.practice, department_id=department_id))
    for step in (Step.BASIC, Step.PRACTICE, Step.CONDUCT, Step.PROCEDURE):
        await form.save_step(world.services, principal, step, typed(complete), revision=None)
    for slot in slots:
        await form.add_pictures(world.services, principal, slot, [a_picture()])
    await check_pictures(world)


async def submitted(world: World, place: Place, principal: Principal) -> Registration:
    """A physician whose complete form waits for the institution."""
    department_id = await admitted(world, place, principal)
    await world.consent(principal)
    await fill_in(world, principal, department_id)
    await form.submit(world.services, principal, revision=None)
    async with world.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    assert entitled is not None
    return entitled.registration
