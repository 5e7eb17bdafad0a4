"""我要报名: the pages of the form, each whole without scripts; what is typed is saved by a script as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import Procedure
from exam_service.errors import DomainError, Invalid, NotFound
from exam_service.http.guards import LIMITS, allow, unattended
from exam_service.http.limits import DEAR
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import json_body, path_id, read_form
from exam_service.http.session import flash
from exam_service.http.uploads import takes_files, uploaded_files
from exam_service.ids import new_id
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS, SEX_LABELS
from exam_service.keys import SERVICES, viewer
from exam_service.registration.form import usecases
from exam_service.registration.form.answers import (
    EntryList,
    Problems,
    entries_of,
    entry_lists,
    typed,
    typed_entry,
)
from exam_service.registration.form.checks import of_step, uploads_of_kind, years_shortfall
from exam_service.registration.form.fields import (
    FIELD_LABELS,
    QUANTITIES,
    STEPS,
    Step,
    educations,
    ethnicities,
    quantity_unit,
    scopes,
    step_of,
    titles,
)
from exam_service.registration.form.model import (
    EMPLOYMENT_LABELS,
    ETHICS_LABELS,
    UPLOAD_LABELS,
    PageSave,
    Record,
    Upload,
    record_slot,
)
from exam_service.registration.form.pictures import read_crop
from exam_service.registration.form.usecases import Draft
from exam_service.registration.form.view import of_slot, record_text, sections
from exam_service.registration.model import EDITABLE, PROCEDURE_LABELS, State

LARGEST_BODY = 32 * 1024 * 1024
"""Far above what policies take: a file that is too large is refused in words, and what was typed is kept."""
_PAGES = tuple(step for step in STEPS if step is not Step.CONFIRM)
_FILE, _CROP = "file.", "crop."
_LONGEST_PAGE = 36
_MOST_DIGITS = 9


def _path(step: Step) -> str:
    return f"/registration/{step}"


def _label(opened: Draft, step: Step) -> str:
    return opened.cycle.policy.labels[f"step_{step}"]


@dataclass(frozen=True)
class _Sent:
    """What a page sent: fields with all their values, and files by the place that they are for."""

    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, Sequence[bytes]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        values = self.fields.get(name) or [""]
        return values[-1]

    @property
    def saved_by(self) -> PageSave:
        return PageSave(self.one("page")[:_LONGEST_PAGE], _number(self.one("seq")) or 0)

    @property
    def revision(self) -> int | None:
        return _number(self.one("revision"))


def _number(text: str) -> int | None:
    """Of a page of ours; anything else is none."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


async def _sent(request: web.Request) -> _Sent:
    form = await read_form(request)
    fields: dict[str, list[str]] = {}
    files: dict[str, list[bytes]] = {}
    for name, value in form.items():
        if isinstance(value, str):
            if "\0" in value:  # no keyboard types it, and no database takes it
                raise Invalid("提交的数据无法读取，请返回后重新提交。", code="bad_body")
            fields.setdefault(name, []).append(value)
        elif name.startswith(_FILE) and name not in files:
            found = await uploaded_files(request, name)
            files[name] = [file.data for file in found]
    return _Sent(fields, {name.removeprefix(_FILE): data for name, data in files.items() if data})


async def _opened(request: web.Request) -> Draft:
    found = await usecases.draft(request.app[SERVICES], viewer(request))
    if found is None:
        raise web.HTTPSeeOther("/registration")
    return found


@allow(Role.PHYSICIAN)
async def show(request: web.Request) -> web.Response:
    """我要报名: on to the page where one stands, or what was submitted, or why nothing can be done."""
    found = await usecases.draft(request.app[SERVICES], viewer(request))
    if found is not None and found.closed is None:
        raise web.HTTPSeeOther(_path(found.opens_at()))
    return _read_only(request, found)


