"""A roster file: taken in, checked row by row beside everything else, then taken as a whole or not at all.

Whoever works on a file beats; a file whose worker fell silent is taken up by another from its beginning, for
nothing of it was kept. One that ends its worker three times is refused. The last step is one transaction, and
only who beat last may end it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import Document
from exam_service.accounts.model import Principal
from exam_service.accounts.usecases import NewPhysician
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.cycles.model import day_in_china
from exam_service.errors import BadFields, Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions import queries, sheets
from exam_service.institutions.model import ImportState, RosterImport, RowProblem
from exam_service.institutions.reading import FIELDS, Newcomer, read_newcomer
from exam_service.institutions.usecases.roster import ROSTER
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault
from exam_service.wiring import Services

log = logging.getLogger(__name__)

IMPORT = "roster_import"
"""The class of data that files are sealed as while they wait."""
MOST_PROBLEMS = 2_000
SILENT_FOR = timedelta(seconds=60)
_AT_ONCE = 500
_MOST_TRIES = 3
_UNWORKABLE = "这个文件多次无法检查完成。请用下载的模板重新填写后上传；仍不能导入的，请联系系统管理员。"
_OPEN_AT_ONCE = 3
_LISTED = 20
_LONGEST_FILE_NAME = 100


async def begin_import(services: Services, principal: Principal, *, file_name: str, data: bytes) -> UUID:
    """Take a file in; it is checked beside everything else, within seconds.

    Raises:
        Invalid: It is no spreadsheet, or too large.
        Conflict: Others of the institution are still being checked.
    """
    institution_id = principal.of_institution()
    sheets.check_package(data)
    import_id = new_id()
    async with services.database.tx() as tx:
        await queries.lock_imports(tx, institution_id)
        if await queries.count_open_imports(tx, institution_id) >= _OPEN_AT_ONCE:
            raise Conflict("还有文件正在检查，请等它们完成后再上传。", code="imports_open")
        key = await services.vault.key_for(
            tx,
            province_id=principal.province_id,
            account_id=principal.account_id,
            cycle_id=None,
            data_class=IMPORT,
        )
        await queries.insert_import(
            tx,
            import_id,
            principal.province_id,
            institution_id,
            principal.account_id,
            "".join(each for each in file_name if each.isprintable())[-_LONGEST_FILE_NAME:],
            seal(key, data, import_id),
            services.clock.now(),
        )
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="roster.import_begun",
            subject_id=import_id,
        )
    return import_id


async def roster_import(services: Services, principal: Principal, import_id: UUID) -> RosterImport:
    """How a file of one's own institution stands.

    Raises:
        NotFound: There is none of that id.
    """
    async with services.database.tx() as tx:
        return await queries.select_import(tx, import_id, principal.of_institution(), principal.province_id)


async def roster_imports(services: Services, principal: Principal) -> list[RosterImport]:
    """The newest of one's own institution's."""
    async with services.database.tx() as tx:
        return await queries.select_imports(tx, principal.of_institution(), principal.province_id, _LISTED)


async def count_open_imports(tx: Tx, institution_id: UUID) -> int:
    """Files of the institution that are still being checked."""
    return await queries.count_open_imports(tx, institution_id)


async def template(services: Services, principal: Principal) -> bytes:
    """The file to fill in, with the institution's own departments to choose from."""
    async with services.database.tx() as tx:
        found = await queries.select_departments(
            tx, principal.of_institution(), principal.province_id, stopped=False, limit=1000
        )
    return await asyncio.to_thread(sheets.template, [each.name for each in found])


async def problems_file(services: Services, principal: Principal, import_id: UUID) -> bytes:
    """What was wrong with a file of one's own institution, as a spreadsheet.

    Raises:
        NotFound: There is none of that id, or nothing was wrong with it.
    """
    found = await roster_import(services, principal, import_id)
    if not found.problems:
        raise NotFound("这次导入没有需要更正的内容。", roster_import=import_id)
    return await asyncio.to_thread(sheets.problems_file, found.problems)


