"""What ``here.general`` asks for, where a test needs it to be there: exemptions and a modification."""

from __future__ import annotations

import json

from exam_service.accounts.model import Role
from exam_service.crypto.envelope import seal
from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import ReviewLevel, Stage, Subject
from exam_service.exemptions import queries as exemption_queries
from exam_service.exemptions.model import Application
from exam_service.exemptions.model import State as ExemptionState
from exam_service.ids import new_id
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import Form
from exam_service.registration.modifications import queries as modification_queries
from exam_service.registration.modifications.model import Changes, Request
from exam_service.registration.modifications.model import State as ModificationState
from tests.world import START, World, camera_frame, portrait


async def asked_for(world: World) -> dict[str, dict[str, str]]:
    """Two exemptions, one before the institution and one before the body, and a modification; ids by name."""
    own, services = world.here.registrations[0], world.services
    policy = world.here.cycle.policy
    rows = {}
    for name, subject, state in (
        ("claim", Subject.PROFESSIONAL, ExemptionState.INSTITUTION),
        ("passed_on", Subject.HUMANITIES, ExemptionState.BODY),
    ):
        application = Application(
            new_id(), own.province_id, own.id, subject, ("residency",), "", START, state
        )
        upload = await form.add_upload(
            services,
            own,
            policy,
            kind=UploadKind.EVIDENCE,
            slot=f"exemption.{application.id}",
            data=camera_frame(portrait()),
            may=lambda tx: registration.lock_registration(tx, own.id, own.province_id),
        )
        async with world.database.tx() as tx:
            assert await exemption_queries.insert_application(tx, application)
            if state is ExemptionState.BODY:
                by = world.here.staff[Role.INSTITUTION].account_id
                await exemption_queries.insert_decision(
                    tx, new_id(), application, ReviewLevel.INSTITUTION, "", by, START, granted=True
                )
        rows[name] = {"exemption": str(application.id), "upload": str(upload.id)}
    while claimed := await form.claim_upload(services):
        await form.record_check(services, claimed, form.Finding(b"a picture", 640, 480))
    changes = Changes({"basic.email": "old@example.com"}, {"basic.email": "new@example.com"})
    fields = tuple(changes.new)
    request = Request(new_id(), own.province_id, own.id, fields, "填错", START, ModificationState.OPEN)
    days = {Stage.EXEMPTION_REVIEW.value: ["2026-05-11", "2026-05-20"]}
    async with world.database.tx() as tx:
        await form.amend(tx, world.clock, world.vault, own, Form(), amended_by=own.account_id)
        key = await world.vault.key_for(
            tx,
            province_id=own.province_id,
            account_id=own.account_id,
            cycle_id=own.cycle_id,
            data_class="registration_form",
        )
        sealed = seal(key, json.dumps(changes.to_json()).encode(), request.id)
        assert await modification_queries.insert_request(tx, request, sealed)
        await tx.execute(
            "UPDATE cycle SET stages = stages || $2, "
            "policy = jsonb_set(policy, '{form,modification}', 'true') WHERE id = $1",
            own.cycle_id,
            days,
        )
    return rows | {"amendment": {"modification": str(request.id)}}
