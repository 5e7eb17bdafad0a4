"""Start a paper, be admitted, answer, hand in; what is over is closed and marked.

Locks come first: whoever changes an attempt holds its row, and of several the ones with lower ids first. The
state is rechecked under the lock. Other features import from here only.
"""

from exam_service.papers.usecases.admission import admit, notice, offers, start
from exam_service.papers.usecases.answers import save_answer
from exam_service.papers.usecases.attempts import attempt_for_body, label_of, own_attempt
from exam_service.papers.usecases.sitting import (
    OpenPaper,
    answers_of,
    be_present,
    confirm,
    hand_in,
    result,
    take_lease,
)
from exam_service.papers.usecases.sweep import close_due

__all__ = [
    "OpenPaper",
    "admit",
    "answers_of",
    "attempt_for_body",
    "be_present",
    "close_due",
    "confirm",
    "hand_in",
    "label_of",
    "notice",
    "offers",
    "own_attempt",
    "result",
    "save_answer",
    "start",
    "take_lease",
]
