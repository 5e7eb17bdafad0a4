"""How a paper stands for the people who watch it, and what happened to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.papers.timing import time_left
from exam_service.proctor.identification import PURPOSE_LABELS
from exam_service.proctor.model import Purpose

PAGE_SIZE = 50
LONGEST_SEARCH = 40


class Standing(StrEnum):
    """Computed by the SQL function ``attempt_standing``: the list is filtered and counted by it."""

    WAITING = "waiting"
    CHECKING = "checking"
    READY = "ready"
    ANSWERING = "answering"
    OFFLINE = "offline"
    COLLECTING = "collecting"
    HANDED_IN = "handed_in"
    TERMINATED = "terminated"


STANDING_LABELS: Mapping[Standing, str] = {
    Standing.WAITING: "未开始",
    Standing.CHECKING: "核验中",
    Standing.READY: "待进入",
    Standing.ANSWERING: "答题中",
    Standing.OFFLINE: "离线",
    Standing.COLLECTING: "正在收卷",
    Standing.HANDED_IN: "已交卷",
    Standing.TERMINATED: "已终止",
}
BEING_SAT = frozenset({Standing.ANSWERING, Standing.OFFLINE})


class Tab(StrEnum):
    """What the list may be narrowed to."""

    ALL = "all"
    ATTENTION = "attention"
    ANSWERING = "answering"
    OFFLINE = "offline"
    CHECKING = "checking"
    WAITING = "waiting"
    HANDED_IN = "handed_in"
    TERMINATED = "terminated"


TAB_LABELS: Mapping[Tab, str] = {
    Tab.ALL: "全部",
    Tab.ATTENTION: "待处理",
    Tab.ANSWERING: "答题中",
    Tab.OFFLINE: "离线",
    Tab.CHECKING: "核验中",
    Tab.WAITING: "未开始",
    Tab.HANDED_IN: "已交卷",
    Tab.TERMINATED: "已终止",
}
TAB_STANDINGS: Mapping[Tab, frozenset[Standing]] = {
    Tab.ANSWERING: frozenset({Standing.ANSWERING}),
    Tab.OFFLINE: frozenset({Standing.OFFLINE}),
    Tab.CHECKING: frozenset({Standing.CHECKING, Standing.READY}),
    Tab.WAITING: frozenset({Standing.WAITING}),
    Tab.HANDED_IN: frozenset({Standing.COLLECTING, Standing.HANDED_IN}),
    Tab.TERMINATED: frozenset({Standing.TERMINATED}),
}


def tab_counts(by_standing: Mapping[Standing, int], attention: int) -> dict[Tab, int]:
    """How many rows each tab has."""
    counts = {
        tab: sum(by_standing.get(standing, 0) for standing in standings)
        for tab, standings in TAB_STANDINGS.items()
    }
    return counts | {Tab.ALL: sum(by_standing.values()), Tab.ATTENTION: attention}


@dataclass(frozen=True)
class Place:
    """Where a page of the list begins: after this registration's paper."""

    registration_id: UUID
    subject: Subject

    def __str__(self) -> str:
        return f"{self.registration_id}.{self.subject}"


def parse_place(text: str | None) -> Place | None:
    """What :class:`Place` wrote; ``None`` for anything else: the list then begins at its beginning."""
    registration_id, _, subject = (text or "").partition(".")
    try:
        return Place(UUID(registration_id), Subject(subject))
    except ValueError:
        return None


@dataclass(frozen=True)
class Search:
    """What the list is narrowed to; ``name`` is a part of a physician's name, empty for all."""

    tab: Tab = Tab.ALL
    name: str = ""
    after: Place | None = None


@dataclass(frozen=True)
class SeatingPlan:
    """A paper that may be sat now by the registrations of a cycle and procedure.

    Attributes:
        whole: The cycle's tests are open: everybody's paper is listed. Otherwise only what is being sat, and
            what ``round_id`` reopens.
        round_id: The body's make-up round that is open.
    """

    cycle_id: UUID
    procedure: str
    subject: Subject
    label: str
    whole: bool
    round_id: UUID | None


@dataclass(frozen=True)
class Listed:
    """A row: a physician's paper.

    Attributes:
        attempt_id: The newest attempt at it, ``None`` before the first.
        last_seen: When its page was last heard, or since when it could have been.
        request_of: The attempt at this paper whose request for time is open.
        awaits_second: Somebody asked to end it, and somebody else has to agree.
        identity_waits: The identity check that a person has to decide.
    """

    registration_id: UUID
    subject: Subject
    cycle_id: UUID
    account_id: UUID
    name: str
    institution: str
    attempt_id: UUID | None
    ordinal: int | None
    standing: Standing
    deadline: datetime | None
    last_seen: datetime | None
    total: int | None
    request_of: UUID | None
    awaits_second: bool
    identity_waits: UUID | None
    answered: int = 0

    @property
    def key(self) -> str:
        return f"{self.registration_id}.{self.subject}"

    def left(self, now: datetime) -> timedelta | None:
        """Time left, while the paper is being sat."""
        if self.standing not in BEING_SAT or self.deadline is None:
            return None
        return time_left(self.deadline, now)


