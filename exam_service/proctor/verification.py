"""What a worker does with frames: open them, look at them, keep verdicts and evidence, admit.

A batch costs one round of reading, one batch of embeddings and one transaction, however many frames it has.
Keys and faces are fetched anew for each batch: a purge holds from the next one on.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from exam_service.accounts import usecases as accounts
from exam_service.crypto.envelope import data_key_id, open_envelope, seal
from exam_service.crypto.hashes import keyed_hash
from exam_service.errors import NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.proctor import measures, queries, usecases
from exam_service.proctor.liveness import STRAIGHT
from exam_service.proctor.model import (
    POOR_PICTURES,
    Check,
    Frame,
    Purpose,
    Thresholds,
    Verdict,
    verdict_of,
)
from exam_service.proctor.usecases import EMBEDDING, identity, thresholds_for, topic, wall_topic
from exam_service.storage.database import Tx
from exam_service.wiring import Services

log = logging.getLogger(__name__)

Embedding = NDArray[np.float32]
Scene = NDArray[np.uint8]
Box = tuple[int, int, int, int]

# Frames from one whole search to the next, at the most: where something changes beside the face, or the face
# isn't found, the verifier searches all of it at once.
WHOLE_EVERY = 24
_REMEMBERED = 4096
_ABSENCE = 3  # frames without a face in a row are an absence: the one that completes it is looked at harder
_THRESHOLDS_SECONDS = 5.0
_POOR = {verdict.value: verdict for verdict in POOR_PICTURES}


class FaceReading(Protocol):
    """What a verifier reads off a picture; everything but ``faces`` and ``look`` is of the largest face."""

    @property
    def faces(self) -> int: ...

    @property
    def box(self) -> Box | None: ...

    @property
    def score(self) -> float | None: ...

    @property
    def yaw(self) -> float | None: ...

    @property
    def look(self) -> int | None: ...

    @property
    def quality(self) -> str:
        """``fine``, or the name of one of the verdicts on poor pictures."""
        ...

    @property
    def embedding(self) -> Embedding | None: ...

    @property
    def scene(self) -> Scene | None:
        """The whole picture in little, by which the next is seen to have changed."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the whole picture was searched, and not only where the face was last."""
        ...


@dataclass(frozen=True, repr=False)
class Glance:
    """A picture (JPEG) to look at: where the face was last, and beside it what has changed since.

    ``last_box`` is ``None`` when all of it is to be searched.
    """

    picture: bytes
    last_box: Box | None
    last_scene: Scene | None


class Recogniser(Protocol):
    """The verifier, as this room needs it: pictures in, readings out; blocking.

    A reading is ``None`` for bytes that are no picture.

    Attributes:
        own_thresholds: Match and mismatch that come with an operator's own model; ``None`` for the shipped.
    """

    model: str
    own_thresholds: tuple[float, float] | None

    def read_many(self, glances: Sequence[Glance]) -> Sequence[FaceReading | None]: ...

    def read_photo(self, photo: bytes) -> FaceReading | None: ...

    def look_harder(self, jpeg: bytes) -> FaceReading | None:
        """As a reading of the whole picture, but dearer: before somebody is called absent."""
        ...

    def distance(self, one: Embedding, other: Embedding) -> float: ...


@dataclass
class _Place:
    """What the last picture of somebody showed, and how many came since one was searched whole."""

    box: Box | None = None
    scene: Scene | None = None
    since_whole: int = 0


class Places:
    """Where those were who were seen last; forgetting one costs a look at the whole picture."""

    def __init__(self) -> None:
        self._of: OrderedDict[UUID, _Place] = OrderedDict()

    def glance(self, subject_id: UUID, picture: bytes) -> Glance:
        """How to look at the next picture of this subject."""
        place = self._of.setdefault(subject_id, _Place())
        self._of.move_to_end(subject_id)
        while len(self._of) > _REMEMBERED:
            self._of.popitem(last=False)
        place.since_whole += 1
        return Glance(picture, place.box if place.since_whole < WHOLE_EVERY else None, place.scene)

    def note(self, subject_id: UUID, reading: FaceReading | None) -> None:
        """What was seen; ``None`` after anything but a plain match: then all of the next is searched."""
        place = self._of.get(subject_id)
        if place is not None:
            place.box = reading.box if reading else None
            place.scene = reading.scene if reading else None
            if reading and reading.whole:
                place.since_whole = 0


@dataclass(repr=False)
class _Opened:
    """A frame that may be looked at."""

    frame: Frame
    owner: queries.Owner
    jpeg: bytes
    hash: bytes


