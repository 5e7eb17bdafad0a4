"""Send frames, be checked, take a paper over, look at what was seen. Other features import from here only."""

from exam_service.proctor.identification import message_of
from exam_service.proctor.usecases.by_person import (
    Pictures,
    ask_recheck,
    decide,
    give_tries,
    hand_over_rechecks,
    identity_of,
    pictures_of,
    waiting_for_person,
)
from exam_service.proctor.usecases.evidence import (
    checks_of,
    checks_of_attempts,
    snapshot,
    streams_of,
)
from exam_service.proctor.usecases.identity import (
    CheckPage,
    check_and_admission,
    check_page,
    check_status,
    recheck_is_open,
)
from exam_service.proctor.usecases.rehearsal import (
    RehearsalPage,
    RehearsalPass,
    rehearsal_page,
    rehearsal_pass,
)
from exam_service.proctor.usecases.streaming import (
    FRAME,
    FrameQueue,
    OpenStream,
    Throttle,
    check_frame,
    check_pace,
    close_stream,
    enqueue_frame,
    open_rehearsal,
    open_stream,
    still_wanted,
    topic,
    wall_topic,
)
from exam_service.proctor.usecases.takeover import (
    TakeoverPage,
    take_over_unverified,
    takeover_page,
)
from exam_service.proctor.usecases.thresholds import (
    set_thresholds,
    threshold_history,
    thresholds_for,
)
from exam_service.proctor.usecases.wall import (
    Outlook,
    Outlooks,
    Picture,
    newest_picture,
)

__all__ = [
    "FRAME",
    "CheckPage",
    "FrameQueue",
    "OpenStream",
    "Outlook",
    "Outlooks",
    "Picture",
    "Pictures",
    "RehearsalPage",
    "RehearsalPass",
    "TakeoverPage",
    "Throttle",
    "ask_recheck",
    "check_and_admission",
    "check_frame",
    "check_pace",
    "check_page",
    "check_status",
    "checks_of",
    "checks_of_attempts",
    "close_stream",
    "decide",
    "enqueue_frame",
    "give_tries",
    "hand_over_rechecks",
    "identity_of",
    "message_of",
    "newest_picture",
    "open_rehearsal",
    "open_stream",
    "pictures_of",
    "recheck_is_open",
    "rehearsal_page",
    "rehearsal_pass",
    "set_thresholds",
    "snapshot",
    "still_wanted",
    "streams_of",
    "take_over_unverified",
    "takeover_page",
    "threshold_history",
    "thresholds_for",
    "topic",
    "waiting_for_person",
    "wall_topic",
]
