"""EfficientNet-Lite0 as an ONNX graph, built from its weights.

Architecture: Tan & Le, EfficientNet (arXiv 1905.11946), in the Lite variant (no squeeze-and-excitation, ReLU6
for swish). Batch normalisation is folded into the convolutions; padding is TensorFlow's SAME, which pads
the end of an odd remainder.
"""

from typing import Any

import numpy as np

from agent.eyes.weights import Array

SIDE = 224
_EPSILON = 1e-3
# (repeats, kernel, stride of the first, expand ratio) of the seven stages
_STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))


def build(weights: dict[str, Array]) -> bytes:
    """A serialised ONNX model: input `pixels` float32 (1, 3, 224, 224) scaled by (x - 127) / 128, output
    `probabilities` float32 (1, 1000). Raises KeyError where a weight is missing."""
    graph = _Graph(weights)
    x = graph.convolution("pixels", "_conv_stem", "_bn0", stride=2)
    x = graph.relu6(x)
    number = 0
    for repeats, kernel, stride, expand in _STAGES:
        for repeat in range(repeats):
            x = _block(graph, x, f"_blocks.{number}", kernel, stride if repeat == 0 else 1, expand)
            number += 1
    x = graph.relu6(graph.convolution(x, "_conv_head", "_bn1"))
    x = graph.add("GlobalAveragePool", [x])
    x = graph.add("Flatten", [x])
    names = [
        graph.constant("_fc.weight", weights["_fc.weight"]),
        graph.constant("_fc.bias", weights["_fc.bias"]),
    ]
    x = graph.add("Gemm", [x, *names], transB=1)
    graph.add("Softmax", [x], output="probabilities", axis=1)
    return graph.serialised()


def _block(graph: "_Graph", x: str, name: str, kernel: int, stride: int, expand: int) -> str:
    """An inverted residual block: widen, filter each channel, narrow; added to its input where shapes agree."""
    start = x
    if expand != 1:
        x = graph.relu6(graph.convolution(x, f"{name}._expand_conv", f"{name}._bn0"))
    x = graph.convolution(x, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, kernel=kernel)
    x = graph.convolution(graph.relu6(x), f"{name}._project_conv", f"{name}._bn2")
    same = stride == 1 and graph.channels[start] == graph.channels[x]
    return graph.sum(start, x) if same else x


class _Graph:
    """Collects nodes and constants; each method returns the name of its output."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.channels: dict[str, int] = {"pixels": 3}

    def add(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: Array) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def convolution(self, x: str, name: str, norm: str, *, stride: int = 1, kernel: int = 0) -> str:
        """Convolution with its batch normalisation folded in. Depthwise where the weights' shape says so."""
        weight = self._weights[f"{name}.weight"]
        if kernel and weight.shape[-1] != kernel:
            raise ValueError(f"{name} has a kernel of {weight.shape[-1]}, not {kernel}")
        scale = self._weights[f"{norm}.weight"] / np.sqrt(self._weights[f"{norm}.running_var"] + _EPSILON)
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * scale
        names = [
            self.constant(f"{name}.weight", weight * scale[:, None, None, None]),
            self.constant(f"{name}.bias", bias),
        ]
        groups = self.channels[x] // weight.shape[1]
        output = self.add("Conv", [x, *names], group=groups, strides=[stride, stride], auto_pad="SAME_UPPER")
        self.channels[output] = weight.shape[0]
        return output

    def relu6(self, x: str) -> str:
        if not any(constant.name == "six" for constant in self._constants):
            self.constant("zero", np.array(0, np.float32))
            self.constant("six", np.array(6, np.float32))
        output = self.add("Clip", [x, "zero", "six"])
        self.channels[output] = self.channels[x]
        return output

    def sum(self, one: str, other: str) -> str:
        output = self.add("Add", [one, other])
        self.channels[output] = self.channels[other]
        return output

    def serialised(self) -> bytes:
        from onnx import TensorProto, helper

        source = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
        target = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 1000])
        graph = helper.make_graph(self._nodes, "efficientnet-lite0", [source], [target], self._constants)
        # IR 8 and operators 13 are old enough for every onnxruntime of the last years.
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
        serialised: bytes = model.SerializeToString()
        return serialised
