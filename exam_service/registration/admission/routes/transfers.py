"""调入调出: ask for a physician, answer who asks, see what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from exam_service.accounts.identity import DOCUMENT_LABELS, DocumentType
from exam_service.accounts.model import Role
from exam_service.errors import BadFields, Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.institutions.model import LONGEST_REASON, TRANSFER_LABELS, TransferState
from exam_service.institutions.usecases import ListedTransfer
from exam_service.keys import SERVICES, viewer
from exam_service.registration.admission.usecases import transfers

_LIST = "/institution/transfers"
_FIELDS = ("name", "document_type", "number", "reason")


@allow(Role.INSTITUTION)
async def show_list(request: web.Request) -> web.Response:
    return await _page(request, {}, {}, None)


async def _page(
    request: web.Request, texts: Mapping[str, str], problems: Mapping[str, str], error: Conflict | None
) -> web.Response:
    principal = viewer(request)
    before = _cursor(request.query.get("cursor"))
    page = await transfers.transfers(request.app[SERVICES].database, principal, before)
    refused = error or (BadFields(problems) if problems else None)
    return render(
        request,
        "admission/transfers.html",
        {
            "rows": [_listed(each, principal.of_institution()) for each in page.rows],
            "texts": {"document_type": DocumentType.IDENTITY_CARD.value}
            | {field: texts.get(field, "") for field in _FIELDS if texts or field != "document_type"},
            "problems": problems,
            "error": error.sentence if error else None,
            "documents": [(code.value, label) for code, label in DOCUMENT_LABELS.items()],
            "longest": LONGEST_REASON,
            "next_cursor": page.next_cursor,
            "is_first": before is None,
        },
        status=status_of(refused) if refused else 200,
    )


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _listed(each: ListedTransfer, own_id: UUID) -> dict[str, object]:
    transfer = each.transfer
    kind, label = TRANSFER_LABELS[transfer.state]
    is_ours = transfer.from_institution_id == own_id
    is_open = transfer.state is TransferState.OPEN
    if is_ours and is_open:
        label = "待本机构处理"
    return {
        "id": transfer.id,
        "name": each.name,
        "way": f"调往 {each.to_institution}" if is_ours else f"调自 {each.from_institution or '（无机构）'}",
        "kind": kind,
        "label": label,
        "reason": transfer.reason,
        "asked_at": transfer.asked_at,
        "decided_at": transfer.decided_at,
        "decision": transfer.decision,
        "may_decide": is_ours and is_open,
        "may_withdraw": not is_ours and is_open,
    }


@allow(Role.INSTITUTION)
async def ask(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        transfer = await transfers.take_over(
            request.app[SERVICES],
            viewer(request),
            name=form.get("name", ""),
            document_type=form.get("document_type", ""),
            number=form.get("number", ""),
            reason=form.get("reason", ""),
        )
    except BadFields as problems:
        return await _page(request, form, problems.problems, None)
    except Conflict as error:
        return await _page(request, form, {}, error)
    if transfer.state is TransferState.AGREED:
        raise _back("已调入本机构名册。符合考核条件的，请在名册中点“允许报名”。")
    raise _back("已向医师所在机构发出调入申请，对方同意后自动转入本机构名册。")


def _back(text: str, kind: str = "good") -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(_LIST)
    flash(response, kind, text)
    return response


@allow(Role.INSTITUTION)
async def agree(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    try:
        await transfers.agree(
            services.database, services.clock, viewer(request), path_id(request, "transfer")
        )
    except Conflict as error:
        raise _back(error.sentence, "bad") from None
    raise _back("已同意，医师已转入对方机构名册。")


@allow(Role.INSTITUTION)
async def refuse(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    decision = (await form_fields(request)).get("decision", "")
    try:
        await transfers.refuse(
            services.database,
            services.clock,
            viewer(request),
            path_id(request, "transfer"),
            decision=decision,
        )
    except (Conflict, Invalid) as error:
        raise _back(error.sentence, "bad") from None
    raise _back("已答复不同意，对方机构可以看到原因。")


@allow(Role.INSTITUTION)
async def withdraw(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    try:
        await transfers.withdraw(
            services.database, services.clock, viewer(request), path_id(request, "transfer")
        )
    except Conflict as error:
        raise _back(error.sentence, "bad") from None
    raise _back("已撤回调入申请。")


ROUTES = [
    web.get(_LIST, show_list),
    web.post(_LIST, ask),
    web.post(_LIST + "/{transfer}/agreement", agree),
    web.post(_LIST + "/{transfer}/refusal", refuse),
    web.post(_LIST + "/{transfer}/withdrawal", withdraw),
]
