"""免考申请: the physician's page; 免考审核: the lists and sheets of institution and body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import ROLE_LABELS, Role
from exam_service.cycles.form_rules import MEGABYTE, UploadKind
from exam_service.cycles.policy import Policy, Subject
from exam_service.errors import Conflict, DomainError, Invalid, NotFound
from exam_service.exemptions import usecases
from exam_service.exemptions.model import (
    LEVEL_ROLES,
    LONGEST_REASON,
    LONGEST_STATEMENT,
    STATE_LABELS,
    Application,
    Outcome,
    State,
    condition_labels,
)
from exam_service.http.guards import Handler, allow
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id, read_form
from exam_service.http.session import flash
from exam_service.http.uploads import takes_files, uploaded_files
from exam_service.keys import SERVICES, viewer
from exam_service.registration.form.model import UPLOAD_LABELS, UploadState
from exam_service.registration.model import PROCEDURE_LABELS
from exam_service.registration.model import STATE_LABELS as REGISTERED_LABELS

LARGEST_MB = 30
"""Of one request; more pictures can be added in another."""
LARGEST = LARGEST_MB * MEGABYTE
_UPLOAD_KINDS = {UploadState.PENDING: "info", UploadState.ACCEPTED: "good", UploadState.REFUSED: "bad"}
_SAID: Mapping[Outcome, tuple[str, str]] = {
    Outcome.PASSED_ON: ("good", "已同意，申请转交考核机构审核。"),
    Outcome.GRANTED: ("good", "已同意，这项测评视为合格。"),
    Outcome.CONCLUDED: ("good", "已同意。该医师各项测评均已合格或免考，本周期考核结束。"),
    Outcome.REFUSED: ("good", "已记录为不同意，医师可以看到理由。"),
    Outcome.BEGUN: ("warn", "医师已参加这项测评，按规定不能再免考，申请已作不同意处理。"),
}


def _shown(claim: usecases.Claim, policy: Policy, base: str) -> dict[str, Any]:
    application = claim.application
    kind, label = STATE_LABELS[application.state]
    return {
        "id": application.id,
        "kind": kind,
        "label": label,
        "is_open": application.is_open,
        "is_undecided": not application.decisions,
        "is_emptied": application.state is State.WITHDRAWN and not claim.uploads,
        "conditions": condition_labels(policy.exemption, application.conditions),
        "statement": application.statement,
        "applied_at": application.applied_at,
        "decisions": _decisions(application),
        "pictures": [
            {
                "href": f"{base}/{application.id}/pictures/{upload.id}",
                "is_shown": upload.state is UploadState.ACCEPTED,
                "kind": _UPLOAD_KINDS[upload.state],
                "label": UPLOAD_LABELS[upload.state],
                "problem": upload.problem,
            }
            for upload in claim.uploads
        ],
    }


def _decisions(application: Application) -> list[dict[str, Any]]:
    return [
        {
            "level": ROLE_LABELS[LEVEL_ROLES[decision.level]],
            "kind": "good" if decision.granted else "bad",
            "label": "同意" if decision.granted else "不同意",
            "reason": decision.reason,
            "by": decision.decided_by,
            "at": decision.decided_at,
        }
        for decision in application.decisions
    ]


# The physician


@allow(Role.PHYSICIAN)
async def show_own(request: web.Request) -> web.Response:
    return await _own_page(request)


async def _own_page(
    request: web.Request,
    *,
    subject: str = "",
    conditions: Sequence[str] = (),
    statement: str = "",
    error: DomainError | None = None,
) -> web.Response:
    page = await usecases.own_page(request.app[SERVICES], viewer(request))
    if page is None:
        raise NotFound("您尚未被纳入考核周期，如需参加请联系所在医疗卫生机构。", code="no_registration")
    policy = page.entitled.cycle.policy
    rule = policy.form.uploads[UploadKind.EVIDENCE]
    return render(
        request,
        "exemptions/own.html",
        {
            "title": policy.labels["tool_exemption"],
            "procedure": PROCEDURE_LABELS[page.entitled.registration.procedure],
            "conditions": policy.exemption.conditions,
            "papers": [
                {
                    "subject": paper.subject,
                    "label": paper.label,
                    "closed": paper.closed,
                    "claims": [_shown(claim, policy, "/exemptions") for claim in paper.claims],
                }
                for paper in page.papers
            ],
            "most": rule.most,
            "megabytes": rule.max_megabytes,
            "types": rule.type_words,
            "largest": LARGEST_MB,
            "longest": LONGEST_STATEMENT,
            "form": {"subject": subject, "conditions": conditions, "statement": statement},
            "error": error,
        },
        status=status_of(error) if error else 200,
    )


@dear
@allow(Role.PHYSICIAN)
@takes_files(LARGEST)
async def apply(request: web.Request) -> web.Response:
    fields = await form_fields(request)
    conditions = [str(code) for code in (await read_form(request)).getall("conditions", [])]
    statement = fields.get("statement", "").strip()
    try:
        subject = Subject(request.match_info["subject"])
    except ValueError:
        raise NotFound("没有找到您要的页面，请返回首页。") from None
    try:
        await usecases.apply(
            request.app[SERVICES],
            viewer(request),
            subject,
            conditions=conditions,
            statement=statement,
            pictures=await _pictures(request),
        )
    except (Invalid, Conflict) as error:
        return await _own_page(
            request, subject=subject, conditions=conditions, statement=statement, error=error
        )
    raise _back("/exemptions", "good", "免考申请已提交，请等待审核。")


async def _pictures(request: web.Request) -> list[bytes]:
    return [each.data for each in await uploaded_files(request, "pictures")]


@dear
@allow(Role.PHYSICIAN)
@takes_files(LARGEST)
async def add_evidence(request: web.Request) -> web.Response:
    try:
        await usecases.add_evidence(
            request.app[SERVICES],
            viewer(request),
            path_id(request, "exemption"),
            await _pictures(request),
        )
    except (Invalid, Conflict) as error:
        return await _own_page(request, error=error)
    raise _back("/exemptions", "good", "材料已补充。")


@allow(Role.PHYSICIAN)
async def withdraw(request: web.Request) -> web.Response:
    try:
        await usecases.withdraw(request.app[SERVICES], viewer(request), path_id(request, "exemption"))
    except Conflict as error:
        return await _own_page(request, error=error)
    raise _back("/exemptions", "good", "申请已撤回。开考前可以重新申请。")


@allow(Role.PHYSICIAN)
async def show_own_picture(request: web.Request) -> web.Response:
    picture = await usecases.own_picture(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "exemption"),
        path_id(request, "upload"),
    )
    return web.Response(body=picture, content_type="image/jpeg")


def _back(where: str, kind: str, words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(where)
    flash(response, kind, words)
    return response


# The reviewers: the same desk for institution and body, each on its own address


async def _list(request: web.Request) -> web.Response:
    return await _list_page(request, request.query, "")


async def _search(request: web.Request) -> web.Response:
    """An identity number never stands in an address: it is posted."""
    fields = await form_fields(request)
    return await _list_page(request, {"tab": fields.get("tab", "")}, fields.get("number", "").strip()[:64])


async def _list_page(request: web.Request, query: Mapping[str, str], number: str) -> web.Response:
    waiting = query.get("tab") != "decided"
    name, subject = (query.get(each, "").strip()[:64] for each in ("name", "subject"))
    principal = viewer(request)
    page = await usecases.list_page(
        request.app[SERVICES],
        principal,
        waiting=waiting,
        name=name.replace("\0", ""),
        number=number,
        subject=subject,
        cursor=_cursor(query.get("cursor")),
    )
    asked = {"name": name, "subject": subject}
    kept = {each: value for each, value in asked.items() if value}
    return render(
        request,
        "exemptions/list.html",
        {
            "base": usecases.base_of(principal),
            "tab": "waiting" if waiting else "decided",
            "rows": [
                {
                    "id": row.id,
                    "name": row.name,
                    "masked_number": page.masked_numbers[row.cursor],
                    "institution": row.institution,
                    "paper": page.labels[row.cursor],
                    "applied_at": row.applied_at,
                    "decided_at": row.decided_at,
                    "kind": STATE_LABELS[row.state][0],
                    "label": STATE_LABELS[row.state][1],
                }
                for row in page.rows
            ],
            "waiting": page.waiting,
            "subjects": page.subjects,
            "filters": asked | {"number": number},
            "is_filtered": bool(kept or number),
            "shows_institution": principal.role is Role.BODY,
            "kept": kept,
            "next_cursor": page.next_cursor,
        },
    )


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


async def _sheet(request: web.Request) -> web.Response:
    return await _sheet_page(request, "", None)


async def _sheet_page(request: web.Request, reason: str, error: DomainError | None) -> web.Response:
    principal = viewer(request)
    sheet = await usecases.sheet(request.app[SERVICES], principal, path_id(request, "exemption"))
    base = usecases.base_of(principal)
    own, policy = sheet.entitled.registration, sheet.entitled.cycle.policy
    return render(
        request,
        "exemptions/sheet.html",
        {
            "base": base,
            "name": sheet.name,
            "masked_number": sheet.masked_number,
            "institution": sheet.institution,
            "paper": sheet.label,
            "procedure": PROCEDURE_LABELS[own.procedure],
            "registration": own.id,
            "registered": REGISTERED_LABELS[own.state],
            "claim": _shown(sheet.claim, policy, base),
            "may_decide": sheet.may_decide,
            "closed": sheet.closed,
            "following": sheet.following,
            "longest": LONGEST_REASON,
            "reason": reason,
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


async def _decide(request: web.Request) -> web.Response:
    fields = await form_fields(request)
    principal = viewer(request)
    services, application_id = request.app[SERVICES], path_id(request, "exemption")
    reason = fields.get("reason", "").strip()
    try:
        if fields.get("decision") not in {"grant", "refuse"}:
            raise Invalid("请选择同意或不同意。", code="no_decision")
        outcome = await usecases.decide(
            services, principal, application_id, granted=fields["decision"] == "grant", reason=reason
        )
    except (Invalid, Conflict) as error:
        return await _sheet_page(request, reason, error)
    base = usecases.base_of(principal)
    following = await usecases.following(services, principal, application_id)
    raise _back(f"{base}/{following}" if following else base, *_SAID[outcome])


async def _picture(request: web.Request) -> web.Response:
    picture = await usecases.reviewed_picture(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "exemption"),
        path_id(request, "upload"),
    )
    return web.Response(body=picture, content_type="image/jpeg")


def _for(role: Role, handler: Handler) -> Handler:
    """The handler for staff of one role, who have an address of their own."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    return allow(role)(guarded)


def _desk(role: Role) -> list[web.RouteDef]:
    base = f"/{role}/exemptions"
    return [
        web.get(base, _for(role, _list)),
        web.post(f"{base}/search", _for(role, _search)),
        web.get(f"{base}/{{exemption}}", _for(role, _sheet)),
        web.post(f"{base}/{{exemption}}/decision", _for(role, _decide)),
        web.get(f"{base}/{{exemption}}/pictures/{{upload}}", _for(role, _picture)),
    ]


ROUTES = [
    web.get("/exemptions", show_own),
    web.post("/exemptions/papers/{subject}", apply),
    web.post("/exemptions/{exemption}/evidence", add_evidence),
    web.post("/exemptions/{exemption}/withdrawal", withdraw),
    web.get("/exemptions/{exemption}/pictures/{upload}", show_own_picture),
    *_desk(Role.INSTITUTION),
    *_desk(Role.BODY),
]
