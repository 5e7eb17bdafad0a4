"""Fill an empty database for a demonstration; one that has provinces already is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.clock import in_china
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, Stage, Subject, read_preset
from exam_service.demo import story
from exam_service.demo.people import PASSWORD, SIMULATED_FROM, identity_number
from exam_service.demo.story import Scene
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level
from exam_service.organisations import usecases as organisations
from exam_service.papers import usecases as papers
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.registration import usecases as registration
from exam_service.registration.model import State
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.tools import open_services
from exam_service.wiring import Services

PROVINCES = (
    ("hunan", "湖南省", "hunan-2026"),
    ("henan", "河南省", "henan-c6"),
    ("shanxi", "山西省", "shanxi-2024"),
    ("hainan", "海南省", "hainan-2024"),
    ("dingkaotong", "定考通（演示）", "dingkaotong-2023"),
)
BANKS = (
    ("人文医学（考试）", "humanities-exam.csv", Subject.HUMANITIES, None, None, Use.EXAM),
    ("人文医学（练习）", "humanities-practice.csv", Subject.HUMANITIES, None, None, Use.PRACTICE),
    (
        "业务水平 临床 执业医师（考试）",
        "clinical-exam.csv",
        Subject.PROFESSIONAL,
        Category.CLINICAL,
        Level.LICENSED,
        Use.EXAM,
    ),
)
STAFF = (
    (Role.BODY, "body", "演示考核机构人员"),
    (Role.BODY, "body2", "演示考核机构人员二号"),
    (Role.INSTITUTION, "institution", "演示医疗机构人员"),
    (Role.INSTITUTION, "clinic", "演示诊所医师"),
    (Role.AUTHORITY, "authority", "演示卫生行政人员"),
    (Role.OPERATOR, "operator", "演示运维人员"),
)
CLINIC_STAFF = "clinic"
PHYSICIANS = (
    Procedure.GENERAL,
    Procedure.SIMPLE,
    Procedure.GENERAL,
    Procedure.SIMPLE,
    Procedure.GENERAL,
)
EXEMPTED = 5
"""The number of the physician who need not sit the professional paper."""
_DAYS_BEFORE, _DAYS_AFTER = 30, 365


_STAGE_BEFORE, _STAGE_AFTER = 5, 60


@dataclass(frozen=True)
class _Place:
    cycle: Cycle
    body_id: UUID
    scene: Scene


async def seed(settings: Settings, *, simulated: int) -> bool:
    """Seed an empty database; ``False`` when there was something in it.

    Args:
        simulated: How many physicians to add in Hunan for ``simulate``.
    """
    async with open_services(settings) as (services, _):
        if await organisations.provinces(services.database):
            return False
        password_hash = await accounts.hash_password(PASSWORD)
        async with services.database.tx() as tx:
            places = [
                await _province(tx, services, *province, password_hash=password_hash)
                for province in PROVINCES
            ]
            for place in places:
                for index, procedure in enumerate(PHYSICIANS, start=1):
                    await _physician(tx, services, place, index, procedure)
            for index in range(simulated):
                await _physician(tx, services, places[0], SIMULATED_FROM + index, Procedure.SIMPLE)
        for place in places:
            await story.tell(services, place.scene)
        return True


async def _province(
    tx: Tx, services: Services, province_id: str, name: str, preset: str, *, password_hash: str
) -> _Place:
    clock = services.clock
    await organisations.add_province(tx, province_id, name)
    body = await organisations.add_body(tx, province_id, f"{name}演示考核机构", "0000-1000001")
    hospital = await organisations.add_institution(
        tx, province_id, f"{name}演示医院", "0000-1000002", "演示路1号"
    )
    clinic = await organisations.add_institution(
        tx, province_id, f"{name}演示诊所", "0000-1000003", "演示路2号"
    )
    today = in_china(clock.now()).date()
    policy = read_preset(preset)
    own = {Stage.EXEMPTION_APPLICATIONS, Stage.EXEMPTION_REVIEW}
    days = (today - timedelta(days=_STAGE_BEFORE), today + timedelta(days=_STAGE_AFTER))
    cycle = await cycles.open_cycle(
        tx,
        clock,
        province_id=province_id,
        title=f"{name}医师定期考核（演示）",
        tests_from=today - timedelta(days=_DAYS_BEFORE),
        tests_until=today + timedelta(days=_DAYS_AFTER),
        policy=policy,
        makeup_from=today,
        makeup_until=today + timedelta(days=_DAYS_AFTER),
        stages={each: days for each in Stage if policy.exemption.own_stage or each not in own},
    )
    for institution in (hospital, clinic):
        await cycles.assign_institution(tx, cycle, institution.id, body.id)
    people = {}
    for role, username, staff_name in STAFF:
        institution_id = None
        if role is Role.INSTITUTION:
            institution_id = clinic.id if username == CLINIC_STAFF else hospital.id
        body_id = body.id if role is Role.BODY else None
        account_id = await accounts.add_staff(
            tx,
            clock,
            province_id=province_id,
            role=role,
            name=staff_name,
            username=f"{province_id}-{username}",
            password_hash=password_hash,
            body_id=body_id,
            institution_id=institution_id,
        )
        people[username] = Principal(account_id, role, province_id, staff_name, body_id, institution_id)
    for title, file, subject, category, level, use in BANKS:
        await questions.import_bank(
            tx,
            clock,
            province_id=province_id,
            title=title,
            subject=subject,
            category=category,
            level=level,
            use=use,
            drafts=questions.read_csv(files("exam_service.demo").joinpath("banks", file).read_bytes()),
        )
    scene = Scene(
        cycle,
        hospital.id,
        clinic.id,
        people["institution"],
        people[CLINIC_STAFF],
        people["body"],
        password_hash,
    )
    return _Place(cycle, body.id, scene)


async def _physician(tx: Tx, services: Services, place: _Place, index: int, procedure: Procedure) -> None:
    """Somebody who is registered and may sit papers."""
    cycle, scene, clock = place.cycle, place.scene, services.clock
    name = f"演示医师{index}号"
    account_id = await accounts.add_physician(
        tx,
        clock,
        services.settings,
        services.vault,
        province_id=cycle.province_id,
        name=name,
        number=identity_number(cycle.province_id, index),
        password_hash=scene.password_hash,
    )
    await institutions.put_on_roster(
        tx,
        clock,
        services.vault,
        account_id=account_id,
        province_id=cycle.province_id,
        institution_id=scene.institution_id,
        name=name,
        practising=story.practising(cycle.province_id, index, in_china(clock.now()).date()),
        actor_id=None,
    )
    registered = await registration.add_registration(
        tx,
        clock,
        cycle=cycle,
        account_id=account_id,
        institution_id=scene.institution_id,
        body_id=place.body_id,
        procedure=procedure,
        category=Category.CLINICAL,
        level=Level.LICENSED,
        state=State.REGISTERED,
    )
    if index == EXEMPTED:
        await papers.exempt(
            tx,
            clock,
            registered.id,
            registered.province_id,
            Subject.PROFESSIONAL,
            "在考核周期内完成住院医师规范化培训（演示）",
            None,
        )