class Happening(StrEnum):
    """What happened to an attempt; the names are those of the statement that gathers them."""

    MOVED = "moved"
    CREDIT = "credit"
    SILENCE = "silence"
    LEASE = "lease"
    TAKEOVER = "takeover"
    NOTICE = "notice"
    TERMINATION = "termination"
    REQUEST = "request"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    IMPORTED = "imported"
    DUTY = "duty"
    NOTE = "note"
    IDENTITY = "identity"


@dataclass(frozen=True)
class Event:
    """One thing that happened, as the statement gives it.

    Attributes:
        detail: Within its kind: a state, a kind of credit …
        amount: Seconds of a credit, a number of answers.
        until: The end of a silence; of a notice, when it was confirmed.
        by: Name of whoever did it; ``None``: the service by itself.
    """

    at: datetime
    what: Happening
    detail: str
    words: str
    amount: int | None
    until: datetime | None
    by: str | None


_SENTENCES: Mapping[tuple[Happening, str], str] = {
    (Happening.MOVED, "admitted"): "进入测评，开始计时",
    (Happening.MOVED, "running"): "打开试卷",
    (Happening.MOVED, "closing"): "时间到，开始收卷",
    (Happening.MOVED, "closed"): "收卷",
    (Happening.MOVED, "marked"): "评分",
    (Happening.MOVED, "confirmed"): "成绩已评定",
    (Happening.MOVED, "terminated"): "测评终止",
    (Happening.MOVED, "void"): "测评作废",
    (Happening.CREDIT, "outage"): "服务中断，自动补时",
    (Happening.CREDIT, "request"): "同意补时申请，延长时间",
    (Happening.CREDIT, "extension"): "延长时间",
    (Happening.SILENCE, ""): "与页面失去联系",
    (Happening.LEASE, ""): "释放设备占用",
    (Happening.TAKEOVER, "verified"): "核验人脸后更换设备",
    (Happening.TAKEOVER, "unverified"): "未核验人脸即更换设备，请核对抓拍",
    (Happening.NOTICE, "one"): "发送通知",
    (Happening.NOTICE, "all"): "向全部医师发送通知",
    (Happening.TERMINATION, "requested"): "申请终止测评",
    (Happening.TERMINATION, "withdrawn"): "撤回终止申请",
    (Happening.REQUEST, "opened"): "医师申请补时",
    (Happening.REQUEST, "granted"): "同意补时申请",
    (Happening.REQUEST, "refused"): "未同意补时申请",
    (Happening.ACCEPTED, ""): "采纳迟到的答案",
    (Happening.TAKEN, "first"): "在一台设备上打开试卷",
    (Happening.TAKEN, "again"): "在同一设备上重新打开试卷",
    (Happening.TAKEN, "other"): "改在另一台设备上打开试卷",
    (Happening.IMPORTED, ""): "导入医师导出的答案",
    (Happening.DUTY, "own"): "开始负责",
    (Happening.DUTY, "given"): "移交负责",
    (Happening.DUTY, "none"): "不再负责",
    (Happening.NOTE, ""): "内部记录",
}
_IDENTITY_WORDS: Mapping[str, str] = {
    "began": "开始",
    "asked": "由工作人员提出",
    "passed": "通过",
    "accepted": "由人工确认是本人",
    "refused": "由人工确认不是本人",
}
_CAUSES: Mapping[tuple[str, str], str] = {
    ("closed", "handed_in"): "医师交卷",
    ("closed", "late_answers_accepted"): "重新评分",
}


def sentence(event: Event) -> str:
    """What happened, in words."""
    if event.what is Happening.MOVED:
        if event.detail == "running" and event.words.startswith("time_"):
            return "有了时间，继续答题"
        if (event.detail, event.words) in _CAUSES:
            return _CAUSES[event.detail, event.words]
    if event.what is Happening.IDENTITY:
        purpose, _, outcome = event.detail.partition(" ")
        return f"{PURPOSE_LABELS[Purpose(purpose)]}：{_IDENTITY_WORDS[outcome]}"
    said = _SENTENCES.get((event.what, event.detail), event.detail)
    if event.what is Happening.CREDIT and event.amount is not None:
        return f"{said} {length_text(timedelta(seconds=event.amount))}"
    if event.what is Happening.SILENCE and event.until is not None:
        return f"{said} {length_text(event.until - event.at)}"
    if event.what in {Happening.ACCEPTED, Happening.IMPORTED} and event.amount is not None:
        return f"{said} {event.amount}条"
    return said


def length_text(length: timedelta) -> str:
    """A length of time as people read it: ``3分05秒``, ``2小时00分``."""
    seconds = round(length.total_seconds())
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours}小时{rest // 60:02}分"
    minutes, rest = divmod(rest, 60)
    return f"{minutes}分{rest:02}秒" if minutes else f"{rest}秒"


def clock_text(left: timedelta) -> str:
    """Time left as a clock shows it: ``59:31``, ``1:00:00``."""
    minutes, seconds = divmod(int(left.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


PAGE_EVENT_LABELS: Mapping[str, str] = {
    "hidden": "离开页面",
    "visible": "返回页面",
    "blur": "切到其他窗口",
    "focus": "切回窗口",
    "copy": "复制",
    "cut": "剪切",
    "paste": "粘贴",
    "print": "打印",
    "fullscreen_exit": "退出全屏",
    "select_all": "全选",
}
