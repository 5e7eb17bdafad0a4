"""The registration form over the database: saved as it is typed, submitted, returned, its pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import FACE_CONSENT_VERSION, Principal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import Procedure
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.fields import Step
from exam_service.registration.form.model import PageSave, UploadState
from exam_service.registration.form.pictures import BadPicture
from exam_service.registration.form.usecases import Draft, Finding
from exam_service.registration.model import State
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore, StoredBlob
from tests.forms import (
    SPECIALTY,
    a_picture,
    admitted,
    check_pictures,
    fill_in,
    open_stages,
    put_in_state,
    submitted,
)
from tests.world import World


async def opened(world: World, principal: Principal) -> Draft:
    found = await form.draft(world.services, principal)
    assert found is not None
    return found


async def returned(world: World, principal: Principal, *marked: str) -> None:
    """The institution returns the form with a reason and the marked fields."""
    registration_ = await put_in_state(world, principal, State.RETURNED)
    async with world.database.tx() as tx:
        await tx.execute(
            """INSERT INTO registration_review (id, registration_id, province_id, level, decision, reason,
                                                marked, reviewer_id, decided_at)
               VALUES ($1, $2, $3, 'institution', 'returned', '请更正', $4, $5, $6)""",
            new_id(),
            registration_.id,
            registration_.province_id,
            list(marked),
            principal.account_id,
            world.clock.now(),
        )


async def test_the_first_word_makes_a_draft_of_an_admitted_registration(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    saved = await form.save_step(
        world.services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=0
    )

    now = await opened(world, physician)
    assert (saved.revision, now.revision) == (1, 1)
    assert now.registration.state is State.DRAFT
    assert now.form.basic.ethnicity == "汉族"


async def test_what_is_known_is_filled_in(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    now = await opened(world, physician)

    number = world.here.number_of(physician)
    assert now.form.basic.born_on is not None
    assert now.form.basic.born_on.isoformat().replace("-", "") == number[6:14]
    assert now.form.practice.category is now.registration.category
    assert number not in now.owner.number


async def test_what_cannot_be_understood_is_said_and_the_rest_saved(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    saved = await form.save_step(
        world.services,
        physician,
        Step.CONDUCT,
        {"conduct.patients": ["很多"], "conduct.rounds": ["12"]},
        revision=0,
    )

    assert set(saved.problems) == {"conduct.patients"}
    assert (await opened(world, physician)).form.conduct.rounds == 12


async def test_an_older_page_overwrites_nothing(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    await form.save_step(world.services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=0)

    with pytest.raises(form.StaleForm):
        await form.save_step(world.services, physician, Step.BASIC, {"basic.ethnicity": ["回族"]}, revision=0)

    assert (await opened(world, physician)).form.basic.ethnicity == "汉族"


async def test_a_save_whose_answer_was_lost_comes_again(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    for seq, word in enumerate(("汉", "汉族"), start=1):  # the page never heard that the first was stored
        answers = {"basic.ethnicity": [word]}
        await form.save_step(
            services, physician, Step.BASIC, answers, revision=0, saved_by=PageSave("page", seq)
        )

    assert (await opened(world, physician)).form.basic.ethnicity == "汉族"


async def test_a_save_that_comes_late_overwrites_no_later_one_of_its_page(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    for seq, word in ((2, "汉族"), (1, "汉")):
        answers = {"basic.ethnicity": [word]}
        await form.save_step(
            services, physician, Step.BASIC, answers, revision=0, saved_by=PageSave("page", seq)
        )

    assert (await opened(world, physician)).form.basic.ethnicity == "汉族"


async def test_a_save_that_comes_late_brings_back_nothing_that_was_taken_back(world: World) -> None:
    """Chosen, and chosen back before the first save had come: the second changes nothing that is stored."""
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    stored = await form.save_step(services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=0)
    for seq, word in ((2, "汉族"), (1, "回族")):
        saved = await form.save_step(
            services,
            physician,
            Step.BASIC,
            {"basic.ethnicity": [word]},
            revision=stored.revision,
            saved_by=PageSave("page", seq),
        )

    assert saved.revision == stored.revision
    assert (await opened(world, physician)).form.basic.ethnicity == "汉族"


async def test_the_same_words_again_are_no_new_revision(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    for _ in range(2):
        saved = await form.save_step(
            world.services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=None
        )

    assert saved.revision == 1


async def test_outside_the_days_nothing_is_saved_and_the_days_are_said(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    await open_stages(world, world.here, registration=-2, review=4)

    with pytest.raises(Conflict, match="医师报名已经结束，时间为2026-04-12 至 2026-05-10"):
        await form.save_step(world.services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=0)


@pytest.mark.parametrize("state", [State.NOT_ADMITTED, State.INSTITUTION_REVIEW, State.REGISTERED])
async def test_only_who_may_register_fills_in(world: World, state: State) -> None:
    physician = world.here.general
    await open_stages(world, world.here)
    await put_in_state(world, physician, state)

    with pytest.raises(Conflict):
        await form.save_step(world.services, physician, Step.BASIC, {"basic.ethnicity": ["汉族"]}, revision=0)


async def test_a_complete_form_is_submitted_once_however_often_it_is_pressed(world: World) -> None:
    physician = world.here.general
    submitted_ = await submitted(world, world.here, physician)
    await form.submit(world.services, physician, revision=None)

    assert submitted_.state is State.INSTITUTION_REVIEW
    assert submitted_.submitted_at == world.clock.now()
    assert submitted_.procedure is Procedure.GENERAL
    assert submitted_.department_id is not None
    async with world.database.tx() as tx:
        kept = await form.submitted_form(tx, world.vault, submitted_.id, submitted_.province_id)
        count = await tx.fetch_value("SELECT count(*) FROM registration_submission")
        row = await tx.fetch_optional("SELECT content FROM registration_submission")
    assert kept.practice.specialties == (SPECIALTY,)
    assert count == 1
    assert row is not None
    assert "汉族".encode() not in row["content"]


async def test_an_incomplete_form_names_what_is_missing(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    with pytest.raises(form.NotComplete) as refused:
        await form.submit(world.services, physician, revision=None)

    assert {"photo", "basic.email", "practice.department_id", "conduct.ethics"} <= set(refused.value.problems)
    assert (await opened(world, physician)).registration.state is State.ADMITTED


async def test_a_returned_form_opens_at_the_first_marked_field_and_goes_back(world: World) -> None:
    physician = world.here.general
    await submitted(world, world.here, physician)
    await returned(world, physician, "procedure.procedure", "practice.title")
    await open_stages(world, world.here, registration=-2, review=4)

    now = await opened(world, physician)
    assert now.closed is None
    assert now.opens_at() is Step.PRACTICE
    assert now.marked == {"procedure.procedure", "practice.title"}
    await form.save_step(
        world.services, physician, Step.PRACTICE, {"practice.title": ["无职称"]}, revision=None
    )
    still = await opened(world, physician)
    assert still.registration.state is State.DRAFT
    assert still.returned is not None
    assert still.returned.reason == "请更正"
    await form.submit(world.services, physician, revision=None)

    again = await opened(world, physician)
    assert again.registration.state is State.INSTITUTION_REVIEW
    assert again.returned is None
    assert again.form.practice.title == "无职称"


async def test_a_returned_form_begins_with_what_was_granted_since(world: World) -> None:
    physician = world.here.general
    own = await submitted(world, world.here, physician)
    kept = (await opened(world, physician)).form
    changed = replace(kept, basic=replace(kept.basic, email="new@example.com"))
    async with world.database.tx() as tx:
        await form.record_submission(
            tx, world.clock, world.vault, own, changed, submitted_by=physician.account_id
        )
    await returned(world, physician, "basic.email")

    assert (await opened(world, physician)).form.basic.email == "new@example.com"
    await form.save_step(world.services, physician, Step.BASIC, {"basic.ethnicity": ["回族"]}, revision=None)
    assert (await opened(world, physician)).form.basic.email == "new@example.com"


async def test_after_the_review_a_returned_form_stays_as_it_is(world: World) -> None:
    physician = world.here.general
    await submitted(world, world.here, physician)
    await returned(world, physician, "practice.title")
    await open_stages(world, world.here, registration=-9, review=-2)

    assert "报名审核已经结束" in ((await opened(world, physician)).closed or "")
    with pytest.raises(Conflict):
        await form.submit(world.services, physician, revision=None)


async def test_entries_are_added_changed_and_deleted(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    answers = {"institution": ["乙医院"], "department": ["外科"]}

    entry_id = await form.save_entry(services, physician, "filings", None, answers)
    await form.save_entry(services, physician, "filings", entry_id, answers | {"position": ["主治"]})
    (filing,) = (await opened(world, physician)).form.experience.filings
    assert (filing.institution, filing.position) == ("乙医院", "主治")

    await form.delete_entry(services, physician, "filings", entry_id)
    assert (await opened(world, physician)).form.experience.filings == ()


async def test_an_entry_that_lacks_something_is_not_kept(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    with pytest.raises(form.BadEntry) as refused:
        await form.save_entry(world.services, physician, "filings", None, {"institution": [""]})

    assert set(refused.value.problems) == {"institution", "department"}


async def test_a_full_class_of_records_takes_no_more(world: World) -> None:
    physician = world.elsewhere.general  # henan: 每一类良好行为均可提交一项
    await admitted(world, world.elsewhere, physician)
    award = {"granted_by": ["市卫生健康委"], "date": ["2025-05-01"], "content": ["优秀医师"]}
    await form.save_entry(world.services, physician, "good.award", None, award)

    with pytest.raises(Conflict, match="最多1项"):
        await form.save_entry(world.services, physician, "good.award", None, award)

    assert (await opened(world, physician)).form.conduct.has_good is True


async def test_records_that_an_earlier_cycle_approved_are_found(world: World) -> None:
    place = world.elsewhere
    physician = place.general
    department_id = await admitted(world, place, physician)
    await form.save_entry(
        world.services,
        physician,
        "good.task",
        None,
        {"date": ["2024-05-01"], "content": ["援疆医疗"]},
    )
    (record,) = (await opened(world, physician)).form.conduct.good_records
    await world.consent(physician)
    await fill_in(world, physician, department_id, slots=["photo"])
    await form.add_pictures(world.services, physician, f"record.{record.id}", [a_picture()])
    await check_pictures(world)
    await form.save_step(
        world.services, physician, Step.CONDUCT, {"conduct.has_good": ["yes"]}, revision=None
    )
    await form.submit(world.services, physician, revision=None)
    before = (await put_in_state(world, physician, State.CONCLUDED)).id
    async with world.database.tx() as tx:
        cycle = await cycles.open_cycle(
            tx,
            world.clock,
            province_id=place.province_id,
            title="下一周期",
            tests_from=place.cycle.tests_from,
            tests_until=place.cycle.tests_until,
            policy=place.cycle.policy,
        )
        old = await registration.registration_of(tx, before, place.province_id)
        new = await registration.add_registration(
            tx,
            world.clock,
            cycle=cycle,
            account_id=old.account_id,
            institution_id=old.institution_id,
            body_id=old.body_id,
            procedure=Procedure.GENERAL,
            category=old.category,
            level=old.level,
            state=State.ADMITTED,
        )
    await open_stages(world, replace(place, cycle=cycle))

    now = await opened(world, physician)
    assert now.registration.id == new.id
    assert now.form.conduct.has_good is True
    (found,) = now.form.conduct.good_records
    assert (found.content, found.carried_from) == ("援疆医疗", "本周期")
    assert "conduct.good_records" not in now.problems
    await form.delete_entry(world.services, physician, "good.task", found.id)
    assert (await opened(world, physician)).form.conduct.good_records == (found,)


# Pictures


async def test_a_picture_is_shown_once_a_worker_encoded_it_anew(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    raw = a_picture()
    await form.add_pictures(world.services, physician, "licence", [raw])
    (upload,) = (await opened(world, physician)).uploads
    with pytest.raises(NotFound):
        await form.own_picture(world.services, physician, upload.id)

    claimed = await form.claim_upload(world.services)
    assert claimed is not None
    assert claimed.data == raw
    await form.record_check(world.services, claimed, Finding(b"anew", 5, 7))

    assert await form.own_picture(world.services, physician, upload.id) == b"anew"
    (upload,) = (await opened(world, physician)).uploads
    assert (upload.state, upload.raw_id) == (UploadState.ACCEPTED, None)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM evidence") == 1
    with pytest.raises(NotFound):
        await form.own_picture(world.services, world.here.simple, upload.id)


async def test_a_refused_picture_says_what_to_do_and_stands_in_the_way(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    await form.add_pictures(world.services, physician, "licence", [a_picture()])
    await check_pictures(world, "照片模糊。")

    now = await opened(world, physician)
    assert now.uploads[0].problem == "照片模糊。"
    assert "未通过检查" in now.problems["licence"]

    await form.remove_picture(world.services, physician, now.uploads[0].id)
    assert (await opened(world, physician)).uploads == ()


async def test_a_place_takes_as_many_as_the_policy_says(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    await form.add_pictures(world.services, physician, "licence", [a_picture(), a_picture()])

    with pytest.raises(Conflict, match="最多2张"):
        await form.add_pictures(world.services, physician, "licence", [a_picture()])


class _Meanwhile(EvidenceStore):
    """While a file is written, something happens."""

    def __init__(self, blobs: DirectoryBlobs, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(blobs)
        self._happens = happens

    async def write(self, *args: Any, **kwargs: Any) -> StoredBlob:
        blob = await super().write(*args, **kwargs)
        await self._happens()
        return blob


async def test_a_photo_that_comes_as_the_form_is_submitted_is_not_taken(world: World, tmp_path: Path) -> None:
    """It would enrol in place of the one that the reviewers see."""
    physician = world.here.general
    department_id = await admitted(world, world.here, physician)
    await world.consent(physician)
    await fill_in(world, physician, department_id)
    blobs = DirectoryBlobs(tmp_path / "own")
    store = _Meanwhile(blobs, lambda: form.submit(world.services, physician, revision=None))

    with pytest.raises(Conflict) as refused:
        await form.add_pictures(replace(world.services, evidence=store), physician, "photo", [a_picture()])

    assert refused.value.code == "form_closed"
    assert list(blobs.names(datetime.max.replace(tzinfo=UTC))) == []
    photo, _ = (await opened(world, physician)).uploads
    assert photo.state is UploadState.ACCEPTED


async def test_a_full_place_writes_no_file(world: World, tmp_path: Path) -> None:
    """Whoever sends to it again and again would fill the disk for a day."""
    physician = world.here.general
    await admitted(world, world.here, physician)
    await form.add_pictures(world.services, physician, "licence", [a_picture(), a_picture()])
    blobs = DirectoryBlobs(tmp_path / "own")
    services = replace(world.services, evidence=EvidenceStore(blobs))
    with pytest.raises(Conflict, match="最多2张"):
        await form.add_pictures(services, physician, "licence", [a_picture()])
    assert list(blobs.names(datetime.max.replace(tzinfo=UTC))) == []


async def test_a_new_photo_takes_the_place_of_the_old(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    await world.consent(physician)
    for _ in range(2):
        await form.add_pictures(world.services, physician, "photo", [a_picture()])
        await check_pictures(world)

    now = await opened(world, physician)
    assert len(now.uploads) == 1
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM evidence") == 1


async def test_the_photo_waits_for_the_answer_on_faces(world: World) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    with pytest.raises(Conflict, match="人脸信息采集"):
        await form.add_pictures(world.services, physician, "photo", [a_picture()])


async def test_who_declines_keeps_the_photo_as_a_document(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    await accounts.decline_face_consent(
        world.database, world.clock, services.signals, physician, version=FACE_CONSENT_VERSION
    )
    await form.add_pictures(services, physician, "photo", [a_picture()])

    claimed = await form.claim_upload(services)
    assert claimed is not None
    assert not claimed.look_for_face
    await form.record_check(services, claimed, Finding(b"document", 5, 7))

    (upload,) = (await opened(world, physician)).uploads
    assert upload.state is UploadState.ACCEPTED
    assert not upload.as_face
    async with world.database.tx() as tx:
        own = upload.registration_id, upload.province_id
        assert not await form.accept_photo(tx, world.clock, *own)
    assert await form.claim_upload(services) is None


async def test_who_consents_later_has_the_photo_looked_at_then(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    await accounts.decline_face_consent(
        world.database, world.clock, services.signals, physician, version=FACE_CONSENT_VERSION
    )
    await form.add_pictures(services, physician, "photo", [a_picture()])
    await check_pictures(world)
    async with world.database.tx() as tx:
        await tx.execute("UPDATE registration SET photo_id = NULL, photo_reviewed_at = NULL")
    await put_in_state(world, physician, State.REGISTERED)

    await world.consent(physician)
    claimed = await form.claim_upload(services)
    assert claimed is not None
    assert (claimed.look_for_face, claimed.is_document) == (True, True)
    await form.record_check(services, claimed, Finding(claimed.data, 500, 700))

    now = await opened(world, physician)
    assert now.registration.photo_is_reviewed
    assert now.uploads[0].evidence_id == now.registration.photo_id
    assert await form.claim_upload(services) is None


async def test_consent_withdrawn_during_the_look_leaves_a_document(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    await world.consent(physician)
    await form.add_pictures(services, physician, "photo", [a_picture()])
    claimed = await form.claim_upload(services)
    assert claimed is not None
    assert claimed.look_for_face
    await accounts.withdraw_face_consent(world.database, world.clock, services.signals, physician)
    await form.record_check(services, claimed, Finding(b"face", 5, 7, "照片中没有看到人脸。"))

    again = await form.claim_upload(services)
    assert again is not None
    assert not again.look_for_face


async def test_an_approved_photo_enrols(world: World) -> None:
    physician = world.here.general
    own = await submitted(world, world.here, physician)

    async with world.database.tx() as tx:
        assert await form.accept_photo(tx, world.clock, own.id, own.province_id)
    async with world.database.tx() as tx:
        photo = await registration.reviewed_photo(
            tx, world.vault, world.services.evidence, own.id, own.province_id
        )
    assert photo == a_picture()


async def test_a_picture_that_kills_workers_is_refused_after_three_tries(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    await form.add_pictures(services, physician, "licence", [a_picture()])

    for _ in range(form.MOST_TRIES):
        assert await form.claim_upload(services) is not None
        assert await form.claim_upload(services) is None  # it is in hand
        world.clock.move(minutes=2)

    assert await form.claim_upload(services) is None
    (upload,) = (await opened(world, physician)).uploads
    assert upload.state is UploadState.REFUSED
    assert "重新拍摄" in (upload.problem or "")


async def test_a_picture_removed_meanwhile_stays_away(world: World) -> None:
    physician, services = world.here.general, world.services
    await admitted(world, world.here, physician)
    await form.add_pictures(services, physician, "licence", [a_picture()])
    claimed = await form.claim_upload(services)
    assert claimed is not None
    await form.remove_picture(services, physician, claimed.upload.id)

    await form.record_check(services, claimed, Finding(b"anew", 5, 7))

    assert (await opened(world, physician)).uploads == ()
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM evidence") == 0


async def test_what_was_submitted_stays_on_record_when_it_is_replaced(world: World) -> None:
    physician = world.here.general
    await submitted(world, world.here, physician)
    world.clock.move(hours=1)
    await returned(world, physician, "licence")
    (licence,) = [each for each in (await opened(world, physician)).uploads if each.slot == "licence"]
    await form.remove_picture(world.services, physician, licence.id)

    async with world.database.tx() as tx:
        assert await form.open_picture(
            tx, world.vault, world.services.evidence, licence.id, licence.province_id
        )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 ...", "实际上是PDF文档"),
        (a_picture() + bytes(20 * 1024 * 1024), "约20.0MB，超过了3MB的限制"),
        (a_picture()[:400], "不完整"),
        (b"", "文件是空的"),
    ],
)
async def test_a_file_that_lies_or_is_too_large_is_refused_and_nothing_kept(
    world: World, data: bytes, words: str
) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)

    with pytest.raises(BadPicture, match=words):
        await form.add_pictures(world.services, physician, "licence", [data])

    assert (await opened(world, physician)).uploads == ()
