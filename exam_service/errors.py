"""What can go wrong, in the words of the people it happens to.

Every error that a user may see is a :class:`DomainError`: a code for programs, one Chinese sentence that says
what to do next, and fields for the log. Its *kind* (one of the subclasses here) decides the HTTP answer, so
that features name their errors without knowing HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """A refusal that is part of the domain, not a defect.

    Attributes:
        code: Stable name for programs, such as ``lease_lost``.
        sentence: One Chinese sentence for the person, saying what to do next.
        fields: Names and values for the log; never an identity number or a secret.
        way: What leads on from here, as a label and a path of this service; besides the home page.
    """

    default_code: ClassVar[str] = "refused"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        way: tuple[str, str] | None = None,
        **fields: object,
    ) -> None:
        super().__init__(sentence)
        self.way = way
        self.code = code or self.default_code
        self.sentence = sentence
        self.fields = fields

    def __str__(self) -> str:
        facts = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.code}: {self.sentence}" + (f" ({facts})" if facts else "")


class Invalid(DomainError):
    """The input can't be taken as it is; the sentence says what to mend."""

    default_code = "invalid"


class BadFields(Invalid):
    """Fields of a form that can't be taken as they are.

    Attributes:
        problems: What to mend, by the name of the field; a page shows each at its place.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("有内容需要更正，请查看标出的地方。", code="bad_fields", wrong=", ".join(problems))
        self.problems = dict(problems)


class LoginRequired(DomainError):
    """Nobody is logged in, or the session has ended."""

    default_code = "login_required"


class Forbidden(DomainError):
    """The person is known, and this is not theirs to do."""

    default_code = "forbidden"


class NotFound(DomainError):
    """It doesn't exist, or not in the scope of whoever asks: the two look the same on purpose."""

    default_code = "not_found"


class Conflict(DomainError):
    """The state of things does not allow it (any more)."""

    default_code = "conflict"


class TooMany(DomainError):
    """Throttled. ``retry_after`` is in seconds."""

    default_code = "too_many"

    def __init__(self, sentence: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(sentence, code=code, retry_after=round(retry_after, 1))
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part of the service is away; nothing was stored, and the same request may be sent again."""

    default_code = "unavailable"


class Misconfigured(Exception):
    """The service must not start like this; the message names the setting and says what to do."""


class IllegalMove(Exception):
    """A state machine was asked for a move that its table does not list: always a defect of the caller."""

    def __init__(self, machine: str, row_id: object, from_state: str, to_state: str) -> None:
        super().__init__(f"{machine} {row_id}: {from_state} → {to_state} is not in the transition table")
