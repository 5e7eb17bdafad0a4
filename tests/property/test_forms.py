"""The registration form survives its way to JSON and back, whatever is in it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from exam_service.registration.form.model import Form, parse_form


@given(st.from_type(Form))
def test_a_form_is_read_as_it_was_written(form: Form) -> None:
    written = json.dumps(form.to_json(), ensure_ascii=False)

    assert parse_form(json.loads(written)) == form


def test_a_form_of_an_earlier_version_lacks_what_came_later() -> None:
    assert parse_form({"basic": {"ethnicity": "汉族"}}).basic.ethnicity == "汉族"
    assert parse_form({}) == Form()
