"""Send frames, be checked, take a paper over, look at what was seen. Other features import from here only."""

from exam_service.proctor.usecases.evidence import (
    checks_of,
    snapshot,
    streams_of,
    verdict_counts,
)
from exam_service.proctor.usecases.identity import (
    CheckPage,
    check_and_admission,
    check_page,
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
    open_stream,
    still_wanted,
    topic,
)
from exam_service.proctor.usecases.takeover import (
    TakeoverPage,
    take_over_unverified,
    takeover_page,
)
from exam_service.proctor.usecases.wall import (
    Outlook,
    Outlooks,
    Picture,
    newest_picture,
    registration_photo,
    wall_topic,
)

__all__ = [
    "FRAME",
    "CheckPage",
    "FrameQueue",
    "OpenStream",
    "Outlook",
    "Outlooks",
    "Picture",
    "TakeoverPage",
    "Throttle",
    "check_and_admission",
    "check_frame",
    "check_pace",
    "check_page",
    "checks_of",
    "close_stream",
    "enqueue_frame",
    "newest_picture",
    "open_stream",
    "registration_photo",
    "snapshot",
    "still_wanted",
    "streams_of",
    "take_over_unverified",
    "takeover_page",
    "topic",
    "verdict_counts",
    "wall_topic",
]
