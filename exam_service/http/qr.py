"""QR codes as SVG within the page: no request, no inline style."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_svg(text: str, title: str) -> Markup:
    """A QR code of ``text`` (error correction M) that takes the size its CSS class ``qr`` gives it."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(
        omitsize=True, border=4, svgclass="qr", title=title, light="#fff"
    )
    return Markup(drawn)  # noqa: S704 - segno escapes the title, and the rest are numbers
