"""What input made to burn time costs: macros, lorebooks, cards, picture bombs, decodes without end."""

import dataclasses
import io
import random
import tempfile
import time
import zlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from bench.waits.wait import Wait, timed

ROOT = Path(__file__).parents[2]
BRACES = ("{{" * 50_000, "{{reverse:" * 2_000 + "}}" * 2_000, "{{x}}" * 20_000, "{" * 100_000)
PATTERNS = (r"(a+)+$", r"(a|a)*b", r"(.*a){25}z", "(((a{1000}){1000}){1000})")
CARDS: tuple[dict[str, Any], ...] = (
    {"personality": "[your " * 30_000},
    {"greeting": "\n" * 60_000},
    {"catchphrases": tuple(f"The {n} {'x' * 80} of {n * n}" for n in range(3_000))},
)
DECODE = 0.05  # seconds that the decoder gets in the row `decode`: less than its process takes to start


def bomb(number: int = 0) -> bytes:
    """A PNG of some thousand bytes that claims 60,000 x 60,000 pixels. No two numbers give the same."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000 + number)))
    )


def macros(number: int) -> None:
    from agent.macros import expand

    for text in BRACES:
        expand(text, char="Ada", user="Sam", seed=number)


def patterns(number: int) -> None:
    """Expressions that backtrack for ever. Each sample has its own, so that none was compiled before."""
    made = [f"{pattern}|{number}q{turn}" for turn in range(40) for pattern in PATTERNS]
    _scan([{"content": "x", "keys": (pattern,), "use_regex": True} for pattern in made], "a" * 5_000 + "!")


def book(number: int) -> None:
    entries = [{"content": f"content {n}", "keys": (f"key{n}", f"other{n}")} for n in range(3_000)]
    _scan(entries, f"key{number} " + "word " * 2_000)


def _scan(entries: list[dict[str, Any]], words: str) -> None:
    from agent import lore
    from agent.character import Lorebook, LoreEntry

    lore.triggered(
        Lorebook(tuple(LoreEntry(**entry) for entry in entries)),
        [words],
        count=lambda text: len(text.split()),
        token_budget=100,
        scan_depth=4,
        rng=random.Random(0),
        turn_count=1,
    )


async def cards(repeats: int) -> AsyncGenerator[float, None]:
    """Of the three, the one that took longest."""
    from agent.cast import load_character
    from agent.lint import lint

    good = load_character(ROOT / "characters" / "sherlock-holmes.toml")
    sections = {field.name for field in dataclasses.fields(good.profile)}
    made = []
    for change in CARDS:
        if sections >= change.keys():
            made.append(dataclasses.replace(good, profile=dataclasses.replace(good.profile, **change)))
        else:
            made.append(dataclasses.replace(good, **change))
    for _ in range(repeats):
        took = []
        for card in made:
            begun = time.process_time()
            lint(card)
            took.append(time.process_time() - begun)
        yield max(took)


async def portraits(repeats: int) -> AsyncGenerator[float, None]:
    from agent.faces.portrait import cropped

    for number in range(repeats):
        data = bomb(number)  # what was refused once is remembered
        begun = time.perf_counter()
        if cropped(data, 256) is not None:
            raise RuntimeError("the bomb was decoded")
        yield time.perf_counter() - begun


async def bombs(repeats: int) -> AsyncGenerator[float, None]:
    """Sent as a picture, to a decoder's process that runs already."""
    async for took in _refused(repeats, bomb(), "are the limit", seconds=60.0):
        yield took


async def decodes(repeats: int) -> AsyncGenerator[float, None]:
    """A picture that takes too long: from the end of its time to the refusal, its process being killed."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((3_000, 2_000), 80).save(buffer, "PNG", compress_level=1)
    async for took in _refused(repeats, buffer.getvalue(), "too long", seconds=DECODE):
        yield took - DECODE


async def _refused(repeats: int, data: bytes, why: str, *, seconds: float) -> AsyncGenerator[float, None]:
    from agent.errors import PictureError
    from agent.intake import Intake
    from agent.settings import IntakeSettings

    with tempfile.TemporaryDirectory() as folder:
        intake = Intake(IntakeSettings(folder=Path(folder), seconds=seconds))
        try:
            for number in range(repeats + 1):
                begun = time.perf_counter()
                try:
                    await intake.take(data)
                except PictureError as error:
                    took = time.perf_counter() - begun
                    if why not in error.what:
                        raise
                else:
                    raise RuntimeError("the picture was taken, and should have been refused")
                if number:  # the first starts the process
                    yield took
        finally:
            intake.close()


WAITS = (
    Wait("macros", "macros in 100 kB of braces, four such texts", "10 s", timed(macros)),
    Wait("patterns", "a lorebook of 160 expressions that backtrack for ever", "10 s", timed(patterns)),
    Wait("book", "a lorebook of 3,000 entries, scanned", "10 s", timed(book)),
    Wait("lint", "lint of a hostile card, the slowest of three (CPU)", "3 s", cards),
    Wait("portrait", "a picture bomb as a card's portrait, refused", "2 s", portraits),
    Wait("bomb", "a picture bomb in a message, refused", "", bombs),
    Wait("decode", "a decode past its time: until it is killed and refused", "4.5 s", decodes),
)
