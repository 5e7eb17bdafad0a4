"""考核周期: which there are, opening one, changing its days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.model import Cycle, days
from exam_service.cycles.plan import Plan, plan_of, read_plan, typed
from exam_service.cycles.policy import STAGE_LABELS, Policy, Stage
from exam_service.cycles.summary import summary
from exam_service.cycles.usecases import opening
from exam_service.errors import BadFields
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer

_OPTIONAL = frozenset({Stage.BODY_APPLICATIONS})
_HINTS = {
    Stage.BODY_APPLICATIONS: "单位申请成为本周期考核机构。不接受申请的，不填。",
    Stage.REVIEW: "医疗卫生机构审核、考核机构复核。被驳回的医师在此期间可以更正后重新提交。",
}


def _rows(policy: Policy) -> list[dict[str, object]]:
    """The pairs of days that the form asks for."""
    own = {Stage.EXEMPTION_APPLICATIONS, Stage.EXEMPTION_REVIEW}
    asked = [stage for stage in Stage if policy.exemption.own_stage or stage not in own]
    rows: list[dict[str, object]] = [
        {
            "name": stage.value,
            "label": STAGE_LABELS[stage],
            "hint": _HINTS.get(stage, ""),
            "required": stage not in _OPTIONAL,
        }
        for stage in asked
    ]
    rows.append({"name": "tests", "label": "测评", "hint": "", "required": True})
    hint = "考核机构在此期间内开放补考轮次，可以以后再填。"
    rows.append({"name": "makeup", "label": "补考", "hint": hint, "required": False})
    return rows


def _stages(cycle: Cycle, now: datetime) -> list[dict[str, object]]:
    """The days of a cycle with which of them are going on."""
    rows = [
        (STAGE_LABELS[stage], days(*cycle.stages[stage]), cycle.stage_is_open(stage, now))
        for stage in Stage
        if stage in cycle.stages
    ]
    rows.append(("测评", cycle.window(), cycle.tests_are_open(now)))
    plan = plan_of(cycle)
    if plan.makeup:
        rows.append(("补考", days(*plan.makeup), cycle.makeup_is_open(now)))
    return [{"label": label, "window": window, "is_open": is_open} for label, window, is_open in rows]


@allow(Role.AUTHORITY)
async def show_cycles(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    now = services.clock.now()
    found = await opening.cycles_of(services, viewer(request))
    return render(
        request,
        "cycles/list.html",
        {
            "rows": [
                {
                    "id": cycle.id,
                    "title": cycle.title,
                    "policy": cycle.policy.name,
                    "tests": cycle.window(),
                    "open": [row["label"] for row in _stages(cycle, now) if row["is_open"]],
                }
                for cycle in found
            ]
        },
    )


@allow(Role.AUTHORITY)
async def show_new(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    choices = opening.presets(services, viewer(request))
    chosen = request.query.get("preset", choices[0].name)
    try:
        policy = opening.preset(services, chosen)
    except BadFields as error:
        return _choose_again(request, choices, error)
    proposed = typed(Plan("", policy.stages, None, None))
    return _new_page(request, choices, policy, proposed, None)


def _choose_again(request: web.Request, choices: list[opening.Choice], error: BadFields) -> web.Response:
    context = {"presets": choices, "policy": None, "chosen": "", "problems": error.problems}
    return render(request, "cycles/new.html", context, status=status_of(error))


def _new_page(
    request: web.Request,
    choices: list[opening.Choice],
    policy: Policy,
    form: Mapping[str, str],
    error: BadFields | None,
) -> web.Response:
    return render(
        request,
        "cycles/new.html",
        {
            "presets": choices,
            "chosen": policy.name,
            "chosen_title": policy.labels["preset"],
            "policy": summary(policy),
            "rows": _rows(policy),
            "typed": form,
            "problems": error.problems if error else {},
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def open_cycle(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    choices = opening.presets(services, viewer(request))
    name = form.get("preset", "")
    try:
        policy = opening.preset(services, name)
    except BadFields as error:
        return _choose_again(request, choices, error)
    try:
        cycle = await opening.open_planned(services, viewer(request), name, read_plan(form))
    except BadFields as error:
        return _new_page(request, choices, policy, form, error)
    response = web.HTTPSeeOther(f"/authority/cycles/{cycle.id}")
    flash(response, "good", "考核周期已建立。接下来请分配各医疗卫生机构的考核机构。")
    raise response


@allow(Role.AUTHORITY)
async def show_cycle(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    page = await opening.overview(services, viewer(request), path_id(request, "cycle"))
    return render(
        request,
        "cycles/cycle.html",
        {
            "cycle": page.cycle,
            "stages": _stages(page.cycle, services.clock.now()),
            "policy": summary(page.cycle.policy),
            "bodies": page.bodies,
            "unassigned": page.unassigned,
            "before": page.before.title if page.before else None,
        },
    )


@allow(Role.AUTHORITY)
async def show_plan(request: web.Request) -> web.Response:
    page = await opening.overview(request.app[SERVICES], viewer(request), path_id(request, "cycle"))
    return _plan_page(request, page.cycle, typed(plan_of(page.cycle)), None)


def _plan_page(
    request: web.Request, cycle: Cycle, form: Mapping[str, str], error: BadFields | None
) -> web.Response:
    return render(
        request,
        "cycles/plan.html",
        {
            "cycle": cycle,
            "rows": _rows(cycle.policy),
            "typed": form,
            "problems": error.problems if error else {},
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def change_plan(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    cycle_id = path_id(request, "cycle")
    try:
        await opening.change_plan(services, viewer(request), cycle_id, read_plan(form))
    except BadFields as error:
        page = await opening.overview(services, viewer(request), cycle_id)
        return _plan_page(request, page.cycle, form, error)
    response = web.HTTPSeeOther(f"/authority/cycles/{cycle_id}")
    flash(response, "good", "考核安排已保存，医师首页随即按新的日期显示。")
    raise response


@allow(Role.AUTHORITY)
async def carry_over(request: web.Request) -> web.Response:
    cycle_id = path_id(request, "cycle")
    count = await opening.carry_over(request.app[SERVICES], viewer(request), cycle_id)
    response = web.HTTPSeeOther(f"/authority/cycles/{cycle_id}")
    flash(response, "good", f"已沿用上一周期的考核机构，{count}家医疗卫生机构已分配。")
    raise response


ROUTES = [
    web.get("/authority/cycles", show_cycles),
    web.get("/authority/cycles/new", show_new),
    web.post("/authority/cycles", open_cycle),
    web.get("/authority/cycles/{cycle}", show_cycle),
    web.get("/authority/cycles/{cycle}/plan", show_plan),
    web.post("/authority/cycles/{cycle}/plan", change_plan),
    web.post("/authority/cycles/{cycle}/carried-over", carry_over),
]
