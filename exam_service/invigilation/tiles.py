"""The live wall: a sitting as a tile, which tile comes first, and how often one may change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.invigilation.model import Standing
from exam_service.proctor.identification import IdentityState
from exam_service.proctor.judgement import FINDING_LABELS, Finding, weight_of
from exam_service.proctor.model import Verdict

PAGE_SIZE = 200
NO_PICTURE_AFTER = timedelta(seconds=45)
STILL_GOING = timedelta(seconds=45)
_SHOWN_FINDINGS = 2
_BAND = 10
_LOOK, _ACT = 30, 60
_OFFLINE, _NO_PICTURE, _ASKED, _AWAITED, _REFUSED, _IDENTITY = 40, 50, 60, 70, 80, 90
_GOING = 30


class WallTab(StrEnum):
    """What the wall may be narrowed to.

    ``attention`` has whatever isn't calm: what is only to be looked at (请留意) as well as what is to be
    acted on (需要处理). Hence 需要关注, which is true of both and urges nobody.
    """

    ALL = "all"
    ATTENTION = "attention"
    MINE = "mine"


WALL_TAB_LABELS: Mapping[WallTab, str] = {
    WallTab.ALL: "全部",
    WallTab.ATTENTION: "需要关注",
    WallTab.MINE: "我负责的",
}


class Level(StrEnum):
    """How much a sitting asks for a person."""

    CALM = "calm"
    LOOK = "look"
    ACT = "act"


LEVEL_LABELS: Mapping[Level, str] = {Level.CALM: "正常", Level.LOOK: "请留意", Level.ACT: "需要处理"}


IDENTITY_LABELS: Mapping[IdentityState, str] = {
    IdentityState.WAITING: "等待人工核验",
    IdentityState.REFUSED: "已判定不是本人",
}


@dataclass(frozen=True)
class WallSearch:
    """What the wall is narrowed to; ``page`` counts from 1; ``only``: no others than these."""

    tab: WallTab = WallTab.ALL
    name: str = ""
    page: int = 1
    only: frozenset[UUID] | None = None


@dataclass(frozen=True)
class Sitting:
    """A paper that is being sat, or whose physician is at the identity check.

    Attributes:
        watched: By people who are there, without a camera.
        identity: Where the face is for a person: ``waiting``, ``refused``, otherwise ``None``.
        duty_id: The account of who looks after it, ``None``: nobody in particular.
        notice_at: When the newest notice to it alone was sent; ``notice_read_at``: when 知道了 was pressed.
    """

    attempt_id: UUID
    cycle_id: UUID
    subject: Subject
    ordinal: int
    watched: bool
    name: str
    institution: str
    standing: Standing
    deadline: datetime | None
    last_seen: datetime | None
    total: int
    answered: int
    has_request: bool
    awaits_second: bool
    identity: IdentityState | None
    duty_id: UUID | None
    duty: str | None
    notice_at: datetime | None
    notice_read_at: datetime | None


@dataclass(frozen=True)
class Tile:
    """A sitting with what its camera shows.

    Attributes:
        picture_at: When the newest frame came; ``None`` before the first.
        score: Of its findings, 0 to 100.
    """

    sitting: Sitting
    picture_at: datetime | None
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    score: int
    reasons: tuple[str, ...]

    def lacks_picture(self, now: datetime) -> bool:
        """No frame for longer than a frame may take; a sitting without a camera owes none."""
        if self.sitting.watched:
            return False
        return self.picture_at is None or now - self.picture_at > NO_PICTURE_AFTER

    def urgency(self, now: datetime) -> int:
        """0 to 100: the worst of what is known, a finding that still goes on before one that is over."""
        going = any(_goes_on(finding, now) for finding in self.findings)
        urgencies = [min(100, self.score + _GOING) if going else self.score]
        if self.sitting.identity is IdentityState.WAITING:
            urgencies.append(_IDENTITY)
        elif self.sitting.identity is IdentityState.REFUSED:  # before a paper that is all there is to do
            urgencies.append(_LOOK if self.sitting.standing is Standing.CHECKING else _REFUSED)
        if self.sitting.awaits_second:
            urgencies.append(_AWAITED)
        if self.sitting.has_request:
            urgencies.append(_ASKED)
        if self.sitting.standing is Standing.OFFLINE:
            urgencies.append(_OFFLINE)
        elif self.sitting.standing is Standing.ANSWERING and self.lacks_picture(now):
            urgencies.append(_NO_PICTURE)
        return max(urgencies)

    def level(self, now: datetime) -> Level:
        urgency = self.urgency(now)
        return Level.ACT if urgency >= _ACT else Level.LOOK if urgency >= _LOOK else Level.CALM

    def finding_texts(self, now: datetime) -> list[str]:
        """The worst findings in words: what still goes on, then by weight, then the newest; how many more."""
        worst = sorted(
            self.findings,
            key=lambda finding: (_goes_on(finding, now), weight_of(finding), finding.ended_at),
            reverse=True,
        )
        texts = []
        for finding in worst[:_SHOWN_FINDINGS]:
            label = FINDING_LABELS[finding.kind]
            minutes = (now - finding.ended_at) // timedelta(minutes=1)
            texts.append(f"{label}，{minutes}分钟前" if minutes else label)
        if more := len(worst) - len(texts):
            texts.append(f"另{more}项")
        return texts


def _goes_on(finding: Finding, now: datetime) -> bool:
    return now - finding.ended_at <= STILL_GOING


def in_order(tiles: Iterable[Tile], now: datetime) -> list[Tile]:
    """The worst first. By bands of ten, and within one by when they began: small changes move nothing."""
    return sorted(tiles, key=lambda tile: (-(tile.urgency(now) // _BAND), tile.sitting.attempt_id))


def narrowed(tiles: Sequence[Tile], tab: WallTab, viewer_id: UUID, now: datetime) -> list[Tile]:
    """The tiles of a tab."""
    if tab is WallTab.ATTENTION:
        return [tile for tile in tiles if tile.level(now) is not Level.CALM]
    if tab is WallTab.MINE:
        return [tile for tile in tiles if tile.sitting.duty_id == viewer_id]
    return list(tiles)


class Pace:
    """Which of the tiles with news may be told of: none more often than ``every`` seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._waiting: set[UUID] = set()
        self._told: dict[UUID, float] = {}

    def note(self, attempt_id: UUID) -> None:
        self._waiting.add(attempt_id)

    def due(self, now: float) -> set[UUID]:
        """Those with news that were not told of within ``every`` seconds; each once. ``now`` in seconds."""
        self._told = {each: at for each, at in self._told.items() if now - at < self._every}
        due = {each for each in self._waiting if each not in self._told}
        self._waiting -= due
        self._told.update(dict.fromkeys(due, now))
        return due