def _read_only(request: web.Request, opened: Draft | None) -> web.Response:
    if opened is None:
        return render(request, "registration/closed.html", {"title": "我要报名", "sections": None})
    own, policy = opened.registration, opened.cycle.policy
    shows_form = opened.revision > 0 or own.submitted_at is not None
    return render(
        request,
        "registration/closed.html",
        {
            "title": policy.labels["tool_register"],
            "state": policy.labels[own.state],
            "text": opened.closed,
            "is_editable_later": own.state in EDITABLE,
            "days": usecases.registration_days(opened.cycle),
            "submitted_at": own.submitted_at,
            "returned": opened.returned,
            "marked": [FIELD_LABELS.get(each, each) for each in sorted(opened.marked)],
            "sections": _sections(opened) if shows_form and own.state is not State.NOT_ADMITTED else None,
        },
    )


def _sections(opened: Draft) -> Any:
    return sections(opened.form, opened.cycle.policy, opened.owner, opened.department, opened.uploads)


# The pages


@allow(Role.PHYSICIAN)
async def show_step(request: web.Request) -> web.Response:
    opened = await _opened(request)
    if opened.closed:
        raise web.HTTPSeeOther("/registration")
    step = _step_of(request)
    errors: Problems = {}
    if "check" in request.query:
        errors = of_step(opened.problems, step)
    return _step_page(request, opened, step, errors)


def _step_of(request: web.Request) -> Step:
    return Step(request.path.split("/")[2])


def _step_page(
    request: web.Request,
    opened: Draft,
    step: Step,
    errors: Problems,
    *,
    sent: _Sent | None = None,
    error: DomainError | None = None,
) -> web.Response:
    """One page of the form; after a refusal with what was typed and the errors at their fields."""
    values: dict[str, Sequence[str]] = dict(typed(opened.form))
    if sent is not None:
        values |= {name: given for name, given in sent.fields.items() if name in values}
    policy = opened.cycle.policy
    position = STEPS.index(step)
    context = {
        "step": step,
        "title": _label(opened, step),
        "steps": _steps(opened, step),
        "policy": policy,
        "labels": policy.labels,
        "revision": opened.revision,
        "page_id": new_id(),  # also after a refusal: the saves of this page are counted anew
        "saved_at": _clock_text(opened.saved_at),
        "values": values,
        "errors": errors,
        "error": error.sentence if error else None,
        "marked": opened.marked,
        "returned": opened.returned,
        "locked": opened.locked,
        "owner": opened.owner,
        "field_labels": FIELD_LABELS,
        "previous": STEPS[position - 1] if position else None,
        "next": STEPS[position + 1],
        "slots": _slots(opened),
        **_of_page[step](opened, values),
    }
    status = status_of(error) if error else 422 if errors and request.method == "POST" else 200
    return render(request, f"registration/{step}.html", context, status=status)


def _steps(opened: Draft, now: Step) -> list[dict[str, Any]]:
    """The step indicator: where one is, what is complete, what a reviewer marked."""
    done = opened.done()
    marked = {step_of(each) for each in opened.marked}
    found = []
    for number, step in enumerate(STEPS, start=1):
        state = "done" if step in done and step is not Step.CONFIRM else "todo"
        found.append(
            {
                "href": _path(step),
                "number": number,
                "label": _label(opened, step),
                "state": "current" if step is now else "marked" if step in marked else state,
            }
        )
    return found


def _clock_text(moment: datetime | None) -> str:
    return f"{in_china(moment):%m-%d %H:%M}" if moment else ""


def _options(labels: Mapping[Any, str]) -> list[tuple[str, str]]:
    return [(str(value), label) for value, label in labels.items()]


def _plain(texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(text, text) for text in texts]


def _slots(opened: Draft) -> dict[str, dict[str, Any]]:
    policy = opened.cycle.policy
    kinds = {"photo": UploadKind.PHOTO, "licence": UploadKind.LICENCE, "procedure": UploadKind.EVIDENCE}
    return {slot: _slot(opened, slot, policy.form.uploads[kind], kind) for slot, kind in kinds.items()}


