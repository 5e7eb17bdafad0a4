"""Open the form, save it as it is typed, submit it. One use case for each thing that a page asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import DOCUMENT_LABELS, mask
from exam_service.accounts.model import FACE_CONSENT_VERSION, ConsentState, Principal
from exam_service.audit import usecases as audit
from exam_service.cycles.model import Cycle, day_in_china, days
from exam_service.cycles.policy import Stage
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Department
from exam_service.registration import usecases as registration
from exam_service.registration.form import queries
from exam_service.registration.form.answers import (
    Answers,
    EntryList,
    Problems,
    entries_of,
    entry_lists,
    read_entry,
    with_answers,
    with_entry,
    without_entry,
)
from exam_service.registration.form.checks import Facts, of_step, problems, wrong
from exam_service.registration.form.fields import STEPS, Step, step_of
from exam_service.registration.form.model import (
    Form,
    PageSave,
    Return,
    Upload,
    parse_form,
    record_slot,
)
from exam_service.registration.form.prefill import Known, locked_fields, prefilled, years_of_practice
from exam_service.registration.form.usecases.pictures import forget_uploads
from exam_service.registration.form.usecases.reading import (
    department_name,
    record_submission,
    seal_form,
    submitted_form,
)
from exam_service.registration.form.view import Owner
from exam_service.registration.model import EDITABLE, UNSUBMITTED, Entitlement, Registration, State
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_NO_PAGE = PageSave()


class StaleForm(Conflict):
    """Another page saved since this one was opened."""

    default_code = "stale_form"


@dataclass(frozen=True)
class Draft:
    """A form as its physician has it now, and what is known beside it.

    Attributes:
        revision: Of what is stored, 0 before anything is; ``saved_by`` what wrote it.
        closed: Why it can't be edited now, as a sentence; ``None`` while it can.
        returned: What a reviewer wants corrected.
        face_consent: What was said to the present text on faces; ``None`` while nothing was.
        years: Of practice, as far as dates are known.
        passed: The pages that were saved at least once; what asks for nothing isn't done before that.
    """

    entitled: Entitlement
    form: Form
    known: Known
    revision: int
    saved_at: datetime | None
    saved_by: PageSave
    uploads: tuple[Upload, ...]
    departments: tuple[Department, ...]
    department: str | None
    facts: Facts
    closed: str | None
    returned: Return | None
    face_consent: ConsentState | None
    owner: Owner
    years: int | None
    passed: frozenset[Step]

    @property
    def registration(self) -> Registration:
        return self.entitled.registration

    @property
    def cycle(self) -> Cycle:
        return self.entitled.cycle

    @property
    def locked(self) -> frozenset[str]:
        return locked_fields(self.known, self.cycle.policy)

    @property
    def problems(self) -> Problems:
        return problems(self.form, self.uploads, self.cycle.policy, self.facts)

    @property
    def marked(self) -> frozenset[str]:
        return frozenset(self.returned.marked) if self.returned else frozenset()

    def done(self) -> frozenset[Step]:
        """The pages that somebody was on and where nothing is missing."""
        return self.passed - {step_of(field) for field in self.problems}

    def opens_at(self) -> Step:
        """Where a physician is led: to the first marked field, else to the first page that isn't done."""
        if self.returned:
            marked = {step_of(field) for field in self.returned.marked}
            return next((step for step in STEPS if step in marked), Step.BASIC)
        if not self.revision:
            return Step.BASIC
        done = self.done()
        return next((step for step in STEPS if step not in done), Step.CONFIRM)


