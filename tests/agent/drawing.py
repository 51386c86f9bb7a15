"""Pictures drawn by code, and the bytes of them in the formats people post."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# 64 x 32, left half red, right half blue. No encoder for it is installed here, so its 534 bytes are kept.
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9j"
    "AAAAAERAAAEAAQAAAAABoQABAAAAAAAAAHUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/Wlw"
    "cnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AA"
    "AAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAA"
    "QAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWB"
    "AgMFhAAAAH1tZGF0AAAAcSgBrwngOSMkv//6Mb//+EaeQ/a5hcF//g8Wff4V/n/+ze9RXZWFbILbD0Opm8R2/qm/EqRhs0lk1uPxAzLY2gjY"
    "37MO7eK5BhNXY9wvM5r6IBgHij0hse84jiQ9+d7o0P4za2n34T+L/A4yy2T7lHcC"
)


def coded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The image as a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(width: int = 64, height: int = 32) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), (220, 20, 20))
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill=(20, 20, 220))
    return image


def landscape(width: int = 320, height: int = 200, seed: int = 1) -> Image.Image:
    """Soft random hills with grain: as many colours as a photograph."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    smooth = np.asarray(
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16
    )
    grainy = smooth + random.integers(-6, 7, (height, width, 3))
    return Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


def sign(words: str, size: int = 64, width: int = 640, height: int = 320) -> Image.Image:
    """Black words on white."""
    image = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).multiline_text((width / 2, height / 2), words, "black", font, anchor="mm")
    return image


def frames(count: int, side: int = 24) -> list[Image.Image]:
    """An animation's pictures, no two alike, the first one green."""
    return [Image.new("RGB", (side, side), (i * 7 % 256, 200 - i % 200, i % 256)) for i in range(count)]
