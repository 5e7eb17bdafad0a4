"""Send frames, be checked, take a paper over, look at what was seen. Other features import from here only."""

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
)
from exam_service.proctor.usecases.streaming import (
    BURST,
    FRAME,
    FrameQueue,
    OpenStream,
    Throttle,
    check_frame,
    check_pace,
    close_stream,
    enqueue_frame,
    frame_interval,
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

__all__ = [
    "BURST",
    "FRAME",
    "CheckPage",
    "FrameQueue",
    "OpenStream",
    "TakeoverPage",
    "Throttle",
    "check_and_admission",
    "check_frame",
    "check_pace",
    "check_page",
    "checks_of",
    "checks_of_attempts",
    "close_stream",
    "enqueue_frame",
    "frame_interval",
    "open_rehearsal",
    "open_stream",
    "set_thresholds",
    "snapshot",
    "still_wanted",
    "streams_of",
    "take_over_unverified",
    "takeover_page",
    "threshold_history",
    "thresholds_for",
    "topic",
    "wall_topic",
]
