"""A 64-bit perceptual hash: pictures that look alike get hashes few bits apart.

The classic DCT hash: 32 x 32 grey values, a type-II discrete cosine transform, its 64 lowest frequencies
without the constant term (which is mean brightness), one bit each for above the median.
Rescaling and re-encoding move it by a few bits of 64; unrelated pictures differ by about 32.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 32
_BITS = 64
_WAVES = 12


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first rows of the 32-point DCT-II matrix, shape (12, 32)."""
    row = np.arange(_WAVES)[:, None]
    column = np.arange(_SIDE)[None, :]
    return np.asarray(np.cos(np.pi * (2 * column + 1) * row / (2 * _SIDE)))


@cache
def _lowest() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row and column of the 64 lowest frequencies, lowest first."""
    order = sorted(np.ndindex(_WAVES, _WAVES), key=lambda place: (sum(place), place))[1 : _BITS + 1]
    rows, columns = zip(*order, strict=True)
    return np.array(rows), np.array(columns)


def phash(image: "Image") -> str:
    """16 hex digits for a Pillow image of any mode. A picture of one colour hashes to zeros."""
    from PIL import Image as pil

    grey = image.convert("L").resize((_SIDE, _SIDE), pil.Resampling.LANCZOS)
    pixels = np.asarray(grey, dtype=np.float64)
    waves = (_cosines() @ pixels @ _cosines().T)[_lowest()]
    # Rounded so that what is zero on paper is zero here too and cannot flip a bit on another machine.
    waves = np.round(waves, 3)
    bits = waves > np.median(waves)
    return np.packbits(bits).tobytes().hex()


def distance(one: str, other: str) -> int:
    """Bits in which two hashes differ, 0 to 64. Up to about 10 means the same picture, edited or rescaled."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
