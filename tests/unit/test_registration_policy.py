"""What the presets say of the time before the paper is what the five manuals say."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from exam_service.cycles.form_rules import LockableField, PictureType, UploadKind
from exam_service.cycles.policy import (
    Policy,
    ReviewLevel,
    Stage,
    merge_preset,
    parse_policy,
    preset_names,
    read_preset,
)
from exam_service.errors import Conflict, Misconfigured
from exam_service.organisations.entry import Entry, Hours, LoginName, parse_entry
from tests.factories import a_cycle, a_policy

MB = 1024 * 1024

# preset: photo, licence, evidence in MB; evidence pictures in one place; types of photo; licence asked for
UPLOADS = {
    "dingkaotong-2023": (2, 3, 3, 9, {"jpg"}, False),
    "hainan-2024": (2, 3, 3, 9, {"jpg", "png"}, False),
    "henan-c6": (2, 3, 2, 3, {"jpg", "png"}, False),
    "hunan-2026": (2, 3, 3, 9, {"jpg", "png"}, True),
    "shanxi-2024": (5, 3, 3, 9, {"jpg", "png"}, False),
}
# preset: the conditions of the simple procedure as (years, good record, no bad record)
CONDITIONS = {
    "dingkaotong-2023": [(5, True, False), (12, False, True), (None, False, False)],
    "hainan-2024": [(5, True, False), (12, False, True), (None, False, False), (None, False, False)],
    "henan-c6": [(5, True, False), (12, False, True), (None, False, False)],
    "hunan-2026": [(5, True, True), (12, False, True), (None, False, False), (None, False, False)],
    "shanxi-2024": [(5, True, False), (12, False, True), (None, False, False)],
}


def test_every_preset_is_in_the_tables() -> None:
    assert set(UPLOADS) == set(CONDITIONS) == set(preset_names())


@pytest.mark.parametrize("preset", UPLOADS)
def test_pictures_have_the_limits_of_the_manual(preset: str) -> None:
    photo, licence, evidence, most, types, asked = UPLOADS[preset]
    form = read_preset(preset).form
    limits = [form.uploads[kind].max_megabytes for kind in UploadKind]
    assert limits == [photo, licence, evidence]
    assert form.uploads[UploadKind.EVIDENCE].most == most
    assert set(form.uploads[UploadKind.PHOTO].types) == types
    assert form.licence is asked


@pytest.mark.parametrize("preset", CONDITIONS)
def test_the_simple_procedure_has_the_conditions_of_the_manual(preset: str) -> None:
    conditions = read_preset(preset).form.conditions
    assert [(each.years, each.good_record, each.no_bad_record) for each in conditions] == CONDITIONS[preset]


@pytest.mark.parametrize(
    ("preset", "locked"),
    [
        ("dingkaotong-2023", {LockableField.QUALIFICATION_NUMBER, LockableField.PRACTISING_NUMBER}),
        ("henan-c6", {LockableField.BIRTH}),
        ("hunan-2026", set()),
    ],
)
def test_fields_are_locked_as_the_manual_says(preset: str, locked: set[LockableField]) -> None:
    assert read_preset(preset).form.locked == locked


def test_what_only_one_province_has() -> None:
    having: dict[str, set[str]] = {}
    for name in preset_names():
        policy = read_preset(name)
        for trait, has in {
            "research": policy.form.research,
            "modification": policy.form.modification,
            "carried": policy.form.carried_records,
            "own exemption stage": policy.exemption.own_stage,
            "self registration": policy.entry.self_registration,
            "mobile login": LoginName.MOBILE in policy.entry.login,
        }.items():
            if has:
                having.setdefault(trait, set()).add(name)
    assert having == {
        "research": {"hainan-2024"},
        "modification": {"shanxi-2024"},
        "carried": {"henan-c6"},
        "own exemption stage": {"hunan-2026"},
        "self registration": {"hainan-2024"},
        "mobile login": {"hainan-2024"},
    }


def test_hainan_and_shanxi_show_a_captcha() -> None:
    assert {name for name in preset_names() if read_preset(name).entry.captcha} == {
        "hainan-2024",
        "shanxi-2024",
    }


def test_henan_is_under_maintenance_before_midnight_and_counts_in_two_years() -> None:
    policy = read_preset("henan-c6")
    assert policy.entry.maintenance == (Hours(time(22), None),)
    assert policy.form.quantity_unit == "两年"
    assert {record.most for record in policy.form.good_records} == {1}


def test_shanxi_leaves_the_thirteenth_misconduct_out_and_cites_the_new_law() -> None:
    everywhere = [code for code, _ in read_preset("hunan-2026").form.misconduct]
    shanxi = dict(read_preset("shanxi-2024").form.misconduct)
    assert everywhere == [str(number) for number in range(1, 15)]
    assert set(everywhere) - set(shanxi) == {"13"}
    assert "《医师法》" in shanxi["14"]


def test_hunan_counts_years_to_the_end_of_2025_and_proposes_its_stages() -> None:
    policy = read_preset("hunan-2026")
    assert policy.form.years_until == date(2025, 12, 31)
    assert policy.stages[Stage.BODY_APPLICATIONS] == (date(2026, 3, 30), date(2026, 4, 8))
    assert policy.stages[Stage.REGISTRATION] == (date(2026, 4, 13), date(2026, 5, 6))
    assert policy.stages[Stage.REVIEW] == (date(2026, 4, 13), date(2026, 5, 9))


def test_exemptions_go_to_the_institution_and_then_to_the_body() -> None:
    assert read_preset("hunan-2026").exemption.levels == (ReviewLevel.INSTITUTION, ReviewLevel.BODY)


@pytest.mark.parametrize("preset", UPLOADS)
def test_what_a_cycle_stores_reads_back_the_same(preset: str) -> None:
    policy = read_preset(preset)
    assert parse_policy(json.loads(json.dumps(dict(policy.raw)))) == policy


def test_a_cycle_that_was_opened_before_registration_existed_has_the_default_of_it() -> None:
    raw = dict(a_policy().raw)
    for name in ("entry", "form", "exemption", "stages"):
        del raw[name]
    raw["labels"] = {
        name: raw["labels"][name] for name in ("humanities", "professional", "registered", "awaiting")
    }
    policy = parse_policy(raw)
    assert policy.form.conditions
    assert policy.labels["tool_register"] == "我要报名"


Change = Callable[[dict[str, Any]], object]


def refusal(change: Change) -> str:
    raw = json.loads(json.dumps(dict(a_policy().raw)))
    change(raw)
    with pytest.raises(Misconfigured) as error:
        parse_policy(raw)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda raw: raw["form"]["uploads"]["photo"].update(max_mb=0), "form.uploads.photo.max_mb"),
        (lambda raw: raw["form"]["uploads"]["photo"].update(max_mb=11), "form.uploads.photo.max_mb"),
        (lambda raw: raw["form"]["uploads"]["photo"].update(types=["gif"]), "gif"),
        (lambda raw: raw["form"]["uploads"].pop("licence"), "form.uploads.licence"),
        (lambda raw: raw["form"].update(locked=["name"]), "name"),
        (lambda raw: raw["form"].update(years_until="31.12.2025"), "form.years_until"),
        (lambda raw: raw["form"].update(conditions="five"), "form.conditions"),
        (lambda raw: raw["form"]["conditions"].append(raw["form"]["conditions"][0]), "twice"),
        (lambda raw: raw["form"]["misconduct"].append({"code": "1", "text": "再一次"}), "form.misconduct"),
        (lambda raw: raw["form"]["conditions"][0].update(yaers=5), "unknown yaers"),
        (lambda raw: raw["form"]["good_records"][0].update(fields=["colour"]), "colour"),
        (lambda raw: raw["form"].update(ethics_references=[]), "form.ethics_references"),
        (lambda raw: raw["form"].update(colour="red"), "unknown colour"),
        (lambda raw: raw["exemption"].update(levels=[]), "exemption.levels"),
        (lambda raw: raw["exemption"].update(levels=["ministry"]), "ministry"),
        (lambda raw: raw["stages"].update(registration=["2026-05-06", "2026-04-13"]), "stages.registration"),
        (lambda raw: raw["stages"].update(registration=["2026-05-06"]), "stages.registration"),
        (lambda raw: raw["stages"].update(registration=["soon", "later"]), "stages.registration"),
        (lambda raw: raw["stages"].update(parties=["2026-05-06", "2026-05-07"]), "parties"),
        (lambda raw: raw["entry"].update(login=["mobile"]), "entry.login"),
        (lambda raw: raw["entry"].update(maintenance=["24:00-25:00"]), "entry.maintenance"),
        (lambda raw: raw["entry"].update(maintenance=["12:00-11:00"]), "entry.maintenance"),
        (lambda raw: raw["entry"].update(captcha="yes"), "entry.captcha"),
        (lambda raw: raw["entry"].update(faq=[{"question": "为什么？"}]), "entry.faq[1].answer"),
        (lambda raw: raw["entry"].update(phone="110"), "unknown phone"),
        (lambda raw: raw.update(entry="open"), "entry"),
    ],
)
def test_what_is_wrong_is_named(change: Change, place: str) -> None:
    assert place in refusal(change)


def test_a_sixth_province_is_one_file_that_says_what_is_different() -> None:
    policy: Policy = merge_preset("""
        name = "guangxi-2027"
        province = "guangxi"
        [entry]
        maintenance = ["01:00-03:30"]
        [form]
        research = true
        [form.uploads]
        photo = { max_mb = 4, types = ["png"] }
    """)
    assert policy.entry.maintenance == (Hours(time(1), time(3, 30)),)
    assert policy.form.research
    assert policy.form.uploads[UploadKind.PHOTO].types == (PictureType.PNG,)
    assert policy.form.uploads[UploadKind.EVIDENCE].max_bytes == 3 * MB


def test_a_province_without_a_cycle_has_the_usual_entry() -> None:
    assert parse_entry({}) == Entry()


REGISTRATION = {Stage.REGISTRATION: (date(2026, 4, 13), date(2026, 5, 6))}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2026, 4, 12, 15, 59, tzinfo=UTC), "医师报名尚未开始，时间为2026-04-13 至 2026-05-06。"),
        (datetime(2026, 4, 12, 16, 0, tzinfo=UTC), None),
        (datetime(2026, 5, 6, 15, 59, tzinfo=UTC), None),
        (datetime(2026, 5, 6, 16, 0, tzinfo=UTC), "医师报名已经结束，时间为2026-04-13 至 2026-05-06。"),
    ],
    ids=["the minute before", "midnight in China", "the last minute", "the day after"],
)
def test_outside_a_stage_its_days_are_said(moment: datetime, said: str | None) -> None:
    cycle = a_cycle(stages=REGISTRATION)
    assert cycle.stage_is_open(Stage.REGISTRATION, moment) is (said is None)
    if said is None:
        cycle.check_stage(Stage.REGISTRATION, moment)
    else:
        with pytest.raises(Conflict) as refused:
            cycle.check_stage(Stage.REGISTRATION, moment)
        assert refused.value.sentence == said


def test_a_stage_without_days_is_closed_and_says_so() -> None:
    with pytest.raises(Conflict, match="免考申请时间尚未公布"):
        a_cycle(stages=REGISTRATION).check_stage(Stage.EXEMPTION_APPLICATIONS, datetime.now(UTC))