async def draft(services: Services, principal: Principal) -> Draft | None:
    """The form of the physician's newest cycle; ``None`` when they were never admitted to one."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        return None if entitled is None else await _draft(tx, services, principal, entitled)


async def _draft(tx: Tx, services: Services, principal: Principal, entitled: Entitlement) -> Draft:
    own, policy = entitled.registration, entitled.cycle.policy
    now = services.clock.now()
    stored = await queries.select_optional_form(tx, own.id, own.province_id)
    known = await _known(tx, services, entitled)
    form = Form()
    # Until a correction is begun it is what was submitted, with the modifications that were granted since.
    if own.submitted_at and (own.state not in UNSUBMITTED or own.state is State.RETURNED):
        form = await submitted_form(tx, services.vault, own.id, own.province_id)
    elif stored:
        form = parse_form(json.loads(await services.vault.open(tx, stored.content, own.id)))
    if own.state in UNSUBMITTED:
        form = prefilled(form, known, policy)
    offered = await institutions.departments(tx, own.institution_id, own.province_id)
    document = await queries.select_document_type(tx, own.account_id, own.province_id)
    today = day_in_china(now)
    first_day = entitled.cycle.stages.get(Stage.REGISTRATION, (today, today))[0]
    return Draft(
        entitled=entitled,
        form=form,
        known=known,
        revision=stored.revision if stored else 0,
        saved_at=stored.saved_at if stored else None,
        saved_by=stored.saved_by if stored else PageSave(),
        uploads=tuple(await queries.select_uploads(tx, own.id, "")),
        departments=tuple(offered),
        department=await department_name(tx, form.practice.department_id, own.province_id),
        facts=Facts({each.id: institutions.specialties_of(each) for each in offered}, today),
        closed=_closed(entitled, now),
        returned=await _returned(tx, own),
        face_consent=await _face_consent(tx, own.account_id),
        owner=Owner(principal.name, DOCUMENT_LABELS[document], mask(known.number)),
        years=years_of_practice(form, known, policy, first_day),
        passed=_passed(own, stored),
    )


def _passed(own: Registration, stored: queries.StoredForm | None) -> frozenset[Step]:
    if own.submitted_at is not None:  # they have seen it all
        return frozenset(STEPS)
    return stored.passed if stored else frozenset()


async def _known(tx: Tx, services: Services, entitled: Entitlement) -> Known:
    own, vault = entitled.registration, services.vault
    account_id, province_id = own.account_id, own.province_id
    mobile = await queries.select_optional_mobile(tx, account_id, province_id)
    carried = None
    if entitled.cycle.policy.form.carried_records:
        carried = await queries.select_optional_earlier_submission(tx, account_id, province_id, own.cycle_id)
    known = Known(
        own,
        await accounts.identity_number_of(tx, vault, account_id, province_id) or "",
        (await vault.open(tx, mobile, account_id)).decode() if mobile else None,
        await institutions.roster_entry(tx, account_id, province_id),
        await institutions.roster_details(tx, vault, account_id, province_id),
    )
    if carried is None:
        return known
    try:
        conduct = parse_form(json.loads(await vault.open(tx, carried.content, carried.id))).conduct
    except NotFound:  # purged: nothing is carried over
        return known
    return replace(
        known,
        carried_good=tuple(
            replace(each, carried_from=each.carried_from or carried.title) for each in conduct.good_records
        ),
        carried_bad=tuple(
            replace(each, carried_from=each.carried_from or carried.title) for each in conduct.bad_records
        ),
    )


async def _returned(tx: Tx, own: Registration) -> Return | None:
    """While the physician corrects it, and had submitted it before."""
    if own.state not in {State.RETURNED, State.DRAFT} or own.submitted_at is None:
        return None
    return await queries.select_optional_return(tx, own.id)


async def _face_consent(tx: Tx, account_id: UUID) -> ConsentState | None:
    newest = next(iter(await accounts.consent_records(tx, account_id)), None)
    if newest is None or (newest.state is ConsentState.GIVEN and newest.version != FACE_CONSENT_VERSION):
        return None
    return newest.state


def _closed(entitled: Entitlement, now: datetime) -> str | None:
    own, cycle = entitled.registration, entitled.cycle
    if own.state is State.NOT_ADMITTED:
        return cycle.policy.labels["not_admitted_text"]
    if own.state not in EDITABLE:
        return cycle.policy.labels[f"{own.state}_text"]
    # What was submitted once may be corrected until the reviewers are done (domain.md).
    stages = [Stage.REGISTRATION, *([Stage.REVIEW] if own.submitted_at else [])]
    if any(cycle.stage_is_open(stage, now) for stage in stages):
        return None
    try:
        cycle.check_stage(stages[-1], now)
    except Conflict as error:
        return error.sentence
    return None


def registration_days(cycle: Cycle) -> str | None:
    """As people write them; ``None`` before they are known."""
    given = cycle.stages.get(Stage.REGISTRATION)
    return days(*given) if given else None


# Changing it


@dataclass(frozen=True)
class Saved:
    """``problems``: what couldn't be understood, and so isn't saved, by field."""

    revision: int
    saved_at: datetime
    problems: Problems


async def held_draft(tx: Tx, services: Services, principal: Principal) -> Draft:
    """The form with the registration's row held, while it can be edited.

    Raises:
        NotFound: They were never admitted to a cycle.
        Conflict: It is submitted, or outside the days.
    """
    found = await registration.entitlement(tx, principal.account_id, principal.province_id)
    if found is None:
        raise NotFound("您还没有被纳入考核周期，请联系所在医疗卫生机构。", code="not_admitted")
    held = await registration.lock_entitlement(tx, found.registration.id, principal.province_id)
    opened = await _draft(tx, services, principal, held)
    if opened.closed:
        raise Conflict(
            opened.closed,
            code="form_closed",
            way=("查看报名信息", "/registration"),
            state=held.registration.state,
        )
    return opened


async def _store(
    tx: Tx,
    services: Services,
    principal: Principal,
    opened: Draft,
    form: Form,
    saved_by: PageSave = _NO_PAGE,
) -> Saved:
    """Keep the form; the first save of who was admitted, or whose form was returned, makes it a draft."""
    own, now = opened.registration, services.clock.now()
    if own.state is not State.DRAFT:
        cause = "form_opened" if own.state is State.ADMITTED else "correction_begun"
        own = await registration.move(
            tx, services.clock, own, State.DRAFT, cause=cause, actor_id=principal.account_id
        )
    content = await seal_form(tx, services.vault, own, form, own.id)
    revision = await queries.upsert_form(tx, own.id, own.province_id, content, now, saved_by)
    return Saved(revision, now, {})


async def save_step(
    services: Services,
    principal: Principal,
    step: Step,
    answers: Answers,
    *,
    revision: int | None,
    saved_by: PageSave = _NO_PAGE,
) -> Saved:
    """Keep what a page sent; what can't be understood is said and left as it was.

    A save whose answer was lost comes again with the old revision: it is known by its page. One that a later
    save of its page overtook changes nothing.

    Args:
        revision: That the page knows; ``None`` for one that overwrites knowingly.

    Raises:
        NotFound, Conflict: As the form can't be edited.
        StaleForm: Another page saved since.
    """
    async with services.database.tx() as tx:
        opened = await held_draft(tx, services, principal)
        is_same_page = saved_by.page != "" and saved_by.page == opened.saved_by.page
        if is_same_page and saved_by.seq < opened.saved_by.seq and opened.saved_at is not None:
            return Saved(opened.revision, opened.saved_at, {})
        if revision is not None and revision != opened.revision and not is_same_page:
            raise StaleForm("您在其他页面或设备上修改过报名信息，请重新载入后再继续填写。")
        sent = {field: values for field, values in answers.items() if field not in opened.locked}
        form, found = with_answers(opened.form, step, sent)
        if form == opened.form and opened.saved_at is not None and opened.registration.state is State.DRAFT:
            saved = Saved(opened.revision, opened.saved_at, found)
            if saved_by.seq:  # else an earlier save of its page, if it comes later, would take this one back
                await queries.update_page(tx, opened.registration.id, principal.province_id, saved_by)
        else:
            saved = replace(await _store(tx, services, principal, opened, form, saved_by), problems=found)
        await queries.update_passed(tx, opened.registration.id, principal.province_id, step)
        return saved


async def step_problems(services: Services, principal: Principal, step: Step) -> Problems:
    """What was answered on a page and can't be right."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return {}
        opened = await _draft(tx, services, principal, entitled)
    return of_step(wrong(opened.form, opened.cycle.policy, opened.facts), step)


