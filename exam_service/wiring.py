"""What a feature hands to the composition root, and what it is given: ports, not globals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from exam_service.clock import Clock
from exam_service.crypto.signing import Signer
from exam_service.queue.meters import Meters
from exam_service.queue.recent import Recent
from exam_service.queue.signals import Signals
from exam_service.settings import Settings
from exam_service.sms.sender import Post
from exam_service.storage.database import Database
from exam_service.storage.evidence import EvidenceStore
from exam_service.storage.heads import HeadLog
from exam_service.storage.vault import Vault


@dataclass(frozen=True)
class Services:
    """The tools of one process, opened by the composition root and closed by it."""

    settings: Settings
    clock: Clock
    database: Database
    signals: Signals
    recent: Recent
    meters: Meters
    vault: Vault
    evidence: EvidenceStore
    signer: Signer
    heads: HeadLog
    post: Post


@dataclass(frozen=True)
class Job:
    """Work that is done again and again; safe to run twice, on many nodes.

    Attributes:
        every: Seconds between two runs.
    """

    name: str
    every: float
    run: Callable[[Services], Awaitable[object]]


@dataclass
class Wiring:
    """Collects what the features bring.

    Attributes:
        jobs: Of the sweeper.
        beats: Jobs that every web process does while it serves.
    """

    routes: list[Any] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    beats: list[Job] = field(default_factory=list)

    def add_routes(self, routes: Iterable[Any]) -> None:
        self.routes.extend(routes)

    def add_job(self, job: Job) -> None:
        self.jobs.append(job)

    def add_beat(self, job: Job) -> None:
        self.beats.append(job)
