"""The weights' file is read without torch, safely, and the graph built from it computes what torch does."""

import collections
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from agent.eyes import network, weights

MAGIC = 0x1950A86A20F9469CFC6C


def file(*parts: object) -> bytes:
    return b"".join(pickle.dumps(part, 2) for part in parts)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo owned > /tmp/vignette-owned",)


@pytest.mark.parametrize(
    "data",
    [
        file(Evil()),
        file(MAGIC, 1001, {}, Evil(), []),
        file(MAGIC, 1001, Evil()),
        file(MAGIC, 1001, {}, {"a": collections.Counter()}, []),
        file(MAGIC, 1001, {}, {"a": print}, []),
    ],
)
def test_pickles_that_run_code_are_refused(data: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        weights.parse(data)
    assert not Path("/tmp/vignette-owned").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="old format"):
        weights.parse(file(7, 1001, {}))
    other = tmp_path / "model.pth"
    other.write_bytes(file(MAGIC))
    with pytest.raises(ValueError, match=r"model\.pth is not"):
        weights.load(other)


def test_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    path = weights.find()
    assert path is not None
    own = weights.load(path)
    theirs = torch.load(path, weights_only=True)
    assert set(own) == {name for name, tensor in theirs.items() if tensor.is_floating_point()}
    for name, values in own.items():
        np.testing.assert_array_equal(values, theirs[name].numpy())

    pixels = np.random.default_rng(0).normal(0, 0.7, (1, 3, 224, 224)).astype(np.float32)
    import onnxruntime

    session = onnxruntime.InferenceSession(network.build(own), providers=["CPUExecutionProvider"])
    probabilities = session.run(None, {"pixels": pixels})[0]
    np.testing.assert_allclose(probabilities, _by_torch(theirs, pixels), atol=2e-5)
    assert probabilities.shape == (1, 1000)


def _by_torch(state: dict[str, "object"], pixels: weights.Array) -> weights.Array:
    """EfficientNet-Lite0 written a second time, in torch, with batch norm where it stood."""
    import torch
    from torch.nn import functional as f

    w: dict[str, torch.Tensor] = state  # type: ignore[assignment]

    def layer(x: torch.Tensor, name: str, norm: str, stride: int = 1) -> torch.Tensor:
        weight = w[f"{name}.weight"]
        kernel = weight.shape[-1]
        need = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
        x = f.pad(x, (need[1] // 2, need[1] - need[1] // 2, need[0] // 2, need[0] - need[0] // 2))
        x = f.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        mean, variance, scale, shift = (
            w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return f.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    x = f.relu6(layer(torch.from_numpy(pixels), "_conv_stem", "_bn0", 2))
    halving = {1, 3, 5, 11}  # the blocks that begin a stage of half the size
    for i in range(16):
        start = x
        if i:
            x = f.relu6(layer(x, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0"))
        x = f.relu6(layer(x, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", 2 if i in halving else 1))
        x = layer(x, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")
        x = x + start if x.shape == start.shape else x
    x = f.relu6(layer(x, "_conv_head", "_bn1")).mean((2, 3))
    found: weights.Array = f.softmax(x @ w["_fc.weight"].T + w["_fc.bias"], dim=1).numpy()
    return found
