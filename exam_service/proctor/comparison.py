"""Two pictures compared outside any examination, for operators who try thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exam_service.errors import Misconfigured
from exam_service.proctor.model import Thresholds, verdict_of
from exam_service.proctor.verifier import Verifier
from exam_service.settings import Settings, configured


class NoFace(ValueError):
    """One of the pictures shows no face."""


def thresholds_outside_service() -> Thresholds:
    """The configured thresholds or the shipped ones; needs no other setting.

    Raises:
        Misconfigured: One is no number.
    """
    return Thresholds(_number("match_threshold"), _number("mismatch_threshold"))


def _number(name: str) -> float:
    said = configured(name)
    try:
        return float(Settings.model_fields[name].default if said is None else said)
    except ValueError:
        raise Misconfigured(f"EXAM_{name.upper()} is {said!r}, which is no number") from None


def compare_pictures(a: bytes, b: bytes, models: Path) -> dict[str, Any]:
    """Compare the largest faces of two pictures (JPEG or PNG bytes).

    Returns:
        ``distance`` (in the recogniser's metric), ``verdict``, ``faces`` (in a, in b), ``model``.

    Raises:
        NoFace: Nobody is seen in one of them.
        UnreadableImage: One is no picture.
        BadRecogniser: The one of ``EXAM_RECOGNISER`` can't be used.
    """
    own = configured("recogniser")
    verifier = Verifier(models, Path(own) if own else None)
    one, other = verifier.read_photo(a), verifier.read_photo(b)
    if one.embedding is None or other.embedding is None:
        which = "first" if one.embedding is None else "second"
        raise NoFace(f"no face in the {which} picture")
    apart = verifier.distance(one.embedding, other.embedding)
    return {
        "distance": round(apart, 6),
        "verdict": verdict_of(1, apart, thresholds_outside_service()).value,
        "faces": [one.faces, other.faces],
        "model": verifier.model,
    }