def _slot(opened: Draft, slot: str, rule: Any, kind: UploadKind) -> dict[str, Any]:
    pictures = of_slot(opened.uploads, slot)
    return {
        "name": slot,
        "pictures": [_shown(each) for each in pictures],
        "rule": uploads_of_kind(kind, opened.cycle.policy),
        "max_bytes": rule.max_bytes,
        "max_megabytes": rule.max_megabytes,
        "most": rule.most,
        "left": rule.most if kind is UploadKind.PHOTO else max(0, rule.most - len(pictures)),
        "accept": ",".join("image/png" if each == "png" else "image/jpeg" for each in rule.types),
    }


def _shown(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "state": upload.state.value,
        "label": UPLOAD_LABELS[upload.state],
        "problem": upload.problem,
        "advice": upload.advice,
        "width": upload.width,
        "height": upload.height,
    }


def _basic(opened: Draft, values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "consent": opened.face_consent,
        "sexes": _options(SEX_LABELS),
        "ethnicities": _plain(_with_own(ethnicities(), values["basic.ethnicity"])),
        "educations": _plain(_with_own(educations(), values["basic.education"])),
    }


def _with_own(offered: list[str], chosen: Sequence[str]) -> list[str]:
    """What an earlier version offered, or a modification wrote, can stay chosen."""
    return offered + [each for each in chosen if each and each not in offered]


