"""The presets are the table of domain.md, and a policy that is wrong says where."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from exam_service.cycles.policy import (
    Confirmation,
    PaperRule,
    Policy,
    Procedure,
    ProctorRule,
    Subject,
    merge_preset,
    parse_policy,
    parse_rule,
    preset_names,
    read_preset,
)
from exam_service.errors import Misconfigured
from tests.factories import a_policy

FREE = PaperRule(Subject.HUMANITIES, 50, 60, 60, None, Confirmation.IMMEDIATE)
FREE_BUT_CONFIRMED = PaperRule(Subject.HUMANITIES, 50, 60, 60, None, Confirmation.BODY)
HUMANITIES_ONCE = PaperRule(Subject.HUMANITIES, 50, 60, 60, 1, Confirmation.IMMEDIATE)
PROFESSIONAL = PaperRule(Subject.PROFESSIONAL, 100, 60, 60, 1, Confirmation.BODY)

# preset: simple papers, general papers, whether the general ones come in order
PAPERS = {
    "dingkaotong-2023": ((FREE,), (HUMANITIES_ONCE, PROFESSIONAL), True),
    "hainan-2024": ((FREE_BUT_CONFIRMED,), (FREE_BUT_CONFIRMED, PROFESSIONAL), False),
    "henan-c6": ((FREE,), (FREE, PROFESSIONAL), False),
    "hunan-2026": ((FREE,), (FREE, PROFESSIONAL), False),
    "shanxi-2024": ((), (PROFESSIONAL,), False),
}
# The table of design/domain.md, a line for each paper that is sat:
# preset, procedure, paper, attempts, confirmation, items, minutes, pass mark, place in the procedure
TABLE = """
hainan-2024       simple   humanities    unlimited  body       50  60  60  any
hainan-2024       general  humanities    unlimited  body       50  60  60  any
hainan-2024       general  professional  1          body      100  60  60  any
dingkaotong-2023  simple   humanities    unlimited  immediate  50  60  60  any
dingkaotong-2023  general  humanities    1          immediate  50  60  60  first
dingkaotong-2023  general  professional  1          body      100  60  60  second
shanxi-2024       general  professional  1          body      100  60  60  any
henan-c6          simple   humanities    unlimited  immediate  50  60  60  any
henan-c6          general  humanities    unlimited  immediate  50  60  60  any
henan-c6          general  professional  1          body      100  60  60  any
hunan-2026        simple   humanities    unlimited  immediate  50  60  60  any
hunan-2026        general  humanities    unlimited  immediate  50  60  60  any
hunan-2026        general  professional  1          body      100  60  60  any
"""

# preset: province, what the manual calls the two papers, 报名完成, 待评定, from when practice is open
WORDS = {
    "dingkaotong-2023": (
        ("dingkaotong", "医学人文测评", "业务水平专业知识测评"),
        ("报名完成-等待测评", "待评定", "admitted"),
    ),
    "hainan-2024": (("hainan", "医学人文测评", "业务水平测评"), ("待参加测评", "待评定", "admitted")),
    "henan-c6": (("henan", "公共知识测评", "业务水平"), ("待参加测评", "待评定", "admitted")),
    "hunan-2026": (("hunan", "人文医学测评", "业务水平测评"), ("报名完成-等待测评", "待评定", "admitted")),
    "shanxi-2024": (("shanxi", "人文医学", "业务水平"), ("报名完成-待测评", "待评定", "registered")),
}


def test_five_provinces_come_with_the_service() -> None:
    assert preset_names() == sorted(PAPERS)


@pytest.mark.parametrize("preset", PAPERS)
def test_a_province_sits_the_papers_of_its_manual(preset: str) -> None:
    simple, general, in_order = PAPERS[preset]
    policy = read_preset(preset)
    assert set(policy.procedures) == set(Procedure)
    assert policy.procedures[Procedure.SIMPLE].papers == simple
    assert policy.procedures[Procedure.SIMPLE].in_order is False
    assert policy.procedures[Procedure.GENERAL].papers == general
    assert policy.procedures[Procedure.GENERAL].in_order is in_order


def lines_of(preset: str) -> list[list[str]]:
    lines = []
    for procedure, sat in read_preset(preset).procedures.items():
        for place, rule in zip(("first", "second"), sat.papers, strict=False):
            numbers = (rule.items, rule.minutes, rule.pass_mark)
            attempts = "unlimited" if rule.attempts is None else rule.attempts
            order = place if sat.in_order else "any"
            lines.append([preset, procedure, rule.subject, attempts, rule.confirmation, *numbers, order])
    return [[str(cell) for cell in line] for line in lines]


def test_the_presets_are_the_table_of_the_domain_and_nothing_more() -> None:
    table = [line.split() for line in TABLE.strip().splitlines()]
    assert sorted(line for preset in preset_names() for line in lines_of(preset)) == sorted(table)


@pytest.mark.parametrize("preset", PAPERS)
def test_no_preset_sets_a_pause_and_each_draws_anew(preset: str) -> None:
    """No source says anything of a pause."""
    for sat in read_preset(preset).procedures.values():
        assert {(rule.pause_minutes, rule.fresh_items) for rule in sat.papers} <= {(0, True)}


@pytest.mark.parametrize(
    ("preset", "simple", "general"),
    [
        ("hainan-2024", {"professional"}, {"professional"}),
        ("dingkaotong-2023", {"humanities"}, {"professional"}),
        ("shanxi-2024", {"professional"}, {"professional"}),
        ("henan-c6", {"professional"}, {"professional"}),
        ("hunan-2026", {"professional"}, {"professional"}),
    ],
)
def test_an_exemption_waives_what_the_table_says(preset: str, simple: set[str], general: set[str]) -> None:
    procedures = read_preset(preset).procedures
    assert procedures[Procedure.SIMPLE].exemptible == simple
    assert procedures[Procedure.GENERAL].exemptible == general


@pytest.mark.parametrize("preset", WORDS)
def test_a_province_uses_the_words_of_its_manual(preset: str) -> None:
    (province, humanities, professional), (registered, awaiting, practice) = WORDS[preset]
    policy = read_preset(preset)
    assert (policy.name, policy.province) == (preset, province)
    assert policy.label(Subject.HUMANITIES) == humanities
    assert policy.label(Subject.PROFESSIONAL) == professional
    assert (policy.labels["registered"], policy.labels["awaiting"]) == (registered, awaiting)
    assert policy.practice_opens == practice


@pytest.mark.parametrize("preset", PAPERS)
def test_every_notice_forbids_a_substitute_and_says_who_decides(preset: str) -> None:
    policy = read_preset(preset)
    text = "".join(policy.notice_rules)
    assert policy.notice_version
    assert "禁止他人替考" in text
    assert "是否违规由考核机构工作人员判定" in text


@pytest.mark.parametrize("preset", PAPERS)
def test_a_cycle_reads_back_the_policy_it_stored(preset: str) -> None:
    policy = read_preset(preset)
    stored = json.loads(json.dumps(dict(policy.raw), ensure_ascii=False))
    assert parse_policy(stored) == policy


@pytest.mark.parametrize("rule", [FREE, FREE_BUT_CONFIRMED, HUMANITIES_ONCE, PROFESSIONAL])
def test_an_attempt_reads_back_the_rule_it_stored(rule: PaperRule) -> None:
    assert parse_rule(json.loads(json.dumps(rule.to_json()))) == rule


PAUSED = PaperRule(
    Subject.HUMANITIES, 50, 60, 60, 3, Confirmation.IMMEDIATE, pause_minutes=30, fresh_items=False
)


def test_an_attempt_reads_back_its_pause_and_whether_its_items_are_fresh() -> None:
    assert parse_rule(json.loads(json.dumps(PAUSED.to_json()))) == PAUSED


def test_an_attempt_stored_before_there_were_pauses_is_read() -> None:
    stored = FREE.to_json()
    del stored["pause_minutes"], stored["fresh_items"]
    assert parse_rule(stored) == FREE


def test_a_cycle_stored_before_there_were_pauses_exemptions_and_a_paper_page_is_read() -> None:
    raw = changed(lambda raw: raw.pop("paper_page"))
    for procedure in raw["procedures"].values():
        del procedure["exemptible"]
        for subject in Subject:
            assert not {"pause_minutes", "fresh_items"} & set(procedure[subject])
    policy = parse_policy(raw)
    assert policy.procedures == a_policy().procedures
    assert (policy.block_copy, policy.watermark) == (True, True)


def test_a_province_says_how_often_faces_are_photographed() -> None:
    before = parse_policy(changed(lambda raw: raw.pop("proctor")))
    assert before.proctor == ProctorRule(10, 12, 4)
    own = {"interval_seconds": 20, "extra_per_hour": 0, "doubt_interval_seconds": 5}
    assert parse_policy(changed(lambda raw: raw.update(proctor=own))).proctor == ProctorRule(20, 0, 5)


@pytest.mark.parametrize("block_copy", [True, False])
@pytest.mark.parametrize("watermark", [True, False])
def test_a_province_says_how_its_paper_page_is_protected(*, block_copy: bool, watermark: bool) -> None:
    policy = parse_policy(
        changed(lambda raw: raw.update(paper_page={"block_copy": block_copy, "watermark": watermark}))
    )
    assert (policy.block_copy, policy.watermark) == (block_copy, watermark)


def test_a_province_sets_a_pause_and_the_same_draw_for_one_paper() -> None:
    changes = in_general(pause_minutes=30, fresh_items=False)
    general = parse_policy(changed(changes)).procedures[Procedure.GENERAL].papers
    assert [(rule.pause_minutes, rule.fresh_items) for rule in general] == [(0, True), (30, False)]


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Misconfigured, match=r"'guangxi-2026'.*hunan-2026"):
        read_preset("guangxi-2026")


@pytest.mark.parametrize("name", ["default", "../presets/hunan-2026", "hunan-2026.toml", ""])
def test_only_a_preset_is_read_as_one(name: str) -> None:
    with pytest.raises(Misconfigured, match="no policy preset"):
        read_preset(name)


GUANGXI = """
name = "guangxi-2026"
province = "guangxi"