async def work(services: Services) -> bool:
    """Check one file that waits, or whose worker fell silent, and take it; whether there was one."""
    now = services.clock.now()
    async with services.database.tx() as tx:
        taken = await queries.take_optional_import(tx, now, now - SILENT_FOR)
        if taken is None:
            return False
        data = await services.vault.open(tx, taken.file, taken.id)
    checking = _Checking(services, taken, now)
    try:
        if taken.tries > _MOST_TRIES:
            raise Invalid(_UNWORKABLE, code="unworkable")
        newcomers = await checking.read(data)
        if not checking.problems:
            await checking.compare(newcomers)
        if checking.problems:
            await checking.refuse()
        else:
            await checking.take(newcomers)
    except _TakenOverError:
        log.warning("roster import %s: another worker has it", taken.id)
    except Invalid as error:
        checking.note(1, "", error.sentence)
        await checking.refuse()
    return True


class _TakenOverError(Exception):
    """We were silent for too long, and somebody else began anew."""


@dataclass(frozen=True, repr=False)
class _Row:
    number: int
    newcomer: Newcomer


class _Checking:
    """One file in hand."""

    def __init__(self, services: Services, taken: queries.TakenImport, beat_at: datetime) -> None:
        self._services = services
        self._taken = taken
        self._beat_at = beat_at
        self._rows = 0
        self._problems = 0
        self.problems: list[RowProblem] = []

    def note(self, row: int, column: str, reason: str) -> None:
        self._problems += 1
        if self._problems <= MOST_PROBLEMS:
            self.problems.append(RowProblem(row, column, reason))

    async def _beat(self, checked: int) -> None:
        # Even a clock that stands still gives a beat that nobody else has.
        now = max(self._services.clock.now(), self._beat_at + timedelta(microseconds=1))
        async with self._services.database.tx() as tx:
            if not await queries.beat_import(tx, self._taken.id, self._beat_at, now, self._rows, checked):
                raise _TakenOverError
        self._beat_at = now

    async def read(self, data: bytes) -> list[_Row]:
        """Every row by itself, and beside those before it."""
        today = day_in_china(self._services.clock.now())
        async with self._services.database.tx() as tx:
            departments: dict[str, UUID] = {
                each.name: each.id
                for each in await queries.select_departments(
                    tx, self._taken.institution_id, self._taken.province_id, stopped=False, limit=1000
                )
            }
        found: list[_Row] = []
        first_seen: dict[tuple[str, str], int] = {}
        sheet = await asyncio.to_thread(sheets.open_sheet, data)
        try:
            await asyncio.to_thread(sheet.read_headings)
            while rows := await asyncio.to_thread(sheet.take, _AT_ONCE):
                self._rows += len(rows)
                for row in await asyncio.to_thread(_read_all, rows, departments, today):
                    if isinstance(row, RowProblem):
                        self.note(row.row, row.column, row.reason)
                        continue
                    document = row.newcomer.document
                    before = first_seen.setdefault((document.type, document.canonical), row.number)
                    if before != row.number:
                        self.note(row.number, FIELDS["number"], f"证件号码与第{before}行相同，请删去一行。")
                    else:
                        found.append(row)
                await self._beat(0)
        finally:
            await asyncio.to_thread(sheet.close)
        if not self._rows:
            self.note(1, "", "文件中没有医师。请从第3行起填写后重新上传。")
        return found

    async def compare(self, rows: Sequence[_Row]) -> None:
        """Every row beside the rosters of the province."""
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            async with self._services.database.tx() as tx:
                for row, reason in (await self._known(tx, part)).items():
                    self.note(row, FIELDS["number"], reason)
            await self._beat(at + len(part))

    async def _known(self, tx: Tx, rows: Sequence[_Row]) -> dict[int, str]:
        """Why somebody can't be entered anew, by the number of the row."""
        numbers: dict[Document, int] = {row.newcomer.document: row.number for row in rows}
        found = await accounts.accounts_of(
            tx, self._services.settings, self._taken.province_id, list(numbers)
        )
        places = await queries.select_institutions_of(tx, list(found.values()), self._taken.province_id)
        return {
            numbers[document]: why_known(places.get(account_id), self._taken.institution_id)
            for document, account_id in found.items()
        }

    async def refuse(self) -> None:
        """Nothing is taken; what is wrong is kept."""
        left_out = self._problems - len(self.problems)
        if left_out:
            self.problems.append(RowProblem(0, "", f"另有{left_out}处需要更正，未逐一列出。"))
        self.problems.sort(key=lambda each: each.row or sheets.MOST_ROWS * 2)
        async with self._services.database.tx() as tx:
            await self._finish(tx, ImportState.REFUSED, 0)

    async def take(self, rows: Sequence[_Row]) -> None:
        """Everybody, in one transaction."""
        async with self._services.database.tx() as tx:
            await self._finish(tx, ImportState.DONE, len(rows))  # first: it holds the row
            for at in range(0, len(rows), _AT_ONCE):
                part = rows[at : at + _AT_ONCE]
                if known := await self._known(tx, part):  # came in by another way meanwhile
                    raise Invalid(
                        f"第{min(known)}行的医师在检查期间已被加入名册，请重新上传。", code="came_meanwhile"
                    )
                await enter(
                    tx,
                    self._services.clock,
                    self._services.settings,
                    self._services.vault,
                    [row.newcomer for row in part],
                    province_id=self._taken.province_id,
                    institution_id=self._taken.institution_id,
                    actor_id=self._taken.asked_by,
                )

    async def _finish(self, tx: Tx, state: ImportState, added: int) -> None:
        now = self._services.clock.now()
        if not await queries.finish_import(
            tx, self._taken.id, self._beat_at, state, added, self.problems, now
        ):
            raise _TakenOverError
        await audit.record(
            tx,
            self._services.clock,
            province_id=self._taken.province_id,
            actor_id=self._taken.asked_by,
            action=f"roster.import_{state.value}",
            subject_id=self._taken.id,
            facts={"added": added, "problems": self._problems},
        )


