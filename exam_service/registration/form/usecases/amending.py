"""A form that is submitted is amended: a granted modification. What was submitted before stays on record."""

from __future__ import annotations

from uuid import UUID

from exam_service.clock import Clock
from exam_service.registration.form import queries
from exam_service.registration.form.model import Form, PageSave
from exam_service.registration.form.usecases.reading import record_submission, seal_form
from exam_service.registration.model import Registration
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault


async def amend(
    tx: Tx, clock: Clock, vault: Vault, registration: Registration, form: Form, *, amended_by: UUID
) -> None:
    """Keep a form in the place of the one submitted, in the draft too; the row is held.

    Procedure, category and level are no matter of an amendment, so neither are their columns.
    """
    await record_submission(tx, clock, vault, registration, form, submitted_by=amended_by)
    content = await seal_form(tx, vault, registration, form, registration.id)
    await queries.upsert_form(tx, registration.id, registration.province_id, content, clock.now(), PageSave())
    await queries.update_department(tx, registration.id, form.practice.department_id)
