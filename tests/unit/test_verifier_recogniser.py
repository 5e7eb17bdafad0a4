"""Recognisers of the operator's own: described by a TOML, refused by the key that is wrong."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from exam_service.proctor.comparison import compare_pictures
from exam_service.proctor.verifier import MODEL, BadRecogniser, Verifier
from exam_service.proctor.verifier.own_recogniser import OwnRecogniser, similarity

SIDE, NUMBERS = 112, 16


def _hopper() -> bytes:
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    return (Path(matplotlib.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg").read_bytes()


HOPPER = _hopper()


def _network(layout: str = "NCHW") -> bytes:
    """A little recogniser: means of 28×28 pixels, times a matrix of chance; a batch of one, as many are."""
    shape = [1, 3, SIDE, SIDE] if layout == "NCHW" else [1, SIDE, SIDE, 3]
    matrix = np.random.default_rng(9).normal(size=(3 * 4 * 4, NUMBERS)).astype(np.float32)
    nodes = [
        helper.make_node(
            "Transpose", ["face"], ["planes"], perm=[0, 1, 2, 3] if layout == "NCHW" else [0, 3, 1, 2]
        ),
        helper.make_node("AveragePool", ["planes"], ["means"], kernel_shape=[28, 28], strides=[28, 28]),
        helper.make_node("Flatten", ["means"], ["row"], axis=1),
        helper.make_node("MatMul", ["row", "matrix"], ["numbers"]),
    ]
    graph = helper.make_graph(
        nodes,
        "little",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [1, NUMBERS])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _described(folder: Path, *changes: tuple[str, str], layout: str = "NCHW") -> Path:
    """The TOML of a little recogniser, with texts replaced in it."""
    network = _network(layout)
    (folder / "little.onnx").write_bytes(network)
    text = f"""
name = "little"
version = "1"
file = "little.onnx"
sha256 = "{hashlib.sha256(network).hexdigest()}"

[input]
width = 112
height = 112
channels = "RGB"
layout = "{layout}"
mean = [127.5, 127.5, 127.5]
scale = 127.5
template = "arcface"

[output]
name = "numbers"
size = 16

