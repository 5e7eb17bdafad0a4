"""Physicians on their way through registration, put there by the use cases that put real ones there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import DocumentType, parse_document
from exam_service.accounts.model import FACE_CONSENT_VERSION, Principal, Role
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import Procedure
from exam_service.demo.people import identity_number
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level, Sex
from exam_service.institutions.reading import Practising, read_practising
from exam_service.registration import usecases as registration
from exam_service.registration.admission.usecases import acts as admission
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
)
from exam_service.registration.reviewing import usecases as reviewing
from exam_service.registration.reviewing.filters import Filter
from exam_service.registration.reviewing.model import Check, Ratings
from exam_service.simulate.faces import shipped_face
from exam_service.storage.database import Tx
from exam_service.wiring import Services

INACTIVE, WAITING, ADMITTED, DRAFT, SUBMITTED, RETURNED, REVIEWED = range(6, 13)
"""Numbers of the physicians of the story, by how far they have come."""
ELSEWHERE = 13
"""On the roster of the second institution."""
REGISTERED = 14
"""Through both reviews: somebody with a form, who may ask for a change of it where the province has that."""
_DEPARTMENT, _SUBJECT, _SPECIALTY = "内科", "03.01", "呼吸内科专业"


@dataclass(frozen=True)
class Scene:
    """Where the story is set."""

    cycle: Cycle
    institution_id: UUID
    other_institution_id: UUID
    staff: Principal
    other_staff: Principal
    body_staff: Principal
    password_hash: str

    @property
    def province_id(self) -> str:
        return self.cycle.province_id


def practising(province_id: str, index: int, today: date, department_id: UUID | None = None) -> Practising:
    """What the roster says of demonstration physician ``index``."""
    texts = {
        "category": Category.CLINICAL.value,
        "level": Level.LICENSED.value,
        "qualification_number": f"2014{index:011}",
        "practising_number": f"1104{index:011}",
        "licensed_on": "2014-09-05",
        "first_registered_on": "2014-09-05",
        "department": _DEPARTMENT if department_id else "",
    }
    departments = {_DEPARTMENT: department_id} if department_id else {}
    number = parse_document(DocumentType.IDENTITY_CARD, identity_number(province_id, index))
    return read_practising(texts, departments, today, number)


async def tell(services: Services, scene: Scene) -> None:
    """A department each, and a physician in each of the states."""
    department_id = await institutions.add_department(
        services.database, services.clock, scene.staff, name=_DEPARTMENT, subjects=[_SUBJECT]
    )
    await institutions.add_department(
        services.database, services.clock, scene.other_staff, name=_DEPARTMENT, subjects=[_SUBJECT]
    )
    people = {}
    async with services.database.tx() as tx:
        for index in (*range(INACTIVE, REVIEWED + 1), REGISTERED):
            people[index] = await _enter(tx, services, scene, index, scene.institution_id, department_id)
        await _enter(tx, services, scene, ELSEWHERE, scene.other_institution_id, None)
    let_in = [people[index].account_id for index in (*range(ADMITTED, REVIEWED + 1), REGISTERED)]
    await admission.admit(services.database, services.clock, scene.staff, let_in)
    complete = _form(department_id)
    await form.save_step(services, people[DRAFT], Step.BASIC, typed(complete), revision=None)
    for index in (SUBMITTED, RETURNED, REVIEWED, REGISTERED):
        await _submit(services, scene, people[index], complete)
    await _review(services, scene, people)


async def _enter(
    tx: Tx,
    services: Services,
    scene: Scene,
    index: int,
    institution_id: UUID,
    department_id: UUID | None,
) -> Principal:
    """An account and its place on the roster; without a password the account is yet to be activated."""
    name = f"演示医师{index}号"
    account_id = await accounts.add_physician(
        tx,
        services.clock,
        services.settings,
        services.vault,
        province_id=scene.province_id,
        name=name,
        number=identity_number(scene.province_id, index),
        password_hash=None if index == INACTIVE else scene.password_hash,
        mobile=f"138000000{index:02}",
    )
    await institutions.put_on_roster(
        tx,
        services.clock,
        services.vault,
        account_id=account_id,
        province_id=scene.province_id,
        institution_id=institution_id,
        name=name,
        practising=practising(scene.province_id, index, day_in_china(services.clock.now()), department_id),
        actor_id=scene.staff.account_id,
    )
    return Principal(account_id, Role.PHYSICIAN, scene.province_id, name, None, None)


async def _submit(services: Services, scene: Scene, principal: Principal, complete: Form) -> None:
    await accounts.give_face_consent(
        services.database, services.clock, principal, version=FACE_CONSENT_VERSION
    )
    for step in (Step.BASIC, Step.PRACTICE, Step.CONDUCT, Step.PROCEDURE):
        await form.save_step(services, principal, step, typed(complete), revision=None)
    picture = shipped_face().read_bytes()
    slots = ("photo", "licence") if scene.cycle.policy.form.licence else ("photo",)
    for slot in slots:
        await form.add_pictures(services, principal, slot, [picture])
    while claimed := await form.claim_upload(services):  # no worker runs yet, and the picture is our own
        await form.record_check(services, claimed, form.Finding(picture, 512, 600))
    await form.submit(services, principal, revision=None)


async def _review(services: Services, scene: Scene, people: dict[int, Principal]) -> None:
    """The institution returns one form and passes two on to the body, which approves one of them."""
    found = {}
    async with services.database.tx() as tx:
        for index in (RETURNED, REVIEWED, REGISTERED):
            own = await registration.registration_in_cycle(tx, scene.cycle.id, people[index].account_id)
            assert own is not None  # noqa: S101 - submitted just now
            found[index] = own.id
    _, basis = await _seen(services, scene.staff, found[RETURNED])
    await reviewing.return_form(
        services,
        scene.staff,
        found[RETURNED],
        basis,
        reason="职称与证书不一致，请更正。",
        marked=["practice.title"],
    )
    for index in (REVIEWED, REGISTERED):
        wanted, basis = await _seen(services, scene.staff, found[index])
        await reviewing.rate_and_approve(
            services,
            scene.staff,
            found[index],
            basis,
            ticked=wanted,
            ratings=Ratings(quantity=True, quality=True, task=True, grade=EthicsGrade.GOOD),
            reason="",
        )
    wanted, basis = await _seen(services, scene.body_staff, found[REGISTERED])
    await reviewing.approve(
        services,
        scene.body_staff,
        found[REGISTERED],
        basis,
        ticked=wanted,
        own=None,
        reason="",
        fails=False,
    )


async def _seen(
    services: Services, staff: Principal, registration_id: UUID
) -> tuple[Sequence[Check], reviewing.Basis]:
    """What ``staff`` has to look at, and has before its eyes."""
    dossier = await reviewing.dossier(services, staff, registration_id, Filter())
    newest = dossier.reviews[0].id if dossier.reviews else None
    return dossier.wanted, reviewing.Basis(dossier.read.submission_id, newest)


def _form(department_id: UUID) -> Form:
    return Form(
        Basic(Sex.FEMALE, "汉族", date(1988, 3, 13), "本科", "demo@example.com", "13800000000"),
        Practice(
            department_id=department_id,
            specialties=(_SPECIALTY,),
            title="中级（主治医师）",
            level=Level.LICENSED,
            trainee=False,
            category=Category.CLINICAL,
            scopes=("内科专业",),
            employment=Employment.EMPLOYED,
            qualification_number="201400000000001",
            practising_number="110400000000001",
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
