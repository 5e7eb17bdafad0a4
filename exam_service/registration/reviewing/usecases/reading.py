"""One submitted form with its pictures and decisions, and what rules say of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.crypto.envelope import data_key_id, open_envelope
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, ReviewLevel, Stage
from exam_service.errors import Conflict, NotFound
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import LICENCE_SLOT, PHOTO_SLOT, Form, Upload, parse_form
from exam_service.registration.model import Entitlement, Registration, State
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import STATES, Filter, Place, Tab
from exam_service.registration.reviewing.model import (
    AWAITING,
    Check,
    Decision,
    Doubt,
    Facts,
    Outcome,
    Ratings,
    Review,
    checklist,
    doubts,
    may_undo,
    outcome,
    self_assessed,
    ticked_beforehand,
)
from exam_service.registration.reviewing.queries import Person, Submitted
from exam_service.registration.reviewing.usecases.listing import neighbours
from exam_service.registration.reviewing.usecases.scoping import check_is_theirs, level_of, newest_scope
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault
from exam_service.wiring import Services
