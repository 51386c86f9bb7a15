"""A picture that came with a card -> a square face, through Pillow under limits."""

import io
import logging
import warnings
from functools import lru_cache

log = logging.getLogger(__name__)

MOST_BYTES = 32_000_000
MOST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


@lru_cache(maxsize=64)
def cropped(data: bytes, size: int) -> bytes | None:
    """PNG bytes, `size` x `size`, from the upper middle of the picture; None where it cannot be trusted."""
    from PIL import Image, ImageOps

    if len(data) > MOST_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    return None
                opened.draft("RGB", (size * 2, size * 2))
                picture = ImageOps.exif_transpose(opened).convert("RGBA")
        ground = Image.new("RGBA", picture.size, (236, 232, 224, 255))
        # faces sit in the upper part of card pictures, which are mostly tall
        square = ImageOps.fit(Image.alpha_composite(ground, picture), (size, size), centering=(0.5, 0.2))
        return encoded(square.convert("RGB"))
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise anything on hostile bytes
        log.info("a portrait cannot be read, a face is drawn instead: %s", error)
        return None


def encoded(picture: "Image.Image") -> bytes:  # type: ignore[name-defined]  # noqa: F821 - Pillow is imported late
    """PNG of at most 60 KB: photographs get fewer colours until they fit."""
    from PIL import Image

    for colours in (0, 256, 64, 16):
        out = io.BytesIO()
        shown = picture.quantize(colours, Image.Quantize.FASTOCTREE) if colours else picture
        shown.save(out, "PNG", optimize=bool(colours))
        if out.tell() <= 60_000:
            break
    return out.getvalue()
