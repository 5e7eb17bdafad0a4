"""Fill an empty database for a demonstration; one that has provinces already is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.clock import Clock, SystemClock, in_china
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, Subject, read_preset
from exam_service.demo.people import PASSWORD, SIMULATED_FROM, identity_number
from exam_service.institutions.model import Category, Level
from exam_service.organisations import usecases as organisations
from exam_service.papers import usecases as papers
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.registration import usecases as registration
from exam_service.registration.model import State
from exam_service.settings import Settings
from exam_service.storage.database import Database, Tx
from exam_service.storage.vault import Vault

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
    (Role.AUTHORITY, "authority", "演示卫生行政人员"),
    (Role.OPERATOR, "operator", "演示运维人员"),
)
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


@dataclass(frozen=True)
class _Place:
    cycle: Cycle
    body_id: UUID
    institution_id: UUID


async def seed(settings: Settings, *, simulated: int) -> bool:
    """Seed an empty database; ``False`` when there was something in it.

    Args:
        simulated: How many physicians to add in Hunan for ``simulate``.
    """
    database = await Database.connect(settings.database_url, pool_size=2)
    try:
        if await organisations.provinces(database):
            return False
        clock = SystemClock()
        vault = Vault(settings.key("master_key"))
        password_hash = await accounts.hash_password(PASSWORD)
        async with database.tx() as tx:
            for province_id, name, preset in PROVINCES:
                place = await _province(tx, clock, province_id, name, preset, password_hash)
                count = len(PHYSICIANS)
                for index in range(count):
                    await _physician(
                        tx, clock, settings, vault, place, index + 1, PHYSICIANS[index], password_hash
                    )
                if province_id == PROVINCES[0][0]:
                    for index in range(simulated):
                        await _physician(
                            tx,
                            clock,
                            settings,
                            vault,
                            place,
                            SIMULATED_FROM + index,
                            Procedure.SIMPLE,
                            password_hash,
                        )
        return True
    finally:
        await database.close()


async def _province(
    tx: Tx, clock: Clock, province_id: str, name: str, preset: str, password_hash: str
) -> _Place:
    await organisations.add_province(tx, province_id, name)
    body = await organisations.add_body(tx, province_id, f"{name}演示考核机构")
    institution = await organisations.add_institution(tx, province_id, f"{name}演示医院")
    today = in_china(clock.now()).date()
    cycle = await cycles.open_cycle(
        tx,
        clock,
        province_id=province_id,
        title=f"{name}医师定期考核（演示）",
        tests_from=today - timedelta(days=_DAYS_BEFORE),
        tests_until=today + timedelta(days=_DAYS_AFTER),
        policy=read_preset(preset),
        makeup_from=today,
        makeup_until=today + timedelta(days=_DAYS_AFTER),
    )
    await cycles.assign_institution(tx, cycle, institution.id, body.id)
    for role, username, staff_name in STAFF:
        await accounts.add_staff(
            tx,
            clock,
            province_id=province_id,
            role=role,
            name=staff_name,
            username=f"{province_id}-{username}",
            password_hash=password_hash,
            body_id=body.id if role is Role.BODY else None,
            institution_id=institution.id if role is Role.INSTITUTION else None,
        )
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
    return _Place(cycle, body.id, institution.id)


async def _physician(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    place: _Place,
    index: int,
    procedure: Procedure,
    password_hash: str,
) -> None:
    account_id = await accounts.add_physician(
        tx,
        clock,
        settings,
        vault,
        province_id=place.cycle.province_id,
        name=f"演示医师{index}号",
        number=identity_number(place.cycle.province_id, index),
        password_hash=password_hash,
    )
    registered = await registration.add_registration(
        tx,
        clock,
        cycle=place.cycle,
        account_id=account_id,
        institution_id=place.institution_id,
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
