"""Hostile bytes to a clean picture: the work of intake's child process (`python -m agent.decode`).

What comes out was drawn anew from pixels: no metadata, no trailing bytes of a polyglot, one frame.
The same bytes give the same result, so that a picture posted twice is stored once.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent import kinds, pixels, pngs, showing
from agent.child import Head, serve
from agent.phash import phash

if TYPE_CHECKING:
    from PIL.Image import Image

# What people post. Everything else Pillow knows (EPS runs an interpreter, FITS and GRIB nobody posts) is
# attack surface without use. JPEG covers MPO, the stereo pairs of phones.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIF", "BMP", "TIFF")
_ANIMATED = {"PNG", "GIF", "WEBP", "AVIF"}
_PNG_COLOURS = 4_096
_PNG_FAVOUR = 1.25
_PNG_BYTES = 20_000
_MOST = 0.5
_LAST_BLOCKS = 16  # rows that JPEG codes together: where only these are incomplete, the picture is whole
_GREY = (127, 128)  # what JPEG decoders draw where nothing arrived


class Refused(Exception):
    """Not a picture that is accepted; `words` say why and `mend` what may help, to the person who sent it."""

    def __init__(self, words: str, mend: str = "") -> None:
        super().__init__(words)
        self.words, self.mend = words, mend


@dataclass(frozen=True, slots=True)
class Decoded:
    """The re-encoded picture and its facts, named as in agent.picture.Picture."""

    data: bytes
    mime: str
    width: int
    height: int
    phash: str
    frames: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of agent.settings.IntakeSettings: pixels and frames as they arrive, side as stored."""

    max_pixels: int
    max_frames: int
    max_side: int


def decode(data: bytes, limits: Limits) -> Decoded:
    """Decodes, bounds, cleans, re-encodes. Raises Refused; MemoryError and others where a decoder breaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pngs.bare(data)
        source = _opened(data)
        _check_size(source, limits)
        frames = _frames(source, limits)
        image = _opaque(_loaded(source, data, limits, frames))
        image = pixels.clean(image, limits.max_side)
        coded, mime = _encoded(image)
    return Decoded(coded, mime, image.width, image.height, phash(image), frames)


def _opened(data: bytes) -> "Image":
    from PIL import Image, UnidentifiedImageError

    with contextlib.suppress(ImportError):
        import pi_heif

        pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # the limit of the settings is checked instead, before anything is decoded
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise _unknown(data) from None


def _unknown(data: bytes) -> Refused:
    what = kinds.told(data)
    if kinds.markup(data) == "svg":
        return Refused("SVG drawings are not accepted: they are programs rather than pixels", kinds.ACCEPTED)
    if kinds.markup(data) == "html":
        return Refused("this is a web page, not a picture", "Send the address of the picture itself.")
    if what:
        return Refused(f"this is {what}, no picture of a kind that is accepted", kinds.ACCEPTED)
    return Refused("these bytes are no picture of a kind that is accepted, or it is damaged", kinds.ACCEPTED)


def _check_size(image: "Image", limits: Limits) -> None:
    if image.width * image.height > limits.max_pixels:
        raise Refused(
            f"the picture has {image.width} x {image.height} pixels; {limits.max_pixels:,} are the limit",
            "Send a smaller version.",
        )


def _frames(image: "Image", limits: Limits) -> int:
    """Frames of an animation; a phone's second picture or a document's second page is none."""
    if image.format not in _ANIMATED:
        return 1
    try:
        frames = int(getattr(image, "n_frames", 1))
        image.seek(0)
    except (OSError, EOFError, SyntaxError, ValueError):
        return 1  # damaged behind the first frame, which is all that is kept anyway
    if frames > limits.max_frames:
        raise Refused(f"the animation has {frames} frames; {limits.max_frames:,} are the limit")
    return frames


def _loaded(image: "Image", data: bytes, limits: Limits, frames: int) -> "Image":
    """The frame that is kept, decoded. A cut file is kept, less what is missing, where most of its rows arrived."""
    # JPEG can be decoded at 1/2, 1/4, 1/8 size directly: never below what is stored, far cheaper.
    image.draft(None, (limits.max_side, limits.max_side))
    try:
        if frames > 1:
            image.seek(showing.find(image, frames, limits.max_pixels))
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError):
        return _salvaged(data, limits)
    _check_size(image, limits)  # a GIF's first frame may be larger than its head said
    return image


def _salvaged(data: bytes, limits: Limits) -> "Image":
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = _opened(data)
        _check_size(image, limits)
        image.load()
        arrived = _arrived(image, data)
    except (OSError, SyntaxError, EOFError, ValueError):
        raise Refused("the picture is damaged", "Send it again.") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if arrived < _MOST * image.height:
        raise Refused("the picture is damaged: most of it is missing", "Send it again.")
    if arrived == image.height:
        return image
    kept = image.crop((0, 0, image.width, arrived))
    kept.info = image.info
    return kept


def _arrived(image: "Image", data: bytes) -> int:
    """Rows above the missing part. A PNG's can be counted; other decoders fill what is missing with one colour."""
    counted = pngs.rows(data) if image.format == "PNG" else None
    if counted is not None:
        return counted
    rows = np.asarray(image).reshape(image.height, image.width, -1)
    if image.format == "JPEG":
        filled = np.isin(rows, _GREY).all(axis=(1, 2))
    else:
        filled = (rows == rows[-1, -1]).all(axis=(1, 2))
    arrived = 0 if filled.all() else int(np.flatnonzero(~filled)[-1]) + 1
    return image.height if image.format == "JPEG" and arrived > image.height - _LAST_BLOCKS else arrived


