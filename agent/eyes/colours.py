"""Colours, brightness and shape: facts that hold of every picture, whatever it shows."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 96
_NOTABLE = 0.12
_MOSTLY = 0.5
_FLAT = 0.85
# Hue in degrees up to which a colour has its name, for colours that are neither grey nor very dark.
_HUES = (
    (15, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (198, "turquoise"),
    (258, "blue"),
    (292, "purple"),
    (342, "pink"),
    (361, "red"),
)


def describe(image: "Image", *, drawn: bool) -> str:
    """For example `mostly blue and white; bright; landscape`, of an RGB image."""
    small = image.resize((_SIDE, _SIDE))
    pixels = np.asarray(small, dtype=np.float32).reshape(-1, 3)
    parts = [_colours(pixels), _brightness(pixels), _shape(image.width, image.height)]
    if drawn:
        parts.append("large flat areas, as in a drawing or a screenshot")
    return "; ".join(part for part in parts if part)


def _colours(pixels: npt.NDArray[np.float32]) -> str:
    names, counts = np.unique([_name(*pixel) for pixel in pixels], return_counts=True)
    shares = sorted(zip(counts / len(pixels), names, strict=True), key=lambda pair: (-pair[0], pair[1]))
    named = [str(name) for share, name in shares if share >= _NOTABLE][:3] or [str(shares[0][1])]
    words = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"mostly {words}" if shares[0][0] >= _MOSTLY else words


def _name(red: float, green: float, blue: float) -> str:
    """The everyday name of a colour, channels 0 to 255."""
    high, low = max(red, green, blue), min(red, green, blue)
    spread = high - low
    if high < 45:
        return "black"
    if spread < 28 or spread / high < 0.12:
        return "white" if low > 205 else "black" if high < 60 else "grey"
    if high == red:
        hue = 60 * ((green - blue) / spread % 6)
    elif high == green:
        hue = 60 * ((blue - red) / spread + 2)
    else:
        hue = 60 * ((red - green) / spread + 4)
    name = next(name for limit, name in _HUES if hue < limit)
    if name in ("orange", "yellow", "red") and spread / high < 0.35 and high > 170:
        return "beige" if hue < 68 else "pink"
    if (name == "orange" and high < 190) or (name in ("red", "yellow") and high < 110):
        return "brown"
    return name


def _brightness(pixels: npt.NDArray[np.float32]) -> str:
    mean = float((pixels @ np.array([0.299, 0.587, 0.114], np.float32)).mean())
    return "dark" if mean < 60 else "bright" if mean > 195 else ""


def _shape(width: int, height: int) -> str:
    ratio = width / height
    if ratio > 3 or ratio < 1 / 3:
        return "very wide" if ratio > 1 else "very tall"
    if 0.95 <= ratio <= 1.05:
        return "square"
    return "landscape" if ratio > 1 else "portrait"


def is_drawn(image: "Image") -> bool:
    """Whether this is a drawing or a screenshot, told only where it is plain: intake chose PNG (few colours,
    small as such), and neighbouring pixels agree so often that no camera took this."""
    if image.format != "PNG" or min(image.size) < 64:
        return False
    pixels = np.asarray(image.convert("L"), dtype=np.int16)
    same = np.abs(np.diff(pixels, axis=1)) <= 1
    return bool(same.mean() > _FLAT)