[labels]
humanities = "人文知识测评"

[procedures.general]
in_order = true
professional = { items = 80, minutes = 90, attempts = 20 }
"""


def test_a_sixth_province_is_one_text() -> None:
    policy = merge_preset(GUANGXI)
    general = policy.procedures[Procedure.GENERAL]
    assert (policy.name, policy.province) == ("guangxi-2026", "guangxi")
    assert policy.label(Subject.HUMANITIES) == "人文知识测评"
    assert general.in_order
    assert general.papers == (FREE, PaperRule(Subject.PROFESSIONAL, 80, 90, 60, 20, Confirmation.BODY))


def test_a_province_that_says_nothing_has_the_commissions_rule() -> None:
    policy = merge_preset('name = "guangxi-2026"\nprovince = "guangxi"\n')
    assert policy.procedures == read_preset("hunan-2026").procedures
    assert policy.label(Subject.HUMANITIES) == "人文医学"


def test_a_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(Misconfigured, match="line 1"):
        merge_preset("name: guangxi-2026")


Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    raw = json.loads(json.dumps(dict(a_policy().raw)))
    change(raw)
    return raw


def refusal(change: Change) -> str:
    with pytest.raises(Misconfigured) as error:
        parse_policy(changed(change))
    return str(error.value)


def in_general(**values: Any) -> Change:
    """Change the professional paper of the general procedure."""
    return lambda raw: raw["procedures"]["general"]["professional"].update(values)


def without(*path: str) -> Change:
    def change(raw: dict[str, Any]) -> None:
        for name in path[:-1]:
            raw = raw[name]
        del raw[path[-1]]

    return change


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (["name"], "name"),
        (["province"], "province"),
        (["labels"], "labels"),
        (["labels", "humanities"], "labels.humanities"),
        (["labels", "awaiting"], "labels.awaiting"),
        (["notice"], "notice"),
        (["notice", "version"], "notice.version"),
        (["notice", "rules"], "notice.rules"),
        (["practice"], "practice"),
        (["practice", "opens"], "practice.opens"),
        (["procedures"], "procedures"),
        (["procedures", "simple"], "simple"),
        (["procedures", "general", "papers"], "procedures.general.papers"),
        (["procedures", "general", "in_order"], "procedures.general.in_order"),
        (["procedures", "general", "professional"], "professional"),
        (["procedures", "general", "professional", "items"], "items"),
        (["procedures", "general", "professional", "attempts"], "attempts"),
        (["procedures", "general", "professional", "confirmation"], "confirmation"),
    ],
    ids=".".join,
)
def test_what_is_missing_is_named(path: list[str], place: str) -> None:
    assert place in refusal(without(*path))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (in_general(items=0), "professional"),
        (in_general(minutes=0), "professional"),
        (in_general(pass_mark=101), "professional"),
        (in_general(pass_mark=-1), "professional"),
        (in_general(attempts=0), "attempts"),
        (in_general(attempts=-1), "attempts"),
        (in_general(attempts="many"), "many"),
        (in_general(items="fifty"), "fifty"),
        (in_general(items=None), "professional"),
        (in_general(confirmation="later"), "later"),
        (in_general(pause_minutes=-1), "pause_minutes"),
        (in_general(pause_minutes="30"), "pause_minutes"),
        (in_general(fresh_items="yes"), "fresh_items"),
        (lambda raw: raw["procedures"]["general"].update(exemptible=["ethics"]), "ethics"),
        (lambda raw: raw["procedures"]["general"].update(exemptible="professional"), "exemptible"),
        (lambda raw: raw.update(paper_page={"block_copy": 1}), "paper_page.block_copy"),
        (lambda raw: raw.update(paper_page={"watermark": "yes"}), "paper_page.watermark"),
        (lambda raw: raw.update(paper_page=True), "paper_page"),
        (lambda raw: raw.update(proctor={"interval_seconds": 1}), "proctor.interval_seconds"),
        (
            lambda raw: raw.update(proctor={"interval_seconds": 3, "doubt_interval_seconds": 4}),
            "proctor.doubt",
        ),
        (lambda raw: raw.update(proctor={"every": 3}), "proctor: unknown every"),
        (lambda raw: raw["notice"].update(rules=[]), "notice.rules"),
        (lambda raw: raw["notice"].update(rules="规则"), "notice.rules"),
        (lambda raw: raw["notice"].update(rules=[1]), "notice.rules"),
        (lambda raw: raw["practice"].update(opens="always"), "practice.opens"),
        (lambda raw: raw["labels"].update(humanities=""), "labels.humanities"),
        (lambda raw: raw["procedures"]["general"].update(papers="humanities"), "procedures.general.papers"),
        (lambda raw: raw["procedures"]["general"].update(papers=["ethics"]), "ethics"),
        (lambda raw: raw["procedures"]["general"].update(papers=["ethics"], ethics={}), "ethics"),
        (lambda raw: raw.update(procedures=[]), "procedures"),
    ],
)
def test_what_is_out_of_range_is_named(change: Change, place: str) -> None:
    assert place in refusal(change)


@pytest.mark.parametrize(
    "values",
    [{"items": 1}, {"minutes": 1}, {"pass_mark": 0}, {"pass_mark": 100}, {"attempts": 1}],
    ids=str,
)
def test_what_is_just_in_range_is_taken(values: dict[str, int]) -> None:
    rule = parse_policy(changed(in_general(**values))).procedures[Procedure.GENERAL].papers[1]
    assert {name: getattr(rule, name) for name in values} == values


@pytest.mark.parametrize(
    ("change", "unknown"),
    [
        (lambda raw: raw.update(colour="red"), "colour"),
        (lambda raw: raw["labels"].update(humanitys="人文"), "humanitys"),
        (lambda raw: raw["procedures"]["general"].update(in_ordr=True), "in_ordr"),
    ],
)
def test_what_is_unknown_is_named(change: Change, unknown: str) -> None:
    assert unknown in refusal(change)


@pytest.mark.parametrize(
    ("change", "unknown"),
    [
        (in_general(atempts=3), "atempts"),
        (lambda raw: raw["procedures"].update(special={}), "special"),
        (lambda raw: raw["notice"].update(rule="不"), "rule"),
        (lambda raw: raw["practice"].update(closes="never"), "closes"),
        (lambda raw: raw["paper_page"].update(watermarks=True), "watermarks"),
    ],
    ids=["in a paper", "a procedure", "in the notice", "in practice", "in the paper page"],
)
def test_a_slip_of_the_pen_deep_inside_is_noticed_too(change: Change, unknown: str) -> None:
    assert f"unknown {unknown}" in refusal(change)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (without("procedures", "simple"), "procedures.simple"),
        (without("procedures", "general", "professional"), "procedures.general.professional"),
        (without("procedures", "general", "professional", "items"), "procedures.general.professional"),
        (in_general(minutes=0), "procedures.general.professional"),
        (in_general(attempts=0), "procedures.general.professional"),
    ],
    ids=["a procedure", "a paper", "a value", "out of range", "attempts out of range"],
)
def test_the_refusal_says_in_which_procedure_to_look(change: Change, place: str) -> None:
    assert place in refusal(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["procedures"]["general"].update(in_order="false"),
        in_general(items=50.7),
        in_general(items=True),
        in_general(attempts=1.5),
    ],
    ids=["a text for a truth", "a part of an item", "a truth for a number", "a part of an attempt"],
)
def test_a_value_of_the_wrong_kind_is_refused_and_not_bent(change: Change) -> None:
    with pytest.raises(Misconfigured):
        parse_policy(changed(change))


def test_a_procedure_names_each_paper_once() -> None:
    with pytest.raises(Misconfigured, match="humanities"):
        parse_policy(
            changed(lambda raw: raw["procedures"]["general"].update(papers=["humanities", "humanities"]))
        )


def test_a_policy_without_any_change_is_taken() -> None:
    policy: Policy = parse_policy(changed(lambda _: None))
    assert policy == a_policy()
