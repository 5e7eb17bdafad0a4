"""Read what reviewers send."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from multidict import MultiDictProxy

from exam_service.errors import Invalid
from exam_service.registration.reviewing.model import Ratings
from exam_service.registration.reviewing.routes.shown import read_grade
from exam_service.registration.reviewing.usecases import Basis

Form = MultiDictProxy[str | bytearray | bytes | web.FileField]


def text_of(form: Form, name: str) -> str:
    """A text as it was typed, trimmed; nothing where there is none."""
    value = form.get(name, "")
    return value.replace("\0", "").replace("\r\n", "\n").strip() if isinstance(value, str) else ""


def texts_of(form: Form, name: str) -> list[str]:
    """All values of a field, such as check boxes that were ticked."""
    return [value for value in form.getall(name, []) if isinstance(value, str)]


def ids_of(form: Form, name: str) -> list[UUID]:
    """Ids of rows that were chosen; what is none is left out."""
    found = []
    for text in texts_of(form, name):
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def basis_of(form: Form) -> Basis:
    """What the page was made of.

    Raises:
        Invalid: It doesn't say.
    """
    return parse_basis(text_of(form, "basis"))


def parse_basis(text: str) -> Basis:
    """What :func:`basis_text` wrote.

    Raises:
        Invalid: It is something else.
    """
    submission, _, review = text.partition("~")
    try:
        return Basis(UUID(submission), UUID(review) if review else None)
    except ValueError:
        raise Invalid("没有收到要处理的内容，请刷新页面后重试。", code="bad_basis") from None


def basis_text(basis: Basis) -> str:
    return f"{basis.submission_id}~{basis.review_id or ''}"


def ratings_of(form: Form) -> Ratings:
    """The ratings that were chosen.

    Raises:
        Invalid: One of them wasn't.
    """
    answers = {}
    for name in ("quantity", "quality", "task", "ethics"):
        chosen = text_of(form, name)
        if chosen not in {"yes", "no"}:
            raise Invalid("请对工作成绩各项和职业道德逐项评定合格或不合格。", code="unrated")
        answers[name] = chosen == "yes"
    grade = read_grade(text_of(form, "grade"))
    if grade is None:
        raise Invalid("请选择医德医风等次。", code="unrated")
    return Ratings(
        answers["quantity"],
        answers["quality"],
        answers["task"],
        grade,
        answers["ethics"],
        tuple(dict.fromkeys(texts_of(form, "misconduct"))),
    )
