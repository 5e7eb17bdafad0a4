"""What a browser carries from one step of a way in to the next: sealed, so that it can't be read or changed.

No row waits for people who never come back, and any node opens it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from exam_service.crypto.derive import derive_key
from exam_service.crypto.envelope import BadEnvelope, DataKey, open_envelope, seal
from exam_service.settings import Settings

_KEY_ID = UUID(int=0)
_NAMESPACE = UUID("0192f3c1-7a50-7c1e-8d1a-5b6d2f9f3c11")


def _key(settings: Settings) -> DataKey:
    return DataKey(_KEY_ID, derive_key(settings.key("master_key"), "tickets"))


def seal_ticket(
    settings: Settings, kind: str, facts: Mapping[str, str], *, now: datetime, lasts: timedelta
) -> str:
    """A text for a cookie or an address; ``kind`` says which step may open it."""
    body = json.dumps({"until": (now + lasts).timestamp(), "facts": dict(facts)}).encode()
    return base64.urlsafe_b64encode(seal(_key(settings), body, uuid5(_NAMESPACE, kind))).decode()


def open_ticket(settings: Settings, kind: str, text: str, *, now: datetime) -> dict[str, str] | None:
    """What :func:`seal_ticket` put in; ``None`` when it is not ours, of another kind, or too old."""
    try:
        envelope = base64.urlsafe_b64decode(text.encode("ascii"))
        body = json.loads(open_envelope(_key(settings), envelope, uuid5(_NAMESPACE, kind)))
    except (ValueError, BadEnvelope):
        return None
    facts: dict[str, str] = body["facts"]
    return facts if now.timestamp() < body["until"] else None