def _read_all(
    rows: Sequence[sheets.SheetRow], departments: Mapping[str, UUID], today: date
) -> list[_Row | RowProblem]:
    read: list[_Row | RowProblem] = []
    for row in rows:
        problems = dict(row.problems)
        newcomer = None
        try:
            newcomer = read_newcomer(row.texts, departments, today)
        except BadFields as refused:
            problems = refused.problems | problems
        if problems or newcomer is None:
            read += [RowProblem(row.number, FIELDS[field], reason) for field, reason in problems.items()]
        else:
            read.append(_Row(row.number, newcomer))
    return read


def why_known(institution_id: UUID | None, own_id: UUID) -> str:
    """What to do with somebody who has an account already."""
    if institution_id == own_id:
        return "已在本机构名册中，无需重复添加。"
    if institution_id is None:
        return "系统中已有这名医师，目前不在任何机构名册中，请用“调入”办理。"
    return "已在其他机构名册中，请用“调入”办理。"


async def enter(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    newcomers: Sequence[Newcomer],
    *,
    province_id: str,
    institution_id: UUID,
    actor_id: UUID | None,
) -> list[UUID]:
    """Accounts and entries of physicians who are new to the province; in a few statements."""
    ids = await accounts.add_physicians(
        tx,
        clock,
        settings,
        vault,
        province_id=province_id,
        physicians=[NewPhysician(each.name, each.document, each.mobile) for each in newcomers],
    )
    keys = await vault.new_keys(tx, province_id=province_id, account_ids=ids, data_class=ROSTER)
    entries = []
    for account_id, newcomer in zip(ids, newcomers, strict=True):
        own = newcomer.practising
        entries.append(
            queries.NewEntry(
                account_id,
                own.department_id,
                newcomer.name,
                own.sex,
                own.born_on,
                own.category,
                own.level,
                own.licensed_on,
                own.first_registered_on,
                seal(keys[account_id], json.dumps(own.details.to_json()).encode(), account_id),
            )
        )
    await queries.insert_entries(tx, province_id, institution_id, entries, clock.now())
    await audit.record_all(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="roster.added",
        subject_ids=ids,
    )
    return ids