class BadEntry(Invalid):
    """An entry of a list that lacks something; ``problems`` by the name of its field."""

    default_code = "bad_entry"

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__("有内容需要更正，请按提示修改后保存。", wrong=",".join(found))
        self.problems = dict(found)


def list_of(opened: Draft, name: str) -> EntryList:
    """A list of the form by its name.

    Raises:
        NotFound: The province's form has none of that name.
    """
    found = entry_lists(opened.cycle.policy).get(name)
    if found is None:
        raise NotFound("没有找到您要的页面，请返回首页。", code="no_such_list")
    return found


async def save_entry(
    services: Services, principal: Principal, list_name: str, entry_id: str | None, answers: Answers
) -> str:
    """Add an entry to a list, or change one; its id.

    Raises:
        NotFound: No such list or entry.
        BadEntry: Something is missing or can't be understood: nothing is saved.
        Conflict: The form can't be edited, the list is full, or an earlier cycle approved the entry.
    """
    async with services.database.tx() as tx:
        opened = await held_draft(tx, services, principal)
        entry_list = list_of(opened, list_name)
        own = [each for each in entries_of(opened.form, entry_list) if not getattr(each, "carried_from", "")]
        if entry_id is None and len(own) >= entry_list.most:
            raise Conflict(f"“{entry_list.title}”最多{entry_list.most}项，请编辑已有的。", code="list_full")
        if entry_id is not None and entry_id not in {each.id for each in own}:
            raise NotFound("没有找到这一项，可能已经删除，请返回列表查看。", code="no_such_entry")
        entry, found = read_entry(entry_list, entry_id or new_id().hex, answers)
        if found:
            raise BadEntry(found)
        form = with_entry(opened.form, entry_list, entry)
        if entry_list.code:  # who adds a record has one
            has = "has_good" if entry_list.field == "conduct.good_records" else "has_bad"
            form = replace(form, conduct=replace(form.conduct, **{has: True}))  # type: ignore[arg-type]
        await _store(tx, services, principal, opened, form)
        await queries.update_passed(tx, opened.registration.id, principal.province_id, entry_list.step)
        return str(entry.id)


