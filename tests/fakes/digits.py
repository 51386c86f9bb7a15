"""A reader of the probe's pictures: it really decodes pixels, so a picture that was dropped or damaged is
not read. It knows the font, nothing else.
"""

import io
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agent.backends.digits import SIZE

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def read_digits(data: bytes) -> str:
    """The digits in a PNG or JPEG, empty where none are found."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.int16)
    ink = np.abs(pixels - pixels[0, 0]).sum(axis=2) > 150
    columns = np.flatnonzero(ink.any(axis=0))
    if not len(columns):
        return ""
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return "".join(_nearest(_cropped(ink[:, g[0] : g[-1] + 1])) for g in groups)


def _cropped(mask: Mask) -> Mask:
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    small: Mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return small


def _nearest(mask: Mask) -> str:
    def differs(template: Mask) -> float:
        height, width = max(mask.shape[0], template.shape[0]), max(mask.shape[1], template.shape[1])
        a, b = np.zeros((height, width), bool), np.zeros((height, width), bool)
        a[: mask.shape[0], : mask.shape[1]] = mask
        b[: template.shape[0], : template.shape[1]] = template
        return float((a ^ b).mean())

    return min(_templates().items(), key=lambda item: differs(item[1]))[0]


@cache
def _templates() -> dict[str, Mask]:
    found = {}
    for digit in "0123456789":
        image = Image.new("L", (2 * SIZE, 2 * SIZE))
        ImageDraw.Draw(image).text((SIZE, SIZE), digit, 255, ImageFont.load_default(size=SIZE), anchor="mm")
        found[digit] = _cropped(np.asarray(image) > 60)
    return found
