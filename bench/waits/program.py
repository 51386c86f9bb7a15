"""What stands around the model: the first answer of the command line, faces, the eyes."""

import asyncio
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from statistics import median

from bench.waits.wait import Wait, timed

ROOT = Path(__file__).parents[2]
TICK = 0.005  # seconds a task sleeps while the eyes look; what it sleeps longer is the loop's delay


async def helps(repeats: int) -> AsyncGenerator[float, None]:
    def shown(_: int = 0) -> None:
        subprocess.run([sys.executable, str(ROOT / "main.py"), "--help"], check=True, capture_output=True)

    shown()  # the first may write bytecode
    async for took in timed(shown)(repeats):
        yield took


async def faces(repeats: int) -> AsyncGenerator[float, None]:
    """Of all that ship, the median."""
    from agent.cast import load_character
    from agent.faces.drawing import drawn

    cast = [load_character(path) for path in sorted((ROOT / "characters").glob("*.toml"))]
    for _ in range(repeats):
        took = []
        for character in cast:
            begun = time.process_time()
            drawn(character.face, character.id, 256)
            took.append(time.process_time() - begun)
        yield median(took)


async def gaps(repeats: int) -> AsyncGenerator[float, None]:
    """The longest the event loop is away in one look at a picture of words; the eyes are loaded before."""
    from agent.eyes.eyes import Eyes
    from agent.intake import Intake
    from agent.settings import EyesSettings, IntakeSettings

    eyes = Eyes(EyesSettings())
    with tempfile.TemporaryDirectory() as folder:
        intake = Intake(IntakeSettings(folder=Path(folder)))
        try:
            picture = await intake.take(_words())
            await eyes.look(picture)
            for _ in range(repeats):
                longest, looking = 0.0, asyncio.create_task(eyes.look(picture))
                while not looking.done():
                    begun = time.perf_counter()
                    await asyncio.sleep(TICK)
                    longest = max(longest, time.perf_counter() - begun - TICK)
                if not (await looking).sure:
                    raise RuntimeError("the eyes did not read the picture's words")
                yield longest
        finally:
            intake.close()
            eyes.close()


def _words() -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    image, buffer = Image.new("RGB", (640, 320), "white"), io.BytesIO()
    font = ImageFont.load_default(40)
    ImageDraw.Draw(image).multiline_text((320, 160), "SLOW WORDS\n" * 5, "black", font, anchor="mm")
    image.save(buffer, "PNG")
    return buffer.getvalue()


WAITS = (
    Wait("help", "`--help`, from start to exit", "0.5 s", helps),
    Wait("face", "a character's face, drawn: the median of all that ship (CPU)", "0.12 s", faces),
    Wait("gap", "the event loop's longest gap while the eyes look", "0.25 s, then half the look", gaps),
)
