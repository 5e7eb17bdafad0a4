"""What every template keeps to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
_BY_ADDRESS = re.compile(r'<form[^>]*method="get".*?</form>', re.DOTALL)


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_form_puts_an_identity_number_into_an_address(template: Path) -> None:
    """Addresses are kept: by browsers, by proxies in their logs, in the ``next`` of a login."""
    for form in _BY_ADDRESS.findall(template.read_text(encoding="utf-8")):
        assert not re.search(r'name="(number|mobile)"', form)
        assert "证件号码" not in form
