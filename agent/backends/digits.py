"""Pictures of random digits: what the probe for sight shows a model."""

import hashlib
import io
import random
from pathlib import Path

from agent.picture import Picture

WIDTH, HEIGHT, SIZE = 448, 224, 110  # pixels; SIZE is the font's


def draw(digits: str, folder: Path) -> Picture:
    """The digits, large and clear, in random colours of strong contrast, as a PNG in `folder`. Blocking."""
    from PIL import Image, ImageDraw, ImageFont

    chance = random.SystemRandom()
    dark = tuple(chance.randrange(0, 90) for _ in range(3))
    light = tuple(chance.randrange(190, 256) for _ in range(3))
    paper, ink = (dark, light) if chance.random() < 0.5 else (light, dark)
    image = Image.new("RGB", (WIDTH, HEIGHT), paper)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=SIZE)
    step = WIDTH // (len(digits) + 1)
    for place, digit in enumerate(digits, start=1):
        pen.text((place * step, HEIGHT // 2 + chance.randrange(-20, 21)), digit, ink, font, anchor="mm")
    out = io.BytesIO()
    image.save(out, "PNG")
    return _stored(out.getvalue(), folder)


def _stored(data: bytes, folder: Path) -> Picture:
    folder.mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256(data).hexdigest()
    path = folder / f"{sha}.png"
    path.write_bytes(data)
    return Picture(sha, path, "image/png", WIDTH, HEIGHT, "0" * 16)