[distance]
metric = "cosine"
normalise = true
match = 0.2
mismatch = 0.5
"""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "little.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_network_of_the_operators_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    verifier = Verifier(tmp_path / "cache", _described(tmp_path))
    reading = verifier.read(HOPPER)
    assert verifier.model.startswith("little@1+")
    assert verifier.model != MODEL
    assert verifier.thresholds == (0.2, 0.5)
    assert reading.embedding is not None
    assert reading.embedding.shape == (NUMBERS,)
    assert np.linalg.norm(reading.embedding) == pytest.approx(1, abs=1e-5)
    assert verifier.distance(reading.embedding, reading.embedding) == pytest.approx(0, abs=1e-6)
    assert verifier.distance(reading.embedding, -reading.embedding) == pytest.approx(2, abs=1e-6)
    assert not (tmp_path / "cache").exists(), "the shipped network isn't even built"


@pytest.mark.parametrize(
    "template", ['"arcface"', '"dlib"', "[[79, 50], [66, 50], [33, 50], [46, 50], [56, 75]]"]
)
def test_layout_and_order_of_channels_are_as_described(tmp_path: Path, template: str) -> None:
    planes, pixels = tmp_path / "planes", tmp_path / "pixels"
    planes.mkdir()
    pixels.mkdir()
    change = ('"arcface"', template)
    one = Verifier(tmp_path, _described(planes, change)).read(HOPPER).embedding
    other = Verifier(tmp_path, _described(pixels, change, layout="NHWC")).read(HOPPER).embedding
    turned = Verifier(tmp_path, _described(pixels, change, ('"RGB"', '"BGR"'), layout="NHWC")).read(HOPPER)
    assert one is not None
    assert other is not None
    assert turned.embedding is not None
    assert np.allclose(one, other, atol=1e-5)
    assert not np.allclose(other, turned.embedding, atol=1e-2)


def test_the_model_changes_with_whatever_changes_the_numbers(tmp_path: Path) -> None:
    def model(*changes: tuple[str, str]) -> str:
        return OwnRecogniser.open(_described(tmp_path, *changes)).model

    plain = model()
    assert model() == plain
    assert model(("match = 0.2", "match = 0.3")) == plain, "thresholds are stored with each verdict"
    others = [
        model(('"RGB"', '"BGR"')),
        model(("scale = 127.5", "scale = 128.0")),
        model(("normalise = true", "normalise = false")),
        model(('"cosine"', '"euclidean"')),
        model(('version = "1"', 'version = "2"')),
    ]
    assert len({plain, *others}) == 6


def test_embeddings_of_another_length_are_never_compared(tmp_path: Path) -> None:
    verifier = Verifier(tmp_path, _described(tmp_path))
    own, shipped = np.ones(NUMBERS, np.float32), np.ones(128, np.float32)
    for pair in ((own, shipped), (shipped, own), (shipped, shipped)):
        with pytest.raises(ValueError, match="little@1"):
            verifier.distance(*pair)


def test_euclidean_distance_is_of_the_embeddings_as_they_are(tmp_path: Path) -> None:
    recogniser = OwnRecogniser.open(
        _described(tmp_path, ('"cosine"', '"euclidean"'), ("normalise = true", "normalise = false"))
    )
    one = np.zeros(NUMBERS, np.float32)
    assert recogniser.distance(one, one + 0.5) == pytest.approx(2)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "little"\n', "", "`name` is missing"),
        ('version = "1"', 'version = "1@2"', "`version`"),
        ('file = "little.onnx"', 'file = "gone.onnx"', "`file` can't be read"),
        ('sha256 = "', 'sha256 = "0', "`sha256` isn't that of little.onnx"),
        ("width = 112", "width = 0", "`input.width`"),
        ("width = 112", "width = 111", "`file` doesn't run as described"),
        ('"RGB"', '"RGBA"', "`input.channels` must be one of RGB, BGR"),
        ('"NCHW"', '"CHWN"', "`input.layout`"),
        ("mean = [127.5, 127.5, 127.5]", "mean = [127.5]", "`input.mean`"),
        ("scale = 127.5", "scale = 0", "`input.scale`"),
        ("scale = 127.5", 'scale = "a"', "`input.scale` must be numbers"),
        ('template = "arcface"', 'template = "mine"', "`input.template`"),
        ('template = "arcface"', "template = [[1, 2]]", "`input.template`"),
        ('template = "arcface"', 'template = "arcface"\ngamma = 2', "`input.gamma` is unknown"),
        ("size = 16", "size = 128", "`output.size` is 128, the network gives 16"),
        ('name = "numbers"', 'name = "digits"', "doesn't run as described"),
        ('"cosine"', '"manhattan"', "`distance.metric`"),
        ("normalise = true", 'normalise = "yes"', "`distance.normalise`"),
        ("match = 0.2", "match = 0.9", "`distance.match`"),
        ("[distance]", "[distances]", "`distances` is unknown"),
        ("[input]", "[input", "can't be read as TOML"),
    ],
)
def test_a_wrong_description_is_refused_by_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(BadRecogniser) as refused:
        OwnRecogniser.open(_described(tmp_path, (old, new)))
    assert key in str(refused.value)


def test_pictures_are_compared_by_the_recogniser_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "EXAM_RECOGNISER", str(_described(tmp_path)))
    result = compare_pictures(HOPPER, HOPPER, tmp_path / "models")
    assert str(result["model"]).startswith("little@1+")
    assert result["distance"] == 0


def test_points_are_laid_on_a_template_by_turn_scale_and_shift() -> None:
    template = np.array([[30.0, 40], [80, 40], [55, 75]])
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 2.5
    seen = template @ turn.T + (17, -4)
    matrix = similarity(seen, template)
    assert np.allclose(seen @ matrix[:, :2].T + matrix[:, 2], template)
    assert np.isfinite(similarity(np.zeros((3, 2)), template)).all()
