"""``exam-service proctor calibrate``: real photographs in, what they support and what not out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from exam_service.__main__ import main
from exam_service.proctor.verifier import MODEL
from tests.world import camera_frame, portrait

PEOPLE = {
    "obama": ["obama.jpg", "obama2.jpg", "obama3.jpg"],
    "biden": ["biden.jpg", "biden2.jpg"],
    "harington": ["kit-harington1.jpg", "kit-harington2.jpg"],
    "leslie": ["rose-leslie1.jpg", "rose-leslie2.jpg"],
    "lacamoire": ["alex-lacamoire.png", "alex-lacamoire2.jpg"],
}
YOUNG = {"harington", "leslie", "lacamoire"}
SAMPLE_KEYS = {
    *("pictures", "pairs", "genuine", "impostor", "left_out", "fte", "eer", "match", "mismatch", "table")
}
LIMIT_KEYS = {"threshold", "wanted", "errors", "trials", "upper", "supported", "needed"}
RATE_KEYS = {"errors", "trials", "rate", "lower", "upper"}
OUTCOME_KEYS = {"match", "mismatch", "fmr", "fnmr", "genuine_matched", "impostor_mismatched"}

Calibrate = Callable[..., Result]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def calibrate(models: Path) -> Calibrate:
    def run(file: Path, *options: str | Path) -> Result:
        command = ["proctor", "calibrate", str(file), "--models", str(models), *map(str, options)]
        return CliRunner().invoke(main, command)

    return run


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """A file of pairs, beside two pictures with a face and one without."""
    (tmp_path / "grace.jpg").write_bytes(portrait())
    (tmp_path / "同一人.jpg").write_bytes(camera_frame(portrait(), quality=60))
    (tmp_path / "nobody.jpg").write_bytes(camera_frame(b"P5 640 480 255\n" + bytes([128]) * (640 * 480)))
    (tmp_path / "notes.jpg").write_text("no picture")

    def write(*rows: str, header: str = "a,b,same,group", encoding: str = "utf-8") -> Path:
        file = tmp_path / "pairs.csv"
        file.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
        return file

    return write


def photographs(faces: Path) -> str:
    """Every pair of the photographs, as an operator would list them."""
    who = {str(faces / name): person for person, names in PEOPLE.items() for name in names}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["a", "b", "same", "group"])
    for a, b in combinations(who, 2):
        young = len({who[a], who[b]} & YOUNG) == len({who[a], who[b]})
        writer.writerow([a, b, "是" if who[a] == who[b] else "否", "35岁以下" if young else "其他"])
    return text.getvalue()


@pytest.fixture(scope="module")
def ended(
    faces_dir: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """One run on the photographs: its JSON object and its plot."""
    directory = tmp_path_factory.mktemp("photographs")
    file, plot = directory / "pairs.csv", directory / "plot.svg"
    file.write_text(photographs(faces_dir), encoding="utf-8")
    words = ["proctor", "calibrate", str(file), "--json", "--plot", str(plot), "--models", str(models)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), plot


def test_real_photographs_are_told_apart_and_too_few(ended: tuple[dict[str, Any], Path]) -> None:
    found, _ = ended
    assert (found["model"], found["pictures"], found["pairs"]) == (MODEL, 11, 55)
    assert (found["genuine"], found["impostor"], found["fte"]["errors"]) == (7, 48, 0)
    assert found["eer"]["rate"] == 0
    assert found["match"]["threshold"] > found["mismatch"]["threshold"], "the kinds lie apart"
    for limit in (found["match"], found["mismatch"]):
        assert (limit["supported"], limit["needed"], limit["errors"]) == (False, 2995, 0)
    assert found["proposal"]["match"] < found["proposal"]["mismatch"]
    assert sum("too few" in warning for warning in found["warnings"]) == 6, "overall, and of both groups"
    assert any("not independent" in warning for warning in found["warnings"])


def test_the_json_object_has_the_keys_of_the_manual(ended: tuple[dict[str, Any], Path]) -> None:
    found, _ = ended
    lists = {"without_face", "several_faces", "warnings"}
    assert set(found) == SAMPLE_KEYS | lists | {"model", "wanted", "proposal", "configured", "groups"}
    assert found["wanted"] == {"fmr": 0.001, "fnmr": 0.001, "confidence": 0.95}
    assert set(found["groups"]) == {"35岁以下", "其他"}
    for sample in (found, *found["groups"].values()):
        assert set(sample) >= SAMPLE_KEYS
        assert set(sample["match"]) == set(sample["mismatch"]) == LIMIT_KEYS
        assert all(set(row) == {"threshold", "fmr", "fnmr"} for row in sample["table"])
        assert set(sample["table"][0]["fmr"]) == set(sample["fte"]) == RATE_KEYS
    for outcome in (found["proposal"], found["configured"], found["groups"]["其他"]["at_proposal"]):
        assert set(outcome) == OUTCOME_KEYS
    manual = Path(__file__).parents[2] / "docs" / "operations.md"
    text = manual.read_text(encoding="utf-8")
    described = {*found, *LIMIT_KEYS, *RATE_KEYS, *OUTCOME_KEYS, "at_proposal"}
    assert [key for key in sorted(described) if f"`{key}`" not in text] == []


def test_the_plot_is_an_image_that_names_model_counts_and_thresholds(
    ended: tuple[dict[str, Any], Path],
) -> None:
    found, plot = ended
    root = ET.parse(plot).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    shown = " ".join(text.strip() for text in root.itertext())
    proposal = found["proposal"]
    for words in (
        f"Calibration of {MODEL}: 7 genuine and 48 impostor pairs of 11 pictures",
        f"match threshold {proposal['match']:g}",
        f"mismatch threshold {proposal['mismatch']:g}",
        f"match up to {proposal['match']:g} (unsupported: too few pairs)",
        "group 35岁以下",
        "FMR, % of impostor pairs",
    ):
        assert words in shown


def test_a_person_reads_lines(calibrate: Calibrate, sheet: Callable[..., Path]) -> None:
    result = calibrate(sheet("grace.jpg,同一人.jpg,yes,", encoding="gb18030"), "--fmr", "0.01")
    assert result.exit_code == 0, result.output
    assert "pairs       1: 1 genuine, 0 impostor, 0 left out" in result.stdout
    assert "proposal    none: it needs genuine and impostor pairs" in result.stdout
    assert "0 of the 299 that FMR ≤ 1% needs" in result.stdout
    assert "Looking at pictures" not in result.stdout, "progress is not part of the answer"


def test_pictures_without_a_face_are_counted_and_their_pairs_left_out(
    calibrate: Calibrate, sheet: Callable[..., Path], tmp_path: Path
) -> None:
    file = sheet("grace.jpg,同一人.jpg,1,甲", f"grace.jpg,{tmp_path}/nobody.jpg,0,乙")
    result = calibrate(file, "--json", "--plot", tmp_path / "plot.svg")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["pairs"], found["genuine"], found["impostor"], found["left_out"]) == (2, 1, 0, 1)
    assert (found["fte"]["errors"], found["fte"]["trials"]) == (1, 3)
    assert found["without_face"] == [str(tmp_path / "nobody.jpg")]
    assert found["groups"]["乙"]["fte"]["rate"] == 0.5
    assert found["proposal"] is None
    ET.parse(tmp_path / "plot.svg")


def test_every_bad_row_is_named_and_nothing_is_measured(
    calibrate: Calibrate, sheet: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "copy.jpg").write_bytes(portrait())
    result = calibrate(
        sheet(
            "grace.jpg,同一人.jpg,1,",
            "grace.jpg,gone.jpg,1,",
            "grace.jpg,nobody.jpg,maybe,",
            "grace.jpg,,1,",
            "同一人.jpg,grace.jpg,1,",
            "grace.jpg,notes.jpg,0,",
            "grace.jpg,grace.jpg,1,",
            "",
            "grace.jpg,copy.jpg,1,",
            "copy.jpg,同一人.jpg,no,",
            'grace.jpg,"nobody.jpg,0,',
        )
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    said = dict(line.split(": ", 1) for line in result.stderr.splitlines() if line.startswith("line "))
    assert list(said) == [f"line {number}" for number in (3, 4, 5, 6, 7, 8, 10, 11, 12)]
    for line, words in {
        3: "no such file: gone.jpg",
        4: "same is 'maybe'; it is one of 1, true, yes, 是, 0",
        5: "b missing",
        6: "the same pair as in line 2",
        7: "notes.jpg: ",
        8: "compared with itself",
        10: "hold the same picture",
        11: "other rows make these pictures one person",
        12: "no CSV from here on",
    }.items():
        assert words in said[f"line {line}"]
    assert "Error: nothing was measured: 9 rows are wrong" in result.stderr


def test_a_plot_that_cannot_be_written_does_not_cost_the_figures(
    calibrate: Calibrate, sheet: Callable[..., Path], tmp_path: Path
) -> None:
    result = calibrate(sheet("grace.jpg,同一人.jpg,1,"), "--json", "--plot", tmp_path / "gone" / "plot.svg")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["genuine"] == 1
    assert "Error: no plot: " in result.stderr


@pytest.mark.parametrize(
    ("header", "missing"), [("a,b,group", "no column same"), ("left,right,same", "no column a, b")]
)
def test_a_file_without_the_columns_is_refused(
    calibrate: Calibrate, sheet: Callable[..., Path], header: str, missing: str
) -> None:
    result = calibrate(sheet("grace.jpg,nobody.jpg,1", header=header))
    assert result.exit_code == 1
    assert f"line 1: {missing}" in result.stderr
