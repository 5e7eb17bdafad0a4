"""允许报名, 取消报名, 调离, 删除, 重置密码, 打印激活单: each a route, for one physician or for many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role, slip_groups
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.qr import qr_svg
from exam_service.http.requests import form_fields, local_path, own_address, path_id, read_form
from exam_service.http.session import flash
from exam_service.institutions.model import LEAVING, LEFT_LABELS
from exam_service.keys import SERVICES, viewer
from exam_service.registration.admission.routes.roster import LIST
from exam_service.registration.admission.usecases import acts, desk, listing
from exam_service.registration.admission.usecases.acts import Outcome


async def _ticked(request: web.Request) -> list[UUID]:
    """Ids that are none are nobody's: the roster of the institution doesn't have them."""
    form = await read_form(request)
    ids = []
    for each in form.getall("physician", []):
        try:
            ids.append(UUID(str(each)))
        except ValueError:
            raise Invalid("没有收到要办理的医师，请返回名册后重试。", code="bad_physician") from None
    return ids


async def _back_path(request: web.Request) -> str:
    target = local_path((await form_fields(request)).get("back"), LIST)
    return target if target.split("?")[0].startswith(LIST) else LIST


async def _done(
    request: web.Request, what: str, perform: Callable[[list[UUID]], Awaitable[Outcome]]
) -> web.Response:
    """Do it; with everybody: back with a word, else a page that names those with whom it couldn't be done."""
    back = await _back_path(request)
    try:
        outcome = await perform(await _ticked(request))
    except (Invalid, Conflict) as error:
        response = web.HTTPSeeOther(back)
        flash(response, "bad", error.sentence)
        raise response from None
    if outcome.refusals:
        return _outcome_page(request, what, outcome, back)
    response = web.HTTPSeeOther(back)
    if outcome.act_id is None or back.split("?")[0] != LIST:  # there the roster says it, beside 撤销
        flash(response, "good", f"已为{outcome.done}人办理“{what}”。")
    raise response


def _outcome_page(request: web.Request, what: str, outcome: Outcome, back: str) -> web.Response:
    return render(
        request,
        "admission/outcome.html",
        {
            "what": what,
            "done": outcome.done,
            "refusals": [(each.name or "名册中没有的医师", each.reason) for each in outcome.refusals],
            "act_id": outcome.act_id,
            "back": back,
        },
    )


@allow(Role.INSTITUTION)
async def admit(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return await _done(
        request,
        "允许报名",
        lambda ids: acts.admit(services.database, services.clock, viewer(request), ids),
    )


@allow(Role.INSTITUTION)
async def cancel(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return await _done(
        request,
        "取消报名",
        lambda ids: acts.cancel(services.database, services.clock, viewer(request), ids),
    )


@allow(Role.INSTITUTION)
async def leave(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    reason = (await form_fields(request)).get("reason", "")
    return await _done(
        request,
        "调离",
        lambda ids: acts.leave(services.database, services.clock, viewer(request), ids, reason=reason),
    )


@allow(Role.INSTITUTION)
async def remove(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return await _done(
        request,
        "删除",
        lambda ids: desk.remove(services.database, services.clock, services.vault, viewer(request), ids),
    )


@allow(Role.INSTITUTION)
async def reset_passwords(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return await _done(
        request,
        "重置密码",
        lambda ids: desk.reset_passwords(services.database, services.clock, viewer(request), ids),
    )


@allow(Role.INSTITUTION)
async def ask_leave(request: web.Request) -> web.Response:
    return await _ask(
        request, "调离", "departure", "医师将离开本机构名册；尚未提交报名信息的，同时退出本周期。"
    )


@allow(Role.INSTITUTION)
async def ask_remove(request: web.Request) -> web.Response:
    return await _ask(
        request,
        "删除",
        "removal",
        "只用于录入有误的医师：从未参加过考核、账号也从未激活的才能删除，删除后不能恢复。",
    )


@allow(Role.INSTITUTION)
async def ask_reset(request: web.Request) -> web.Response:
    return await _ask(
        request,
        "重置密码",
        "password-resets",
        "原密码立即失效，已登录的设备会退出。医师须凭登记的手机号或激活单重新激活账号，并自己设置新密码。"
        "绑定的手机号已停用，或不是本人的，请接着打印激活单：激活单有效期内，验证码不再发往该手机号。",
    )


async def _ask(request: web.Request, what: str, where: str, consequence: str) -> web.Response:
    back = await _back_path(request)
    try:
        names = await listing.chosen_names(
            request.app[SERVICES].database, viewer(request), await _ticked(request)
        )
    except Invalid as error:
        response = web.HTTPSeeOther(back)
        flash(response, "bad", error.sentence)
        raise response from None
    return render(
        request,
        "admission/confirm.html",
        {
            "what": what,
            "action": f"{LIST}/{where}",
            "consequence": consequence,
            "people": list(names.items()),
            "leaving": [(each.value, LEFT_LABELS[each]) for each in LEAVING] if where == "departure" else (),
            "back": back,
        },
    )


@dear
@allow(Role.INSTITUTION)
async def print_slips(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    back = await _back_path(request)
    try:
        printed = await desk.print_slips(services, viewer(request), await _ticked(request))
    except (Invalid, Conflict) as error:
        response = web.HTTPSeeOther(back)
        flash(response, "bad", error.sentence)
        raise response from None
    origin = own_address(request, services.settings.public_url)
    return render(
        request,
        "admission/slips.html",
        {
            "institution": printed.institution,
            "expires_at": printed.expires_at,
            "by_code": printed.by_code,
            "address": f"{origin}/activate/slip",
            "slips": [
                {
                    "name": each.name,
                    "number": each.masked_number,
                    "code": slip_groups(each.token),
                    "picture": qr_svg(f"{origin}/activate/slip#{each.token}", f"{each.name}的激活单"),
                }
                for each in printed.slips
            ],
            "refusals": [(each.name or "名册中没有的医师", each.reason) for each in printed.refusals],
            "back": back,
        },
    )


@allow(Role.INSTITUTION)
async def undo(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    back = await _back_path(request)
    try:
        outcome = await acts.undo(services.database, services.clock, viewer(request), path_id(request, "act"))
    except Conflict as error:
        response = web.HTTPSeeOther(back)
        flash(response, "bad", error.sentence)
        raise response from None
    if outcome.refusals:
        return _outcome_page(request, "撤销", outcome, back)
    response = web.HTTPSeeOther(back)
    flash(response, "good", f"已撤销，{outcome.done}人恢复为原来的状态。")
    raise response


ROUTES = [
    web.post(f"{LIST}/admission", admit),
    web.post(f"{LIST}/cancellation", cancel),
    web.post(f"{LIST}/departure", leave),
    web.post(f"{LIST}/departure/form", ask_leave),
    web.post(f"{LIST}/removal", remove),
    web.post(f"{LIST}/removal/form", ask_remove),
    web.post(f"{LIST}/password-resets", reset_passwords),
    web.post(f"{LIST}/password-resets/form", ask_reset),
    web.post(f"{LIST}/slips", print_slips),
    web.post(LIST + "/acts/{act}/undo", undo),
]