async def delete_entry(services: Services, principal: Principal, list_name: str, entry_id: str) -> EntryList:
    """Take an entry out of its list, with its pictures; one that is gone is fine.

    Raises:
        NotFound: No such list.
        Conflict: The form can't be edited.
    """
    async with services.database.tx() as tx:
        opened = await held_draft(tx, services, principal)
        entry_list = list_of(opened, list_name)
        form = without_entry(opened.form, entry_list, entry_id)
        if form != opened.form:
            await _store(tx, services, principal, opened, form)
            slot = record_slot(entry_id)
            await forget_uploads(tx, services, [each for each in opened.uploads if each.slot == slot])
        return entry_list


class NotComplete(Conflict):
    """Something is missing; ``problems`` by field, each on its page."""

    default_code = "form_incomplete"

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__("还有内容需要补充或更正，请按列出的项目逐一完成后再提交。", missing=",".join(found))
        self.problems = dict(found)


async def submit(services: Services, principal: Principal, *, revision: int | None) -> None:
    """提交信息: the form goes to the institution; pressed twice, it was submitted once.

    Args:
        revision: That the page was opened with: what was read there is what is submitted.

    Raises:
        NotFound: They were never admitted to a cycle.
        Conflict: Outside the days, or not theirs to submit.
        NotComplete: Something is missing.
        StaleForm: Another page saved since.
    """
    async with services.database.tx() as tx:
        found = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if found is not None:
            held = await registration.lock_entitlement(tx, found.registration.id, principal.province_id)
            if held.registration.state is State.INSTITUTION_REVIEW:
                return
        opened = await held_draft(tx, services, principal)
        if revision is not None and revision != opened.revision:
            raise StaleForm("您在其他页面或设备上修改过报名信息，请核对最新内容后再提交。")
        if missing := opened.problems:
            raise NotComplete(missing)
        await _submit(tx, services, principal, opened)


async def _submit(tx: Tx, services: Services, principal: Principal, opened: Draft) -> None:
    clock, own = services.clock, opened.registration
    again = own.submitted_at is not None
    await record_submission(tx, clock, services.vault, own, opened.form, submitted_by=principal.account_id)
    await queries.update_submitted(tx, own.id, opened.form, clock.now())
    if own.state is State.ADMITTED:  # everything was known already, and nothing had to be saved
        own = await registration.move(
            tx, clock, own, State.DRAFT, cause="form_opened", actor_id=principal.account_id
        )
    await registration.move(
        tx,
        clock,
        own,
        State.INSTITUTION_REVIEW,
        cause="resubmitted" if again else "submitted",
        actor_id=principal.account_id,
    )
    await audit.record(
        tx,
        clock,
        province_id=own.province_id,
        actor_id=principal.account_id,
        action="registration.submitted",
        subject_id=own.id,
        facts={"again": again, "revision": opened.revision},
    )
