"""What the service knows already: filled in, and where the province says so not to be changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from exam_service.accounts.identity import parse_identity_number
from exam_service.cycles.form_rules import LockableField
from exam_service.cycles.policy import Policy
from exam_service.errors import Invalid
from exam_service.institutions.model import RosterDetails, RosterEntry, Sex
from exam_service.registration.form.checks import years_between
from exam_service.registration.form.model import Form, Record
from exam_service.registration.model import Registration

_FIELD_OF: Mapping[LockableField, str] = {
    LockableField.BIRTH: "basic.born_on",
    LockableField.SEX: "basic.sex",
    LockableField.QUALIFICATION_NUMBER: "practice.qualification_number",
    LockableField.PRACTISING_NUMBER: "practice.practising_number",
    LockableField.CATEGORY: "practice.category",
    LockableField.LEVEL: "practice.level",
}


@dataclass(frozen=True)
class Known:
    """What is known of a physician beside the form.

    Attributes:
        number: Of the document, as it is written.
        mobile: That is bound to the account, where one is.
        roster: ``None`` where no institution ever entered them.
        carried_good, carried_bad: Records that an earlier cycle approved.
    """

    registration: Registration
    number: str
    mobile: str | None
    roster: RosterEntry | None
    details: RosterDetails
    carried_good: tuple[Record, ...] = ()
    carried_bad: tuple[Record, ...] = ()


def prefilled(form: Form, known: Known, policy: Policy) -> Form:
    """The form with what is known: in fields that are locked, and in those that are empty."""
    locked = locked_fields(known, policy)
    values = _known_values(known)
    parts: dict[str, dict[str, Any]] = {"basic": {}, "practice": {}}
    for field, value in values.items():
        part, _, name = field.partition(".")
        if value and (field in locked or not getattr(getattr(form, part), name)):
            parts[part][name] = value
    conduct = form.conduct
    good = _carried(known.carried_good, conduct.good_records)
    bad = _carried(known.carried_bad, conduct.bad_records)
    return replace(
        form,
        basic=replace(form.basic, **parts["basic"]),
        practice=replace(form.practice, **parts["practice"]),
        conduct=replace(
            conduct,
            has_good=True if known.carried_good else conduct.has_good,
            good_records=good,
            has_bad=True if known.carried_bad else conduct.has_bad,
            bad_records=bad,
        ),
    )


def locked_fields(known: Known, policy: Policy) -> frozenset[str]:
    """Fields that come from roster and account as they are; what those don't know can be filled in."""
    values = _known_values(known)
    locked = {_FIELD_OF[each] for each in policy.form.locked} | {"basic.mobile"}
    return frozenset(field for field in locked if values[field])


def years_of_practice(form: Form, known: Known, policy: Policy, first_day: date) -> int | None:
    """Whole years from the earliest practising date that is known, up to the policy's day.

    A hint only: certificates that were exchanged show the newest registration (the manuals).

    Args:
        first_day: Of registration, for policies that name no day.
    """
    roster = known.roster
    dates = [form.practice.licensed_on]
    dates += [roster.first_registered_on, roster.licensed_on] if roster else []
    since = min((day for day in dates if day), default=None)
    return None if since is None else years_between(since, policy.form.years_until or first_day)


def _known_values(known: Known) -> dict[str, Any]:
    roster, details = known.roster, known.details
    born_on, sex = _of_number(known.number)
    return {
        "basic.born_on": born_on or (roster and roster.born_on),
        "basic.sex": (roster and roster.sex) or sex,
        "basic.mobile": known.mobile,
        "practice.department_id": roster and roster.department_id,
        "practice.level": roster.level if roster else known.registration.level,
        "practice.category": roster.category if roster else known.registration.category,
        "practice.licensed_on": roster and roster.licensed_on,
        "practice.qualification_number": details.qualification_number,
        "practice.qualified_on": details.qualified_on,
        "practice.practising_number": details.practising_number,
    }


def _of_number(number: str) -> tuple[date | None, Sex | None]:
    """Birth and sex as an identity number says (GB 11643: the 17th digit is odd for men)."""
    try:
        canonical = parse_identity_number(number).canonical
    except Invalid:
        return None, None  # a passport, say
    born_on = date(int(canonical[6:10]), int(canonical[10:12]), int(canonical[12:14]))
    return born_on, Sex.MALE if int(canonical[16]) % 2 else Sex.FEMALE


def _carried(carried: tuple[Record, ...], given: tuple[Record, ...]) -> tuple[Record, ...]:
    ids = {each.id for each in carried}
    return carried + tuple(each for each in given if each.id not in ids)