def _practice(opened: Draft, values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    chosen = opened.form.practice.department_id
    return {
        "departments": [(str(each.id), each.name) for each in opened.departments],
        "specialties": _plain(opened.facts.departments.get(chosen, ()) if chosen else ()),
        "titles": _plain(_with_own(titles(), values["practice.title"])),
        "levels": _options(LEVEL_LABELS),
        "categories": _options(CATEGORY_LABELS),
        "scopes": _plain(scopes(opened.form.practice.category)),
        "employments": _options(EMPLOYMENT_LABELS),
    }


def _experience(opened: Draft, _values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {"lists": _lists(opened, "experience.")}


def _conduct(opened: Draft, _values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    policy = opened.cycle.policy
    return {
        "good_lists": _lists(opened, "conduct.good_records"),
        "bad_lists": _lists(opened, "conduct.bad_records"),
        "carries": {"good": bool(opened.known.carried_good), "bad": bool(opened.known.carried_bad)},
        "quantities": [(name, quantity_unit(policy, name)) for name in QUANTITIES],
        "grades": _options(ETHICS_LABELS),
    }


def _lists(opened: Draft, prefix: str) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "title": each.title,
            "field": each.field,
            "most": each.most,
            "evidence": each.evidence,
            "entries": [_entry(opened, each, entry) for entry in entries_of(opened.form, each)],
        }
        for each in entry_lists(opened.cycle.policy).values()
        if each.field.startswith(prefix)
    ]


def _entry(opened: Draft, entry_list: EntryList, entry: Any) -> dict[str, Any]:
    values = typed_entry(entry)
    lines = [values[each.name] for each in entry_list.fields if values[each.name]]
    if "since" in values:
        lines = [each for each in lines if each not in {values["since"], values["until"]}]
        lines.append(f"{values['since']} 至 {values['until'] or '今'}")
    if isinstance(entry, Record):
        lines = [record_text(entry, entry_list.title)] if entry.carried_from else lines
    pictures = of_slot(opened.uploads, record_slot(entry.id)) if entry_list.evidence else ()
    return {
        "id": entry.id,
        "text": "，".join(lines),
        "is_carried": bool(getattr(entry, "carried_from", "")),
        "pictures": [_shown(each) for each in pictures],
    }


def _procedure(opened: Draft, _values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    policy = opened.cycle.policy
    return {
        "conditions": [(each.code, each.label) for each in policy.form.conditions],
        "procedures": [
            (each.value, PROCEDURE_LABELS[each]) for each in (Procedure.GENERAL, Procedure.SIMPLE)
        ],
        "years": opened.years,
        "shortfall": years_shortfall(opened.form, policy, opened.years),
    }


_of_page = {
    Step.BASIC: _basic,
    Step.PRACTICE: _practice,
    Step.EXPERIENCE: _experience,
    Step.CONDUCT: _conduct,
    Step.PROCEDURE: _procedure,
}


@allow(Role.PHYSICIAN)
@takes_files(LARGEST_BODY)
async def save_step(request: web.Request) -> web.Response:
    """上一步, 保存, 下一步, 上传: all save the page; the button says where it goes on."""
    services, principal, step = request.app[SERVICES], viewer(request), _step_of(request)
    sent = await _sent(request)
    try:
        saved = await usecases.save_step(
            services, principal, step, sent.fields, revision=sent.revision, saved_by=sent.saved_by
        )
    except usecases.StaleForm as error:
        return _step_page(request, await _opened(request), step, {}, sent=sent, error=error)
    problems = dict(saved.problems) | await _hand_in(request, sent)
    to = _target(sent, step)
    goes_on = to == _path(STEPS[STEPS.index(step) + 1])
    if goes_on:
        problems = await usecases.step_problems(services, principal, step) | problems
    if problems:
        return _step_page(request, await _opened(request), step, problems, sent=sent)
    response = web.HTTPSeeOther(to)
    if to.partition("#")[0] == _path(step):
        flash(response, "good", "已保存。")
    raise response


async def _hand_in(request: web.Request, sent: _Sent) -> Problems:
    """The files that came with a page; what is wrong with one is said at its place."""
    problems: Problems = {}
    for slot, files in sent.files.items():
        crop = read_crop(sent.one(_CROP + slot))
        try:
            request.app[LIMITS].take(viewer(request).account_id, DEAR * len(files))
            await usecases.add_pictures(request.app[SERVICES], viewer(request), slot, files, crop=crop)
        except DomainError as error:
            problems[slot] = error.sentence
    return problems


def _target(sent: _Sent, step: Step) -> str:
    """Where a button leads: a page of the form, a place on this one, or the page of an entry."""
    to = sent.one("to")
    if to in set(STEPS):
        return _path(Step(to))
    if to.startswith("#"):
        return _path(step) + to
    if to.startswith("entry?"):
        return f"/registration/{to}"
    position = STEPS.index(step)
    return _path(STEPS[position + 1])


class _Typed(BaseModel):
    revision: int
    page: str = Field(max_length=_LONGEST_PAGE)
    seq: int = Field(ge=0, le=1_000_000)
    fields: list[tuple[str, str]]


@allow(Role.PHYSICIAN)
async def save_typed(request: web.Request) -> web.Response:
    """What is typed, as it is typed: JSON."""
    body = await json_body(request, _Typed)
    step = _step_of(request)
    fields: dict[str, list[str]] = {}
    for name, value in body.fields:
        fields.setdefault(name, []).append(value)
    saved = await usecases.save_step(
        request.app[SERVICES],
        viewer(request),
        step,
        fields,
        revision=body.revision,
        saved_by=PageSave(body.page, body.seq),
    )
    return web.json_response(
        {
            "revision": saved.revision,
            "saved_at": _clock_text(saved.saved_at),
            "problems": saved.problems,
        }
    )


# Entries of lists


@allow(Role.PHYSICIAN)
async def show_entry(request: web.Request) -> web.Response:
    opened = await _opened(request)
    if opened.closed:
        raise web.HTTPSeeOther("/registration")
    entry_list = usecases.list_of(opened, request.query.get("list", ""))
    entry_id = request.query.get("entry", "")
    entry = next((each for each in entries_of(opened.form, entry_list) if each.id == entry_id), None)
    if entry_id and (entry is None or getattr(entry, "carried_from", "")):
        raise NotFound("没有找到这一项，可能已经删除，请返回列表查看。", code="no_such_entry")
    values = typed_entry(entry) if entry else {}
    return _entry_page(request, opened, entry_list, entry_id, values, {})


def _entry_page(
    request: web.Request,
    opened: Draft,
    entry_list: EntryList,
    entry_id: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    error: DomainError | None = None,
) -> web.Response:
    slot = record_slot(entry_id) if entry_id else "record.new"
    rule = opened.cycle.policy.form.uploads[UploadKind.EVIDENCE]
    return render(
        request,
        "registration/entry.html",
        {
            "list": entry_list,
            "entry_id": entry_id,
            "values": {name: [value] for name, value in values.items()},
            "errors": errors,
            "error": error.sentence if error else None,
            "back": _path(entry_list.step),
            "step_label": _label(opened, entry_list.step),
            "slot": _slot(opened, slot, rule, UploadKind.EVIDENCE) if entry_list.evidence else None,
            "recognition": opened.cycle.policy.form.recognition if "good" in entry_list.field else "",
        },
        status=status_of(error) if error else 422 if errors else 200,
    )


@allow(Role.PHYSICIAN)
@takes_files(LARGEST_BODY)
async def save_entry(request: web.Request) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    sent = await _sent(request)
    name, entry_id = sent.one("list"), sent.one("entry")
    try:
        saved_id = await usecases.save_entry(services, principal, name, entry_id or None, sent.fields)
    except usecases.BadEntry as error:
        opened = await _opened(request)
        values = {key: sent.one(key) for key in sent.fields}
        entry_list = usecases.list_of(opened, name)
        return _entry_page(request, opened, entry_list, entry_id, values, error.problems, error)
    files = [data for found in sent.files.values() for data in found]
    opened = await _opened(request)
    entry_list = usecases.list_of(opened, name)
    if files:
        problems = await _hand_in(request, _Sent({}, {record_slot(saved_id): files}))
        if problems:
            opened = await _opened(request)
            values = {key: sent.one(key) for key in sent.fields}
            return _entry_page(
                request, opened, entry_list, saved_id, values, {"pictures": next(iter(problems.values()))}
            )
    lacks_pictures = entry_list.evidence and not of_slot(opened.uploads, record_slot(saved_id)) and not files
    if lacks_pictures or sent.one("to") == "entry":
        words = "图片正在检查。" if files else "请上传佐证材料。" if lacks_pictures else ""
        raise _back(
            f"/registration/entry?list={name}&entry={saved_id}", f"已保存，{words}" if words else "已保存。"
        )
    raise _back(f"{_path(entry_list.step)}#list-{name}", "已保存。")


@allow(Role.PHYSICIAN)
@takes_files(LARGEST_BODY)
async def delete_entry(request: web.Request) -> web.Response:
    """A button within the page of the list: what was typed there is saved first."""
    services, principal = request.app[SERVICES], viewer(request)
    await _keep_typed(request, await _sent(request))
    entry_list = await usecases.delete_entry(
        services, principal, request.query.get("list", ""), request.query.get("entry", "")
    )
    raise _back(f"{_path(entry_list.step)}#list-{entry_list.name}", "已删除。")


async def _keep_typed(request: web.Request, sent: _Sent) -> None:
    """What another page saved since stays; what the button does is done all the same."""
    step = sent.one("step")
    if step in set(_PAGES):
        with suppress(usecases.StaleForm):
            await usecases.save_step(
                request.app[SERVICES],
                viewer(request),
                Step(step),
                sent.fields,
                revision=sent.revision,
                saved_by=sent.saved_by,
            )


def _back(where: str, words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(where)
    flash(response, "good", words)
    return response


# Pictures


@allow(Role.PHYSICIAN)
async def show_picture(request: web.Request) -> web.Response:
    jpeg = await usecases.own_picture(request.app[SERVICES], viewer(request), path_id(request, "upload"))
    return web.Response(body=jpeg, content_type="image/jpeg")


@allow(Role.PHYSICIAN)
@unattended
async def list_pictures(request: web.Request) -> web.Response:
    """How each picture stands: pages ask while one is being checked."""
    found = await usecases.own_uploads(request.app[SERVICES], viewer(request))
    return web.json_response({"uploads": {str(each.id): each.state.value for each in found}})


@allow(Role.PHYSICIAN)
@takes_files(LARGEST_BODY)
async def remove_picture(request: web.Request) -> web.Response:
    """A button within a page of the form: what was typed there is saved first."""
    services, principal = request.app[SERVICES], viewer(request)
    upload_id: UUID = path_id(request, "upload")
    sent = await _sent(request)
    await _keep_typed(request, sent)
    slot = await usecases.remove_picture(services, principal, upload_id)
    if sent.one("step") in set(_PAGES):
        raise _back(f"{_path(Step(sent.one('step')))}#{slot}", "已删除图片。")
    entry = slot.removeprefix("record.")
    raise _back(f"/registration/entry?list={sent.one('list')}&entry={entry}", "已删除图片。")


# The end


@allow(Role.PHYSICIAN)
async def show_confirm(request: web.Request) -> web.Response:
    opened = await _opened(request)
    if opened.closed:
        raise web.HTTPSeeOther("/registration")
    return _confirm_page(request, opened)


def _confirm_page(request: web.Request, opened: Draft, error: DomainError | None = None) -> web.Response:
    policy = opened.cycle.policy
    return render(
        request,
        "registration/confirm.html",
        {
            "step": Step.CONFIRM,
            "title": _label(opened, Step.CONFIRM),
            "steps": _steps(opened, Step.CONFIRM),
            "labels": policy.labels,
            "revision": opened.revision,
            "sections": _sections(opened),
            "problems": [
                {
                    "href": f"{_path(step_of(name))}?check=1#{name}",
                    "step": _label(opened, step_of(name)),
                    "label": FIELD_LABELS[name],
                    "sentence": sentence,
                }
                for name, sentence in opened.problems.items()
            ],
            "shortfall": years_shortfall(opened.form, policy, opened.years),
            "returned": opened.returned,
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.PHYSICIAN)
async def submit(request: web.Request) -> web.Response:
    sent = await _sent(request)
    try:
        await usecases.submit(request.app[SERVICES], viewer(request), revision=sent.revision)
    except (usecases.StaleForm, usecases.NotComplete) as error:
        return _confirm_page(request, await _opened(request), error)
    raise web.HTTPSeeOther("/registration/submitted")


@allow(Role.PHYSICIAN)
async def show_submitted(request: web.Request) -> web.Response:
    opened = await _opened(request)
    own = opened.registration
    if own.submitted_at is None or own.state is not State.INSTITUTION_REVIEW:
        raise web.HTTPSeeOther("/registration")
    return render(
        request,
        "registration/submitted.html",
        {
            "text": opened.cycle.policy.labels["submitted_text"],
            "procedure": PROCEDURE_LABELS[own.procedure],
            "submitted_at": own.submitted_at,
        },
    )


ROUTES = [
    web.get("/registration", show),
    *(web.get(_path(step), show_step) for step in _PAGES),
    *(web.post(_path(step), save_step) for step in _PAGES),
    *(web.post(f"{_path(step)}/draft", save_typed) for step in _PAGES),
    web.get("/registration/entry", show_entry),
    web.post("/registration/entry", save_entry),
    web.post("/registration/entry/removal", delete_entry),
    web.get("/registration/uploads", list_pictures),
    web.get("/registration/uploads/{upload}", show_picture),
    web.post("/registration/uploads/{upload}/removal", remove_picture),
    web.get("/registration/confirm", show_confirm),
    web.post("/registration/submission", submit),
    web.get("/registration/submitted", show_submitted),
]
