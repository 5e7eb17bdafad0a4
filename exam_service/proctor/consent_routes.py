"""Consent to the processing of one's face, its withdrawal, and 我的人脸信息: what is held, until when.

Who consents and when is kept by ``accounts``; the pages are here, because the periods they tell
are those that the purge follows.
"""

from __future__ import annotations

from datetime import date, datetime

from aiohttp import web

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import (
    FACE_CONSENT_COLLECTED,
    FACE_CONSENT_PROCESSOR,
    FACE_CONSENT_PURPOSES,
    FACE_CONSENT_RIGHTS,
    FACE_CONSENT_VERSION,
    ConsentRecord,
    ConsentState,
    Role,
)
from exam_service.clock import in_china
from exam_service.errors import Conflict
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, local_path
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.proctor import usecases
from exam_service.proctor.periods import KIND_LABELS, WHY_LABELS, Kind, retention_text

_RECORD_LABELS = {
    ConsentState.GIVEN: ("good", "已同意"),
    ConsentState.DECLINED: ("muted", "不同意"),
    ConsentState.WITHDRAWN: ("muted", "已撤回"),
}


def _time(moment: datetime | None) -> str | None:
    return f"{in_china(moment):%Y-%m-%d %H:%M}" if moment else None


def _record(record: ConsentRecord) -> dict[str, str | None]:
    kind, label = _RECORD_LABELS[record.state]
    return {
        "kind": kind,
        "label": label,
        "version": record.version,
        "given": _time(record.given_at),
        "declined": _time(record.declined_at),
        "withdrawn": _time(record.withdrawn_at),
    }


@allow(Role.PHYSICIAN)
async def show_consent(request: web.Request) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    async with services.database.tx() as tx:
        given = await accounts.has_face_consent(tx, principal.account_id)
        records = await accounts.consent_records(tx, principal.account_id)
        periods = await usecases.periods_for(tx, principal)
    own = await papers.alternative.own_sitting(services, principal)
    return render(
        request,
        "accounts/consent.html",
        {
            "given": given,
            "sits_watched": own.sitting is not None,
            "version": FACE_CONSENT_VERSION,
            "processor": FACE_CONSENT_PROCESSOR,
            "purposes": FACE_CONSENT_PURPOSES,
            "collected": FACE_CONSENT_COLLECTED,
            "retention": retention_text(periods),
            "rights": FACE_CONSENT_RIGHTS,
            "records": [_record(record) for record in records],
            "next": local_path(request.query.get("next"), "/papers"),
            "asked_by": local_path(request.query.get("next"), ""),
        },
    )


@allow(Role.PHYSICIAN)
async def give_consent(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    await accounts.give_face_consent(
        services.database, services.clock, viewer(request), version=form.get("version", "")
    )
    raise web.HTTPSeeOther(local_path(form.get("next"), "/papers"))


@allow(Role.PHYSICIAN)
async def decline_consent(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    await accounts.decline_face_consent(
        services.database, services.clock, services.signals, viewer(request), version=form.get("version", "")
    )
    asked_by = local_path(form.get("next"), "")
    words = "已记录您不同意采集人脸信息，考核资格不受影响。"
    if asked_by.startswith("/registration"):  # the paper is far off: the form goes on
        raise _back(asked_by, f"{words}照片只作为报名资料保存。")
    raise _back("/alternative", f"{words}可以在本页申请现场测评。")


@allow(Role.PHYSICIAN)
async def withdraw_consent(request: web.Request) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    await accounts.withdraw_face_consent(services.database, services.clock, services.signals, principal)
    words = "已撤回人脸采集同意，采集已停止。"
    if (await usecases.face_data(services, principal)).is_empty:
        raise _back("/home", f"{words}再次参加线上测评前需要重新同意，或申请现场测评。")
    raise _back("/face-data", f"{words}是否同时删除已保存的人脸信息？可以在本页申请。")


def _back(where: str, words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(where)
    flash(response, "good", words)
    return response


@allow(Role.PHYSICIAN)
async def show_face_data(request: web.Request) -> web.Response:
    return await _face_data_page(request)


async def _face_data_page(request: web.Request, error: Conflict | None = None) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    data = await usecases.face_data(services, principal)
    async with services.database.tx() as tx:
        periods = await usecases.periods_for(tx, principal)
    return render(
        request,
        "proctor/face_data.html",
        {
            "cycles": [
                {"title": cycle.cycle_title, "rows": [_held(held) for held in cycle.held]}
                for cycle in data.cycles
                if cycle.held
            ],
            "purges": [
                {
                    "label": KIND_LABELS[purge.kind] if purge.kind is not Kind.FRAME else "监考照片",
                    "count": purge.items,
                    "why": WHY_LABELS[purge.why],
                    "at": _time(purge.at),
                    "digest": purge.digest.hex(),
                }
                for purge in reversed(data.purges)
            ],
            "records": [_record(record) for record in data.consents],
            "request": _time(data.request.asked_at) if data.request else None,
            "is_held": data.last_due is None,
            "last_due": _day(data.last_due),
            "is_empty": data.is_empty,
            "retention": retention_text(periods),
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


def _held(held: usecases.Held) -> dict[str, object]:
    unit = "份" if held.kind is Kind.EMBEDDING else "张"
    return {"label": KIND_LABELS[held.kind], "count": f"{held.items}{unit}", "until": _day(held.due)}


def _day(due: date | None) -> str:
    if due is None:
        return "成绩确定后再计算期限"
    return "即将清除" if due == date.min else f"{due:%Y-%m-%d}清除"


@allow(Role.PHYSICIAN)
async def ask_deletion(request: web.Request) -> web.Response:
    try:
        await usecases.ask_deletion(request.app[SERVICES], viewer(request))
    except Conflict as error:
        return await _face_data_page(request, error)
    raise _back("/face-data", "已收到您的删除申请，现在可以清除的已经清除，其余的期限见本页。")


@allow(Role.PHYSICIAN)
async def withdraw_deletion(request: web.Request) -> web.Response:
    try:
        await usecases.withdraw_deletion(request.app[SERVICES], viewer(request))
    except Conflict as error:
        return await _face_data_page(request, error)
    raise _back("/face-data", "已撤回删除申请，尚未清除的按通常期限保存。")


ROUTES = [
    web.get("/consent", show_consent),
    web.post("/consent", give_consent),
    web.post("/consent/refusal", decline_consent),
    web.post("/consent/withdraw", withdraw_consent),
    web.get("/face-data", show_face_data),
    web.post("/face-data/deletion", ask_deletion),
    web.post("/face-data/deletion/withdrawal", withdraw_deletion),
]
