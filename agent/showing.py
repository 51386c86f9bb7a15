"""Which frame of an animation stands for it: the first that shows something."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_FLAT = 16  # of 255: colours nearer to each other than this are one, as lossy coders leave them
_BROKEN = (OSError, EOFError, SyntaxError, ValueError)


def find(image: "Image", frames: int, max_pixels: int) -> int:
    """The number of that frame; 0 where none shows more than one colour. At most `max_pixels` pixels are decoded in
    all, and nothing behind a damaged frame is looked at."""
    most = min(frames, max(1, max_pixels // max(1, image.width * image.height)))
    for number in range(most):
        try:
            image.seek(number)
            image.load()
        except _BROKEN:
            return 0
        if shows(image):
            return number
    return 0


def shows(image: "Image") -> bool:
    """More than one colour, or a shape cut out of one."""
    whole = image.convert("RGBA")
    *colours, alpha = (whole.getchannel(c).getextrema() for c in "RGBA")
    if alpha[1] < _FLAT:  # type: ignore[operator]
        return False
    return any(high - low >= _FLAT for low, high in (*colours, alpha))  # type: ignore[operator]
