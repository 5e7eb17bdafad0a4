"""From what was typed on the page of a request to the form with it. Pure."""

from __future__ import annotations

from exam_service.cycles.policy import Policy
from exam_service.registration.form.answers import (
    Answers,
    EntryList,
    Problems,
    entries_of,
    entry_lists,
    read_entry,
    typed_entry,
    with_answers,
    with_entry,
    without_entry,
)
from exam_service.registration.form.fields import Step
from exam_service.registration.form.model import Form
from exam_service.registration.modifications.model import changeable


def lists_of(policy: Policy) -> list[EntryList]:
    """The lists that may be changed."""
    fields = changeable(policy)
    return [each for each in entry_lists(policy).values() if each.field in fields]


def answered(old: Form, policy: Policy, answers: Answers) -> tuple[Form, Problems]:
    """The form with what was typed into the fields that may be changed, and what couldn't be understood."""
    fields = changeable(policy)
    sent = {name: values for name, values in answers.items() if name in fields}
    new, found = old, Problems()
    for step in (Step.BASIC, Step.PRACTICE):
        new, wrong = with_answers(new, step, sent)
        found |= wrong
    for entry_list in lists_of(policy):
        new, wrong = with_list(new, entry_list, answers)
        found |= wrong
    return new, found


def with_list(old: Form, entry_list: EntryList, answers: Answers) -> tuple[Form, Problems]:
    """The form with a list as the page sent it.

    A list sends the ids of its entries as ``entry.<list>``, each input as ``<list>.<id>.<input>``, and
    ``remove.<list>`` with the ids of those to be left out. A new entry in which nothing was typed is none.
    """
    new, found = old, Problems()
    known = {each.id: typed_entry(each) for each in entries_of(old, entry_list)}
    removed = set(answers.get(f"remove.{entry_list.name}", ()))
    for entry_id in dict.fromkeys(answers.get(f"entry.{entry_list.name}", ())):
        prefix = f"{entry_list.name}.{entry_id}."
        typed = {each.name: answers.get(prefix + each.name, ()) for each in entry_list.fields}
        if entry_id in removed:
            new = without_entry(new, entry_list, entry_id)
            continue
        if entry_id not in known and not any(value.strip() for values in typed.values() for value in values):
            continue
        if entry_id in known and all("".join(typed[name]) == known[entry_id][name] for name in typed):
            continue  # as it was, whatever may be chosen today
        entry, wrong = read_entry(entry_list, entry_id, typed)
        found |= {prefix + name: sentence for name, sentence in wrong.items()}
        if not wrong:
            new = with_entry(new, entry_list, entry)
    if len(entries_of(new, entry_list)) > entry_list.most:
        found[entry_list.field] = f"{entry_list.title}最多{entry_list.most}项，请删减后再提交。"
    return new, found
