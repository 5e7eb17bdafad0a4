"""dlib's face ResNet and its detecting network, written down as ONNX graphs.

The layers are those of dlib's `dnn_face_recognition_ex.cpp`: the 34-layer network of He et al., "Deep
Residual Learning for Image Recognition", with a few layers fewer and half the filters.
`GRAPH_VERSION` in `layout.py` names this file's state: raise it with any change below.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from exam_service.proctor.verifier.layout import CHIP, INPUT, OUTPUT, PICTURE, SCORES
from exam_service.proctor.verifier.weights import Block, Weights

_OPSET = 17
# The version that belongs to the opset: onnx would stamp its newest, which onnxruntime may not read yet.
_IR_VERSION = 8

_MEAN = (122.782, 117.001, 104.298)  # of the training set, RGB (dlib's input_rgb_image)
_RANGE = 256.0


def write(weights: Weights) -> bytes:
    """The graph as an ONNX file: `chips` uint8 (n, 150, 150, 3) RGB → `embeddings` float32 (n, 128)."""
    return bytes(_Writer(INPUT).network(weights).SerializeToString())


def write_detector(blocks: Sequence[Block]) -> bytes:
    """The detecting network: `picture` uint8 (1, h, w, 3) RGB → `scores` float32 (1, 1, rows, columns)."""
    return bytes(_Writer(PICTURE).detector(blocks).SerializeToString())


class _Writer:
    """Nodes and constants gathered so far, and what leaves the last one: its name, channels and size."""

    def __init__(self, source: str) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []
        self._source = self._last = source
        self._channels = 3
        self._size = CHIP

    def network(self, weights: Weights) -> onnx.ModelProto:
        self._prepare()
        stem, *rest = weights.blocks
        self._convolution(stem)
        self._node("Relu")
        self._pool("MaxPool", window=3)
        for first, second in zip(rest[::2], rest[1::2], strict=True):
            self._residual(first, second)
        self._node("GlobalAveragePool")
        self._node("Flatten", axis=1)
        self._node("MatMul", self._constant(weights.projection), output=OUTPUT)
        return self._model("dlib-resnet", ["n", CHIP, CHIP, 3], ["n", weights.projection.shape[1]])

    def detector(self, blocks: Sequence[Block]) -> onnx.ModelProto:
        self._prepare()
        *inner, last = blocks
        for block in inner:
            self._convolution(block)
            self._node("Relu")
        self._convolution(last)
        self._node("Identity", output=SCORES)
        return self._model("dlib-mmod", [1, "h", "w", 3], [1, 1, "rows", "columns"])

    def _model(self, name: str, source: list[int | str], result: list[int | str]) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(self._source, TensorProto.UINT8, source)],
            [helper.make_tensor_value_info(self._last, TensorProto.FLOAT, result)],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )
        onnx.checker.check_model(model)
        return model

    def _prepare(self) -> None:
        # Planes first: subtracting three means from interleaved pixels costs a quarter of a millisecond.
        self._node("Transpose", perm=[0, 3, 1, 2])
        self._node("Cast", to=TensorProto.FLOAT)
        self._node("Sub", self._constant(np.array(_MEAN, np.float32).reshape(1, 3, 1, 1)))
        self._node("Div", self._constant(np.array(_RANGE, np.float32)))

    def _residual(self, first: Block, second: Block) -> None:
        """Two convolutions beside a way round them, added; where the first strides, the way round is pooled.

        dlib adds tensors of different sizes as if the smaller one had zeros behind its last channel, row and
        column (`tt::add` in `add_prev`); which of them is smaller changes from one block to the next.
        """
        entry, entry_channels, entry_size = self._last, self._channels, self._size
        self._convolution(first)
        self._node("Relu")
        self._convolution(second)
        way_through, channels, size = self._last, self._channels, self._size
        self._last, self._channels, self._size = entry, entry_channels, entry_size
        if first.stride > 1:
            self._pool("AveragePool", window=2)
        wide, large = max(channels, self._channels), max(size, self._size)
        self._pad(wide - self._channels, large - self._size)
        way_round = self._last
        self._last, self._channels, self._size = way_through, channels, size
        self._pad(wide - channels, large - size)
        self._node("Add", way_round)
        self._node("Relu")

    def _convolution(self, block: Block) -> None:
        """The affine layer is multiplied into the convolution, in double so as to round once."""
        gamma = block.gamma.astype(np.float64)
        filters = block.filters * gamma[:, None, None, None]
        bias = block.bias * gamma + block.beta
        self._node(
            "Conv",
            self._constant(filters.astype(np.float32)),
            self._constant(bias.astype(np.float32)),
            strides=[block.stride] * 2,
            pads=[block.padding] * 4,
        )
        count, _, rows, _ = block.filters.shape
        self._channels = count
        self._size = (self._size + 2 * block.padding - rows) // block.stride + 1

    def _pool(self, kind: str, window: int) -> None:
        self._node(kind, kernel_shape=[window] * 2, strides=[2, 2])
        self._size = (self._size - window) // 2 + 1

    def _pad(self, channels: int, pixels: int) -> None:
        if channels or pixels:
            self._node("Pad", self._constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)))
            self._channels += channels
            self._size += pixels

    def _constant(self, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def _node(self, operator: str, *more_inputs: str, output: str = "", **attributes: Any) -> None:
        output = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, [self._last, *more_inputs], [output], **attributes))
        self._last = output
