"""One submitted form: look at it and its pictures, approve, return, undo."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from aiohttp import web

from exam_service.cycles.form_rules import REASON_LONGEST
from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.errors import Conflict, Invalid
from exam_service.http.pages import render
from exam_service.http.problems import status_of, wants_json
from exam_service.http.requests import path_id, read_form
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.registration.model import Result, State
from exam_service.registration.reviewing import usecases
from exam_service.registration.reviewing.model import (
    DECISION_LABELS,
    PHRASES,
    Decision,
    Ratings,
    compose_reason,
)
from exam_service.registration.reviewing.routes import shown
from exam_service.registration.reviewing.routes.forms import (
    Form,
    basis_of,
    basis_text,
    ratings_of,
    text_of,
    texts_of,
)
from exam_service.registration.reviewing.usecases import Basis, Decided, Dossier
from exam_service.registration.reviewing.usecases.scoping import level_of


async def show_form(request: web.Request) -> web.Response:
    return await _form_shown(request, None, None)


async def _form_shown(
    request: web.Request, typed: Form | None, error: Invalid | Conflict | None
) -> web.Response:
    """The form; after a refusal with what was typed and why it was refused."""
    principal = viewer(request)
    wanted = shown.read_filter(request.query)
    found = await usecases.dossier(request.app[SERVICES], principal, path_id(request, "registration"), wanted)
    if isinstance(error, Conflict):
        typed = None  # it was about something that is no longer there
    home = shown.home_of(principal)
    query = shown.filter_query(wanted)
    path = f"{home}/{found.registration.id}"
    found_sections = shown.form_sections(found)
    newest = found.newest
    return render(
        request,
        "reviewing/form.html",
        {
            "home": home,
            "path": path,
            "query": shown.address("", query),
            "back": shown.address(home, query),
            "is_body": found.level is ReviewLevel.BODY,
            "name": found.person.name,
            "institution": found.person.institution,
            "state": shown.state_shown(found.registration.state, found.registration.result, found.cycle),
            "doubts": shown.doubt_labels(found.doubts),
            "shortfall": found.read.facts.shortfall,
            "facts": shown.key_facts(found),
            "gallery": shown.gallery(found_sections, f"{path}/pictures"),
            "sections": found_sections,
            "reviews": [shown.review_shown(review) for review in found.reviews],
            "basis": basis_text(Basis(found.read.submission_id, newest.id if newest else None)),
            "awaits": found.awaits,
            "closed": found.closed,
            "undoable": found.undoable,
            "undo_label": DECISION_LABELS[newest.decision] if newest and found.undoable else "",
            "previous": shown.address(f"{home}/{found.previous}", query) if found.previous else None,
            "following": shown.address(f"{home}/{found.following}", query) if found.following else None,
            "error": error.sentence if error else "",
            "longest": REASON_LONGEST,
            **_decision(found, typed),
        },
        status=status_of(error) if error else 200,
    )


def _decision(found: Dossier, typed: Form | None) -> Mapping[str, Any]:
    """The fields of the decision, as they begin or as they were typed."""
    ratings = found.ratings
    chosen = {
        "quantity": _yes(ratings.quantity),
        "quality": _yes(ratings.quality),
        "task": _yes(ratings.task),
        "ethics": _yes(ratings.ethics),
        "grade": ratings.grade.value,
    }
    misconduct: list[str] = list(ratings.misconduct)
    ticked: list[str] = [check.value for check in found.ticked]
    words = {"note": "", "reason": "", "verdict": "uphold", "fails": ""}
    marked: list[str] = []
    phrases: list[str] = []
    if typed is not None:
        chosen = {name: text_of(typed, name) or value for name, value in chosen.items()}
        words = {name: text_of(typed, name) for name in words}
        misconduct = texts_of(typed, "misconduct")
        ticked = texts_of(typed, "check")
        marked, phrases = texts_of(typed, "mark"), texts_of(typed, "phrase")
    leads_to = found.leads_to
    labels = found.cycle.policy.labels
    return {
        "checks": shown.checks_shown(found, ticked),
        "chosen": chosen,
        "grades": shown.GRADES,
        "misconduct": [
            {"code": code, "text": text, "ticked": code in misconduct}
            for code, text in found.cycle.policy.form.misconduct
        ],
        "lists_misconduct": bool(misconduct),
        "words": words,
        "marked": marked,
        "phrases": [
            {"code": phrase.code, "text": phrase.text, "ticked": phrase.code in phrases}
            for phrase in PHRASES[found.level]
        ],
        "rated": shown.ratings_shown(ratings, found.cycle),
        "rated_by_institution": found.read.facts.institution is not None,
        "fit": ratings.result is Result.PASSED,
        "concludes": leads_to.state is State.CONCLUDED,
        "performance_label": labels["performance"],
        "ethics_label": labels["ethics"],
        "simple": found.registration.procedure is Procedure.SIMPLE,
    }


def _yes(fit: bool) -> str:  # noqa: FBT001 - 合格 or 不合格
    return "yes" if fit else "no"


async def show_picture(request: web.Request) -> web.Response:
    data = await usecases.picture(
        request.app[SERVICES], viewer(request), path_id(request, "registration"), path_id(request, "upload")
    )
    return web.Response(body=data, content_type="image/jpeg")


async def rate_and_approve(request: web.Request) -> web.StreamResponse:
    """The institution's 通过."""
    form = await read_form(request)

    async def decide() -> Decided:
        return await usecases.rate_and_approve(
            request.app[SERVICES],
            viewer(request),
            path_id(request, "registration"),
            basis_of(form),
            ticked=texts_of(form, "check"),
            ratings=ratings_of(form),
            reason=text_of(form, "note"),
        )

    return await _decided(request, form, decide())


