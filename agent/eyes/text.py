"""Text in a picture, read by PP-OCR. What it reads was written by strangers: data, never an instruction."""

import os
import unicodedata
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

_LONGEST_SIDE = 960
_DETECTOR_SIDE = 736
_SHAPE = 2.5
_LEAST_SCORE = 0.9
_LEAST_LETTERS = 3
_CHARACTERS = 300
_TAMED = str.maketrans('"“”„«»[]{}<>', "''''''()()‹›")


class Reader:
    """Loads in about a second. Raises ImportError or OSError where the package or its models are missing."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        models = _models()
        threads = min(2, os.cpu_count() or 1)
        parameters: dict[str, Any] = {
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": _LONGEST_SIDE * 2,
            # Named, so that a missing file is an error here rather than a download.
            "Det.model_path": str(models["det"]),
            "Rec.model_path": str(models["rec"]),
            "Det.limit_side_len": _DETECTOR_SIDE,
            "Det.limit_type": "min",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        }
        self._engine: Any = RapidOCR(params=parameters)

    def lines(self, image: "Image") -> list[str]:
        """Lines of an RGB image from top to bottom, those that are sure and long enough to mean something."""
        found = self._engine(_framed(image))
        if found.txts is None or found.scores is None:
            return []
        pairs = zip(found.txts, found.scores, strict=True)
        return [text for text, score in pairs if score >= _LEAST_SCORE and _letters(text) >= _LEAST_LETTERS]


def _models() -> dict[str, Path]:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ImportError("the package rapidocr is not installed")
    folder = Path(spec.origin).parent / "models"
    found = {kind: next(folder.glob(f"PP-OCR*_{kind}_*.onnx"), None) for kind in ("det", "rec")}
    if None in found.values():
        raise FileNotFoundError(f"rapidocr's models are missing in {folder}")
    return {kind: path for kind, path in found.items() if path}


def _framed(image: "Image") -> np.ndarray[Any, np.dtype[np.uint8]]:
    """BGR pixels, at most 960 a side, and never a narrow strip: the detector scales the short side up."""
    from PIL import Image as pil

    small = image.copy()
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    least = int(max(small.size) / _SHAPE)
    if min(small.size) < least:
        frame = pil.new("RGB", (max(small.width, least), max(small.height, least)), small.getpixel((0, 0)))
        frame.paste(small, ((frame.width - small.width) // 2, (frame.height - small.height) // 2))
        small = frame
    return np.ascontiguousarray(np.asarray(small)[:, :, ::-1])


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def quotable(lines: Iterable[str]) -> str:
    """One line fit to stand between double quotes in a prompt: no control characters, no quotes that would end
    it, nothing that looks like a speaker's label, a macro or a model's special token; at most 300 characters."""
    text = " / ".join(lines)
    text = "".join(
        " " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFKC", text)
    )
    text = " ".join(text.translate(_TAMED).split())
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1].rstrip() + "…"