@dataclass(frozen=True, repr=False)
class _Judged:
    frame: Frame
    owner: queries.Owner
    check: Check
    embedding: Embedding | None


class _ConsentEnded(Exception):
    """Somebody's was withdrawn while their frame was looked at: nothing of it is stored."""


class Verification:
    """The frames' way through one worker; remembers nothing that a purge would have to reach."""

    def __init__(self, services: Services, recogniser: Recogniser) -> None:
        self._services = services
        self._recogniser = recogniser
        self._places = Places()
        self._thresholds: dict[str, tuple[Thresholds, float]] = {}
        self._faceless: OrderedDict[UUID, None] = OrderedDict()  # photos that nobody can be known by
        self._hash_key = services.settings.key("lookup_key")

    async def verify(self, frames: Sequence[Frame]) -> set[UUID]:
        """Look at frames, keep verdicts and evidence, do what hangs on them; the ids of those that failed.

        There is nothing to do for a frame that was looked at before, whose consent was withdrawn, or whose
        key or registration is gone. Where a batch fails, each of its frames is tried alone. Blocks while the
        recogniser works, which is all that a worker does.

        Raises:
            Unavailable: The database is away; what wasn't stored may be tried again as it is.
        """
        try:
            await self._verify(frames)
        except Unavailable:
            raise
        except _ConsentEnded:
            if len(frames) == 1:
                return set()
        except Exception:
            if len(frames) == 1:
                log.exception("frame %s failed", frames[0].id)
                return {frames[0].id}
            log.warning("a batch of %d failed, its frames are tried alone", len(frames), exc_info=True)
        else:
            return set()
        failed: set[UUID] = set()
        for frame in frames:
            failed |= await self.verify([frame])
        return failed

    async def _verify(self, frames: Sequence[Frame]) -> None:
        once = list({(frame.stream_id, frame.seq): frame for frame in frames}.values())
        async with self._services.database.statements() as tx:
            opened, faces = await self._open(tx, once)
            if not opened:
                return
            replayed = await self._replayed(tx, opened)
            thresholds = {
                province_id: await self._thresholds_of(tx, province_id)
                for province_id in {each.frame.province_id for each in opened}
            }
        await self._enrol_missing(opened, faces)
        glances = [self._places.glance(each.frame.subject_id, each.jpeg) for each in opened]
        readings = list(self._recogniser.read_many(glances))
        await self._confirm_absences(opened, readings)
        judged = [
            self._judge(each, reading, faces, thresholds[each.frame.province_id], each.frame.id in replayed)
            for each, reading in zip(opened, readings, strict=True)
        ]
        await self._store(judged)

    # Before a look

    async def _open(self, tx: Tx, frames: Sequence[Frame]) -> tuple[list[_Opened], dict[UUID, Embedding]]:
        """The frames that may be looked at, and the faces that registrations are known by."""
        owners = await queries.select_owners(tx, frames, self._recogniser.model)
        if not owners:
            return [], {}
        consenting = await accounts.with_face_consent(tx, {owner.account_id for owner in owners.values()})
        wanted = [
            (frame, owners[frame.id])
            for frame in frames
            if frame.id in owners and owners[frame.id].account_id in consenting
        ]
        enrolments = {owner.registration_id: owner.enrolment for _, owner in wanted if owner.enrolment}
        keys = await self._services.vault.keys_of(
            tx, [*(frame.sealed for frame, _ in wanted), *(each.embedding for each in enrolments.values())]
        )
        faces = {
            registration_id: np.frombuffer(
                open_envelope(keys[key_id], enrolment.embedding, enrolment.id), dtype=np.float32
            )
            for registration_id, enrolment in enrolments.items()
            if (key_id := data_key_id(enrolment.embedding)) in keys  # else purged: enrolled again, or nobody
        }
        opened = []
        for frame, owner in wanted:
            key_id = data_key_id(frame.sealed)
            if key_id in keys:  # else purged while it waited
                jpeg = open_envelope(keys[key_id], frame.sealed, frame.id)
                opened.append(_Opened(frame, owner, jpeg, keyed_hash(self._hash_key, "frame", jpeg)))
        return opened, faces

    async def _replayed(self, tx: Tx, opened: Sequence[_Opened]) -> set[UUID]:
        """The frames whose very bytes came before, in whichever paper of this physician."""
        seen = await queries.select_seen(tx, [(each.owner.registration_id, each.hash) for each in opened])
        replayed = set()
        for each in opened:
            bytes_of = each.owner.registration_id, each.hash
            if bytes_of in seen:
                replayed.add(each.frame.id)
            seen.add(bytes_of)
        return replayed

    async def _thresholds_of(self, tx: Tx, province_id: str) -> Thresholds:
        """The thresholds in force, asked for every few seconds."""
        known = self._thresholds.get(province_id)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        recogniser = self._recogniser
        thresholds = await thresholds_for(
            tx, province_id, recogniser.model, self._services.settings, recogniser.own_thresholds
        )
        self._thresholds[province_id] = thresholds, time.monotonic() + _THRESHOLDS_SECONDS
        return thresholds

    async def _enrol_missing(self, opened: Iterable[_Opened], faces: dict[UUID, Embedding]) -> None:
        """Enrol who has no face of this model yet from a kept picture, where there is one."""
        for each in opened:
            owner = each.owner
            if owner.registration_id in faces:
                continue
            face = await self._enrol_kept(owner, each.frame.province_id)
            if face is not None:
                faces[owner.registration_id] = face

    async def _enrol_kept(self, owner: queries.Owner, province_id: str) -> Embedding | None:
        """From the reviewed photo; in a demonstration without one, the frame that first enrolled them."""
        async with self._services.database.tx() as tx:
            picture_id, source = owner.reviewed_photo_id, "registration_photo"
            if picture_id is None and self._services.settings.demo:
                picture_id = await queries.select_optional_first_check(tx, owner.registration_id)
                source = "first_check"
            if picture_id is None or picture_id in self._faceless:
                return None
            try:
                sealed = await self._services.evidence.read(tx, picture_id, province_id=province_id)
                picture = await self._services.vault.open(tx, sealed, picture_id)
            except NotFound as missing:
                log.warning("no picture to enrol: %s", missing)
                return None
            reading = self._recogniser.read_photo(picture)
            if reading is None or reading.embedding is None:
                self._faceless[picture_id] = None
                while len(self._faceless) > _REMEMBERED:
                    self._faceless.popitem(last=False)
                return None
            if not await accounts.all_still_consent(tx, {owner.account_id}):
                raise _ConsentEnded
            await self._enrol(tx, owner, province_id, reading.embedding, source=source)
        return reading.embedding

    async def _enrol(
        self, tx: Tx, owner: queries.Owner, province_id: str, embedding: Embedding, *, source: str
    ) -> None:
        key = await self._services.vault.key_for(
            tx,
            province_id=province_id,
            account_id=owner.account_id,
            cycle_id=owner.cycle_id,
            data_class=EMBEDDING,
        )
        enrolment_id = new_id()
        sealed = seal(key, embedding.astype(np.float32).tobytes(), enrolment_id)
        await queries.insert_enrolment(
            tx,
            queries.Enrolment(enrolment_id, sealed),
            province_id,
            owner.registration_id,
            self._recogniser.model,
            source,
            self._services.clock.now(),
        )

    # The look

    async def _confirm_absences(self, opened: Sequence[_Opened], readings: list[FaceReading | None]) -> None:
        """Look harder at each frame of a paper that would complete an absence, before it does."""
        empty = {
            each.frame.attempt_id
            for each, reading in zip(opened, readings, strict=True)
            if each.frame.attempt_id and _is_empty(each.frame, reading)
        }
        if not empty:
            return
        async with self._services.database.statements() as tx:
            latest = await queries.select_latest_verdicts(tx, list(empty), _ABSENCE)
        before = {
            attempt_id: deque(
                (verdict is Verdict.NO_FACE for verdict in reversed(latest.get(attempt_id, []))),
                maxlen=_ABSENCE,
            )
            for attempt_id in empty
        }
        for index, each in enumerate(opened):
            if each.frame.purpose is not Purpose.PAPER or each.frame.attempt_id not in before:
                continue
            series = before[each.frame.attempt_id]
            if _is_empty(each.frame, readings[index]) and _completes(series):
                readings[index] = self._recogniser.look_harder(each.jpeg)
            series.append(_is_empty(each.frame, readings[index]))

    def _judge(
        self,
        opened: _Opened,
        reading: FaceReading | None,
        faces: dict[UUID, Embedding],
        thresholds: Thresholds,
        replayed: bool,  # noqa: FBT001
    ) -> _Judged:
        """The verdict on one frame; ``faces`` gets the face of whom it enrols."""
        frame, owner = opened.frame, opened.owner
        known = faces.get(owner.registration_id)
        embedding = reading.embedding if reading is not None else None
        enrols = (
            self._services.settings.demo
            and owner.reviewed_photo_id is None
            and known is None
            and frame.purpose is Purpose.CHECK
            and reading is not None
            and reading.faces == 1
            and reading.quality not in _POOR
            and abs(reading.yaw or 0.0) <= STRAIGHT
            and embedding is not None
            and not (replayed or frame.age_ms)
        )
        distance = None
        if enrols and embedding is not None:
            faces[owner.registration_id] = embedding
            distance = 0.0
        elif known is not None and embedding is not None:
            distance = self._recogniser.distance(known, embedding)
        if reading is None:
            verdict = Verdict.UNUSABLE
        elif replayed:
            verdict = Verdict.REPLAYED
        else:
            verdict = verdict_of(reading.faces, distance, thresholds, _POOR.get(reading.quality))
        self._places.note(frame.subject_id, reading if verdict is Verdict.MATCH else None)
        check = Check(
            id=frame.id,
            province_id=frame.province_id,
            registration_id=frame.registration_id,
            attempt_id=frame.attempt_id,
            stream_id=frame.stream_id,
            seq=frame.seq,
            purpose=frame.purpose,
            received_at=frame.received_at,
            checked_at=self._services.clock.now(),
            verdict=verdict,
            faces=reading.faces if reading else 0,
            distance=distance,
            model=self._recogniser.model,
            thresholds=thresholds,
            enrolled=enrols,
            evidence_id=None,
            score=reading.score if reading else None,
            yaw=reading.yaw if reading else None,
            look=reading.look if reading else None,
            frame_hash=opened.hash,
            age_ms=frame.age_ms,
        )
        return _Judged(frame, owner, check, embedding)

    # After it

    async def _store(self, judged: Sequence[_Judged]) -> None:
        kept = await usecases.keep(
            self._services,
            [usecases.Judged(each.frame, each.check, each.owner.account_id) for each in judged],
        )
        async with self._services.database.tx() as tx:
            if not await accounts.all_still_consent(tx, {each.owner.account_id for each in judged}):
                raise _ConsentEnded
            await usecases.record_kept(tx, self._services, kept)
            fresh = await queries.insert_checks(tx, kept.checks)
            new = [
                replace(each, check=check)
                for each, check in zip(judged, kept.checks, strict=True)
                if check.id in fresh
            ]
            awaited = await identity.awaited(tx, [each.check for each in new])
            # In one order: of two workers whose batches have the same people one waits for the other.
            for each in sorted(new, key=lambda each: (each.check.subject_id, each.check.purpose)):
                check, owner, embedding = each.check, each.owner, each.embedding
                if check.enrolled and embedding is not None:
                    await self._enrol(tx, owner, check.province_id, embedding, source="first_check")
                if check.id in awaited:
                    seen = identity.Seen(check, owner.account_id, embedding, self._recogniser.distance)
                    await identity.advance(tx, self._services, seen)
            tx.after_commit(lambda: self._tell(new))

    async def _tell(self, judged: Sequence[_Judged]) -> None:
        """The browsers, the live wall and the counters."""
        if not judged:
            return
        meters = self._services.meters
        for each in judged:
            meters.count(measures.VERIFIED, verdict=each.check.verdict.value)
            took = (each.check.checked_at - each.check.received_at) / timedelta(seconds=1)
            meters.observe(measures.VERDICT_SECONDS, took, measures.VERDICT_BOUNDS)
        papers = [each for each in judged if each.frame.purpose is Purpose.PAPER]
        if papers:
            await self._services.recent.push_all(
                [(each.frame.subject_id, each.frame.id, each.frame.sealed) for each in papers]
            )
        signals = [(topic(each.check.subject_id), str(each.check.id)) for each in judged]
        wall = {
            (wall_topic(each.owner.body_id), str(each.check.attempt_id))
            for each in judged
            if each.owner.body_id is not None
        }
        await self._services.signals.publish_all([*signals, *wall])


def _is_empty(frame: Frame, reading: FaceReading | None) -> bool:
    """Whether nobody is seen in a frame of a paper that could show somebody."""
    return (
        frame.purpose is Purpose.PAPER
        and reading is not None
        and reading.faces == 0
        and reading.quality not in _POOR
    )


def _completes(series: Sequence[bool]) -> bool:
    """Whether one more empty frame after these makes an absence, which it wasn't yet."""
    latest = list(series)[1 - _ABSENCE :]
    return len(latest) == _ABSENCE - 1 and all(latest) and not (len(series) == _ABSENCE and series[0])
