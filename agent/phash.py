"""A 64-bit perceptual hash: pictures that look alike get hashes few bits apart.

The classic DCT hash: 32 x 32 grey values, a type-II discrete cosine transform, the 8 x 8 lowest frequencies
without the constant term, one bit each for above the median. Rescaling and re-encoding move it by a few bits
of 64; unrelated pictures differ by about 32.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 32
_KEPT = 8


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first 9 rows of the 32-point DCT-II matrix, shape (9, 32)."""
    row = np.arange(_KEPT + 1)[:, None]
    column = np.arange(_SIDE)[None, :]
    return np.asarray(np.cos(np.pi * (2 * column + 1) * row / (2 * _SIDE)))


def phash(image: "Image") -> str:
    """16 hex digits for a Pillow image of any mode. A picture of one colour hashes to zeros.

    Rows and columns 1 to 8 are used: 0 holds mean brightness, which editing changes and content does not.
    """
    from PIL import Image as pil

    grey = image.convert("L").resize((_SIDE, _SIDE), pil.Resampling.LANCZOS)
    pixels = np.asarray(grey, dtype=np.float64)
    waves = (_cosines() @ pixels @ _cosines().T)[1:, 1:].ravel()
    # Rounded so that what is zero on paper is zero here too and cannot flip a bit on another machine.
    waves = np.round(waves, 3)
    bits = waves > np.median(waves)
    return np.packbits(bits).tobytes().hex()


def distance(one: str, other: str) -> int:
    """Bits in which two hashes differ, 0 to 64. Up to about 10 means the same picture, edited or rescaled."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
