"""在线学习: the banks, the set, its answers."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from exam_service.accounts.model import Role
from exam_service.errors import Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import form_fields, json_body, path_id
from exam_service.keys import SERVICES, viewer
from exam_service.practice import usecases
from exam_service.practice.model import SET_SIZE
from exam_service.questions.model import image_entry


class AnswerBody(BaseModel):
    item: UUID
    option: UUID


class RevealBody(BaseModel):
    item: UUID


@allow(Role.PHYSICIAN)
async def choose_bank(request: web.Request) -> web.Response:
    counts = await usecases.banks(request.app[SERVICES].database, viewer(request))
    rows = [
        {
            "id": count.bank.id,
            "title": count.bank.title,
            "count": count.items,
            "text": f"每次随机抽取{min(SET_SIZE, count.items)}题",
        }
        for count in counts
    ]
    return render(request, "practice/choose.html", {"banks": rows})


@allow(Role.PHYSICIAN)
async def begin(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    try:
        bank_id = UUID(form.get("bank", ""))
    except ValueError:
        raise Invalid("请选择一个题库。", code="no_bank") from None
    set_id = await usecases.begin(services.database, services.clock, viewer(request), bank_id)
    raise web.HTTPSeeOther(f"/practice/sets/{set_id}")


@allow(Role.PHYSICIAN)
async def show_set(request: web.Request) -> web.Response:
    set_id = path_id(request, "set")
    title = await usecases.title_of_set(request.app[SERVICES].database, viewer(request), set_id)
    return render(request, "practice/set.html", {"set_id": set_id, "title": title})


@allow(Role.PHYSICIAN)
async def show_set_items(request: web.Request) -> web.Response:
    opened = await usecases.open_set(request.app[SERVICES].database, viewer(request), path_id(request, "set"))
    response = web.json_response(
        {
            "title": opened.title,
            "items": [
                {
                    "id": str(item.id),
                    "stem": item.stem,
                    "options": [{"id": str(option.id), "text": option.text} for option in item.options],
                    **image_entry(item),
                }
                for item in opened.items
            ],
            "answers": {
                str(item_id): {"option": str(given.option_id), "right": given.right}
                for item_id, given in opened.given.items()
            },
        }
    )
    response.enable_compression()
    return response


@allow(Role.PHYSICIAN)
async def answer(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await json_body(request, AnswerBody)
    right = await usecases.answer(
        services.database,
        services.clock,
        viewer(request),
        path_id(request, "set"),
        item_id=body.item,
        option_id=body.option,
    )
    return web.json_response({"right": right})


@allow(Role.PHYSICIAN)
async def reveal(request: web.Request) -> web.Response:
    body = await json_body(request, RevealBody)
    solution = await usecases.reveal(
        request.app[SERVICES].database, viewer(request), path_id(request, "set"), body.item
    )
    return web.json_response({"key": str(solution.key_id), "explanation": solution.explanation})


ROUTES = [
    web.get("/practice", choose_bank),
    web.post("/practice", begin),
    web.get("/practice/sets/{set}.json", show_set_items),
    web.get("/practice/sets/{set}", show_set),
    web.post("/practice/sets/{set}/answers", answer),
    web.post("/practice/sets/{set}/reveal", reveal),
]