async def approve(request: web.Request) -> web.StreamResponse:
    """The body's 通过: it upholds or overturns."""
    form = await read_form(request)

    async def decide() -> Decided:
        own: Ratings | None = ratings_of(form) if text_of(form, "verdict") == "overturn" else None
        return await usecases.approve(
            request.app[SERVICES],
            viewer(request),
            path_id(request, "registration"),
            basis_of(form),
            ticked=texts_of(form, "check"),
            own=own,
            reason=text_of(form, "note"),
            fails=text_of(form, "fails") == "yes",
        )

    return await _decided(request, form, decide())


async def return_form(request: web.Request) -> web.StreamResponse:
    """驳回 to the physician."""
    form = await read_form(request)
    return await _decided(request, form, _returned(request, form, to_institution=False))


async def return_to_institution(request: web.Request) -> web.StreamResponse:
    """退回 to the institution, which reviews once more."""
    form = await read_form(request)
    return await _decided(request, form, _returned(request, form, to_institution=True))


async def _returned(request: web.Request, form: Form, *, to_institution: bool) -> Decided:
    principal = viewer(request)
    reason, marks = compose_reason(level_of(principal), texts_of(form, "phrase"), text_of(form, "reason"))
    return await usecases.return_form(
        request.app[SERVICES],
        principal,
        path_id(request, "registration"),
        basis_of(form),
        reason=reason,
        marked={*texts_of(form, "mark"), *marks},
        to_institution=to_institution,
    )


async def _decided(request: web.Request, form: Form, deciding: Awaitable[Decided]) -> web.StreamResponse:
    """On to the next one that waits, or back to the list; a page's script gets the same as JSON."""
    principal = viewer(request)
    wanted = shown.read_filter(request.query)
    home, query = shown.home_of(principal), shown.filter_query(wanted)
    try:
        decided = await deciding
    except (Invalid, Conflict) as error:
        if wants_json(request):
            raise
        return await _form_shown(request, form, error)
    following = await usecases.next_awaiting(
        request.app[SERVICES], principal, decided.review.registration_id, wanted
    )
    target = shown.address(f"{home}/{following}" if following else home, query)
    text = sentence(decided)
    if wants_json(request):
        answer = web.json_response({"next": target, "text": text})
        if following is None:  # the script leaves for the list, which has to say it
            flash(answer, "good", text)
        return answer
    response = web.HTTPSeeOther(target)
    flash(response, "good", text)
    raise response


def sentence(decided: Decided) -> str:
    """What became of it, for the page that comes next."""
    result = decided.outcome.result
    if result is not None:
        return f"已作出考核结论：{'合格' if result is Result.PASSED else '不合格'}。"
    if decided.review.decision is Decision.APPROVED:
        to_body = decided.outcome.state is State.BODY_REVIEW
        return "已通过，报送考核机构复核。" if to_body else "已通过，该医师报名完成。"
    return f"已{DECISION_LABELS[decided.review.decision]}。"


async def undo(request: web.Request) -> web.StreamResponse:
    principal = viewer(request)
    registration_id = path_id(request, "registration")
    try:
        undone = await usecases.undo(request.app[SERVICES], principal, registration_id)
    except Conflict as error:
        if wants_json(request):
            raise
        return await _form_shown(request, None, error)
    target = shown.address(
        f"{shown.home_of(principal)}/{registration_id}", shown.filter_query(shown.read_filter(request.query))
    )
    text = "已撤销，请重新处理。"
    if not undone.stays:
        target, text = shown.home_of(principal), "已撤销。该医师已转由其他机构审核，由其重新处理。"
    if wants_json(request):
        return web.json_response({"next": target, "text": text})
    response = web.HTTPSeeOther(target)
    flash(response, "good", text)
    raise response
