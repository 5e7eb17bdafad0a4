"""Watch a running session and act on it. The pages import from here only."""

from exam_service.invigilation.tiles import WallSearch
from exam_service.invigilation.usecases.session import (
    Board,
    PaperOf,
    RegistrationSheet,
    Sheet,
    list_papers,
    makeup,
    registration_sheet,
    sheet,
    sitting_now,
    watch_papers,
)
from exam_service.invigilation.usecases.wall import (
    WallPage,
    assign_duty,
    look_at_tiles,
    look_at_wall,
    open_wall,
    photo,
    picture,
    write_note,
)

__all__ = [
    "Board",
    "PaperOf",
    "RegistrationSheet",
    "Sheet",
    "WallPage",
    "WallSearch",
    "assign_duty",
    "list_papers",
    "look_at_tiles",
    "look_at_wall",
    "makeup",
    "open_wall",
    "photo",
    "picture",
    "registration_sheet",
    "sheet",
    "sitting_now",
    "watch_papers",
    "write_note",
]