def _opaque(image: "Image") -> "Image":
    """A BMP whose alpha is zero everywhere was written by a program that left the fourth byte alone."""
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image


def _encoded(image: "Image") -> tuple[bytes, str]:
    """PNG for few colours (drawings, screenshots), where JPEG would smear edges; JPEG for photographs, grey
    ones too: they have few colours, and give themselves away by a PNG far larger than the JPEG."""
    jpeg = _jpeg(image)
    if image.getcolors(_PNG_COLOURS) is not None:
        png = io.BytesIO()
        image.save(png, "PNG")
        if png.tell() <= max(_PNG_FAVOUR * jpeg.tell(), _PNG_BYTES):
            return png.getvalue(), "image/png"
    return jpeg.getvalue(), "image/jpeg"


def _jpeg(image: "Image") -> io.BytesIO:
    """Full chroma resolution: coloured text and thin lines stay legible to a model, for some 20% of size."""
    from PIL import ImageFile

    jpeg, usual = io.BytesIO(), ImageFile.MAXBLOCK
    # Optimising needs the whole file in one buffer, which Pillow makes too small for grain. Three channels of at most
    # 18 bits a coefficient (8 for its symbol, 10 for its size) are under 7 bytes a pixel.
    ImageFile.MAXBLOCK = 8 * image.width * image.height + usual
    try:
        image.save(jpeg, "JPEG", quality=92, subsampling=0, optimize=True)
    finally:
        ImageFile.MAXBLOCK = usual
    return jpeg


def job(head: Head, data: bytes) -> tuple[Head, bytes]:
    """One job of the child: any failure of a decoder is an answer, not an end of the process."""
    try:
        limits = Limits(head["max_pixels"], head["max_frames"], head["max_side"])
        done = decode(data, limits)
    except Refused as refused:
        return {"refused": refused.words, "mend": refused.mend}, b""
    except MemoryError:
        return {"refused": "the picture needs more memory to decode than is allowed", "mend": ""}, b""
    except Exception as error:  # noqa: BLE001  (decoders raise whatever they like; the parent logs the kind)
        return {"refused": "the picture is damaged", "mend": "Send it again.", "kind": repr(error)[:200]}, b""
    facts = {"mime": done.mime, "width": done.width, "height": done.height}
    return {**facts, "phash": done.phash, "frames": done.frames}, done.data


if __name__ == "__main__":
    serve(job)
