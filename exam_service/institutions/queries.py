from __future__ import annotations

from exam_service.storage.statements import Statements

SQL = Statements("exam_service.institutions")
