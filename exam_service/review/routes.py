"""成绩确认: the body's list, one attempt with its snapshots, the decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.papers.model import State, mark_text
from exam_service.proctor.judgement import FINDING_LABELS, Finding
from exam_service.proctor.model import VERDICT_LABELS, Check, Purpose, Verdict
from exam_service.review import usecases
from exam_service.review.model import Decision, Gap, ListedAttempt, Tab
from exam_service.review.usecases import Dossier, ListPage

_KINDS: Mapping[Verdict, str] = {
    Verdict.MATCH: "good",
    Verdict.UNSURE: "warn",
    Verdict.MISMATCH: "bad",
    Verdict.NO_FACE: "warn",
    Verdict.SEVERAL_FACES: "bad",
    Verdict.DARK: "warn",
    Verdict.BLURRED: "warn",
    Verdict.TOO_SMALL: "warn",
    Verdict.CUT_OFF: "warn",
    Verdict.TURNED_AWAY: "warn",
    Verdict.REPLAYED: "bad",
    Verdict.UNUSABLE: "warn",
}
_FLAGGED = tuple(verdict for verdict in Verdict if verdict is not Verdict.MATCH)


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _clock_time(moment: datetime | None, pattern: str = "%Y-%m-%d %H:%M") -> str:
    return in_china(moment).strftime(pattern) if moment else "—"


def _length(length: timedelta) -> str:
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    return f"{minutes}分{seconds:02}秒" if minutes else f"{seconds}秒"


@allow(Role.BODY)
async def show_list(request: web.Request) -> web.Response:
    tab = Tab.ALL if request.query.get("tab") == Tab.ALL else Tab.AWAITING
    page = await usecases.list_attempts(
        request.app[SERVICES], viewer(request), tab, _cursor(request.query.get("cursor"))
    )
    return render(
        request,
        "review/list.html",
        {
            "tab": tab.value,
            "rows": [_row(page, row) for row in page.rows],
            "counts": page.counts,
            "next_cursor": str(page.next_cursor) if page.next_cursor else None,
        },
    )


def _row(page: ListPage, row: ListedAttempt) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "masked_number": page.masked_numbers[row.id],
        "institution": row.institution,
        "paper": f"{page.labels[row.id]}（第{row.ordinal}次）",
        "mark": None if row.mark is None else mark_text(row.mark),
        "result_label": _result_label(row.passed, awaits=row.awaits_confirmation),
        "handed_in": _clock_time(row.handed_in_at),
        "flags": [
            f"{VERDICT_LABELS[verdict]} {row.verdicts[verdict]}"
            for verdict in _FLAGGED
            if row.verdicts.get(verdict)
        ],
        "state_label": _state_label(row.state, awaits=row.awaits_confirmation),
    }


def _result_label(passed: bool | None, *, awaits: bool) -> str:  # noqa: FBT001
    if passed is None:
        return "未评分"
    if awaits:
        return "达到分数线" if passed else "未达分数线"
    return "合格" if passed else "不合格"


def _state_label(state: State, *, awaits: bool) -> str:
    if awaits:
        return "待评定"
    return {
        State.MARKED: "已出成绩",
        State.CONFIRMED: "已评定",
        State.TERMINATED: "已终止",
        State.VOID: "已作废",
        State.CLOSING: "正在收卷",
        State.CLOSED: "正在收卷",
    }.get(state, "测评中")


@allow(Role.BODY)
async def show_attempt(request: web.Request) -> web.Response:
    dossier = await usecases.dossier(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    return _dossier_page(request, dossier, {"result": "", "note": ""}, None)


def _dossier_page(
    request: web.Request, dossier: Dossier, form: Mapping[str, str], error: str | None, status: int = 200
) -> web.Response:
    attempt = dossier.attempt
    awaits = attempt.awaits_confirmation
    counted = Counter(check.verdict for check in dossier.checks if check.purpose is Purpose.PAPER)
    return render(
        request,
        "review/attempt.html",
        {
            "attempt": {
                "id": attempt.id,
                "watched": attempt.watched,
                "name": dossier.name,
                "paper": f"{dossier.label}（第{attempt.ordinal}次）",
                "masked_number": dossier.masked_number,
                "institution": dossier.institution,
                "mark": None if attempt.mark is None else mark_text(attempt.mark),
                "result_label": _result_label(attempt.passed, awaits=awaits),
                "started": _clock_time(attempt.admitted_at),
                "handed_in": _clock_time(attempt.handed_in_at or attempt.closed_at),
                "state_label": _state_label(attempt.state, awaits=awaits),
            },
            "summary": [
                {"kind": _KINDS[verdict], "label": VERDICT_LABELS[verdict], "count": counted[verdict]}
                for verdict in Verdict
                if counted[verdict]
            ],
            "legend": _legend(request, dossier.checks),
            "findings": [_finding(finding) for finding in dossier.findings],
            "snapshots": _snapshots(attempt.id, dossier.checks),
            "gaps": [_gap(gap) for gap in dossier.gaps],
            "decision": _decision(dossier.decision),
            "may_decide": awaits,
            "form": form,
            "error": error,
        },
        status=status,
    )


def _legend(request: web.Request, checks: Sequence[Check]) -> str:
    """How to read the pictures: which are kept, and what a distance says."""
    every = request.app[SERVICES].settings.keep_every_nth_match
    kept = f"比对为本人的画面随机留存约{every}分之一，有提示的画面及其前后均留存，重复的画面只留部分。"
    if not checks:
        return kept
    thresholds = checks[-1].thresholds
    return (
        f"{kept}距离越小越像：不超过{thresholds.match:g}判为本人，"
        f"达到{thresholds.mismatch:g}判为疑似他人，两者之间为不确定。"
    )


def _finding(finding: Finding) -> dict[str, str]:
    began, ended = (_clock_time(time, "%H:%M:%S") for time in (finding.began_at, finding.ended_at))
    return {
        "label": FINDING_LABELS[finding.kind],
        "time": f"{began} 至 {ended}",
        "frames": f"{finding.frames}张",
    }


def _snapshots(attempt_id: UUID, checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [
        {
            "url": f"/review/{attempt_id}/snapshots/{check.id}",
            "time": _clock_time(check.received_at, "%H:%M:%S"),
            "verdict_label": VERDICT_LABELS[check.verdict],
            "verdict_kind": _KINDS[check.verdict],
            "distance": None if check.distance is None else f"{check.distance:.2f}",
            "note": _note(check),
        }
        for check in checks
        if check.evidence_id is not None
    ]


_NOTES = {Purpose.CHECK: "身份核验", Purpose.TAKEOVER: "换设备核验"}


def _note(check: Check) -> str | None:
    if check.enrolled:
        return "首次核验，作为比对照片（演示）"
    return _NOTES.get(check.purpose)


def _gap(gap: Gap) -> dict[str, str]:
    began, ended = (_clock_time(time, "%H:%M:%S") for time in (gap.began_at, gap.ended_at))
    return {"time": f"{began} 至 {ended}", "length": _length(gap.ended_at - gap.began_at)}


def _decision(decision: Decision | None) -> dict[str, str] | None:
    if decision is None:
        return None
    return {
        "kind": "good" if decision.passed else "bad",
        "label": "合格" if decision.passed else "不合格",
        "by": decision.decided_by,
        "at": _clock_time(decision.decided_at),
        "note": decision.note,
    }


@allow(Role.BODY)
async def show_snapshot(request: web.Request) -> web.Response:
    picture = await usecases.snapshot(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        path_id(request, "check"),
    )
    return web.Response(body=picture, content_type="image/jpeg")


@allow(Role.BODY)
async def decide(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    form = await form_fields(request)
    try:
        if form.get("result") not in {"pass", "fail"}:
            raise Invalid("请选择合格或不合格。", code="no_result")
        await usecases.confirm(
            services,
            viewer(request),
            attempt_id,
            passed=form["result"] == "pass",
            note=form.get("note", "").strip(),
        )
    except (Invalid, Conflict) as error:
        dossier = await usecases.dossier(services, viewer(request), attempt_id)
        shown = {"result": form.get("result", ""), "note": form.get("note", "")}
        return _dossier_page(request, dossier, shown, error.sentence, status_of(error))
    response = web.HTTPSeeOther("/review")
    flash(response, "good", "评定已保存，医师现在可以看到结果。")
    raise response


ROUTES = [
    web.get("/review", show_list),
    web.get("/review/{attempt}", show_attempt),
    web.post("/review/{attempt}/decision", decide),
    web.get("/review/{attempt}/snapshots/{check}", show_snapshot),
]
