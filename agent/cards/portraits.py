"""A portrait of another format made a PNG, for the one container that must be a PNG."""

import io
import struct

from agent.cards.png import SIGNATURE
from agent.errors import CardError

_MAX_PIXELS = 50_000_000
_KINDS = ("JPEG", "WEBP", "GIF")
# What Pillow raises on hostile bytes, beside its own errors.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    Warning,  # where warnings are errors
)


def as_png(picture: bytes) -> bytes:
    """`picture` if it is a PNG, else its first frame as one. Raises CardError for what is no such picture."""
    if picture.startswith(SIGNATURE):
        return picture
    from PIL import Image, ImageOps

    mend = "give a PNG, JPEG, WebP or GIF picture as the portrait, or export as CHARX or JSON"
    try:
        with Image.open(io.BytesIO(picture), formats=_KINDS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise CardError("the portrait has too many pixels", mend=mend)
            upright = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "RGB")
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise CardError(f"the portrait cannot be read ({type(error).__name__})", mend=mend) from None
    out = io.BytesIO()
    upright.save(out, "PNG")
    return out.getvalue()
