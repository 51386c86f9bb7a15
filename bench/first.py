"""From Enter to the first word on the screen: the whole house with the embedded model and its eyes, and a platform that
only takes the time.

Cold: a picture nobody has seen, to a character that the model was not just speaking for: the picture is taken in and
looked at, the whole prompt is read. Warm: the next message to the same character about the same picture.
"""

import asyncio
import io
import random
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.platform import Unconnected
from bot.bot import Bot
from bot.events import Attachment, Author, Command, Incoming, Outgoing, Place
from bot.sights import Shelf
from door.house import open_bot
from door.settings import load

ROOT = Path(__file__).parent.parent
SIZE = (1280, 960)
ASKED, ASKED_NEXT = "What do you make of this?", "And what would you do with it?"
SAM = Author("bench", "sam", "Sam", True)


@dataclass(frozen=True, slots=True)
class First:
    """Seconds from Enter to the first word that is shown."""

    cold: tuple[float, ...]
    warm: tuple[float, ...]


@dataclass
class Screen(Unconnected):
    """A platform on which one reply at a time is shown. `shown` is the moment of its first word."""

    shown: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""

    def clear(self) -> None:
        self.shown, self.trouble = 0.0, ""
        self.over.clear()

    def word(self) -> None:
        self.shown = self.shown or time.perf_counter()

    async def open(self, turn: Outgoing) -> "Line":
        return Line(self, turn)

    async def notice(self, place: Place, words: str) -> None:
        self.trouble = words
        self.over.set()


@dataclass
class Line:
    screen: Screen
    turn: Outgoing

    async def update(self, text: str) -> None:
        self.screen.word()

    async def finish(self, text: str) -> Sequence[str]:
        self.screen.word()
        self.screen.over.set()
        return (f"b-{self.turn.turn_id}",)

    async def abort(self, words: str) -> None:
        await self.screen.notice(self.turn.place, words)


def picture(number: int) -> bytes:
    """A JPEG file that no two numbers share: shapes on a ground, as grainy as a photograph."""
    from PIL import Image, ImageDraw

    dice = random.Random(number)
    grain = Image.effect_noise(SIZE, 40).convert("RGB")
    ground = Image.new("RGB", SIZE, tuple(dice.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(ground)
    for _ in range(12):
        x, y = dice.randrange(SIZE[0]), dice.randrange(SIZE[1])
        box = (x, y, x + dice.randrange(40, 500), y + dice.randrange(40, 400))
        draw.ellipse(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    file = io.BytesIO()
    Image.blend(ground, grain, 0.15).save(file, "JPEG", quality=90)
    return file.getvalue()


async def first_words(times: int) -> First:
    """So many of each kind, after one of each that does not count. Raises RuntimeError where a reply fails."""
    cold, warm = [], []
    async with _house() as (bot, screen):
        async for early, late in _visits(bot, screen, times + 1):
            cold.append(early)
            warm.append(late)
    return First(tuple(cold[1:]), tuple(warm[1:]))


async def _visits(bot: Bot, screen: Screen, times: int) -> AsyncGenerator[tuple[float, float], None]:
    cast = sorted(bot.house.cast.characters)
    for number in range(times):
        place = Place("bench", f"c{number}", server="s")
        wanted: dict[str, str | int | bool] = {"character": cast[number % len(cast)], "talk": "always"}
        await bot.command(Command(place, SAM, "", "character.add", wanted))
        data = picture(number)  # drawn before Enter
        yield (
            await _wait(bot, screen, place, f"a{number}", ASKED, data),
            await _wait(bot, screen, place, f"b{number}", ASKED_NEXT, b""),
        )


async def _wait(bot: Bot, screen: Screen, place: Place, name: str, words: str, data: bytes) -> float:
    screen.clear()
    entered = time.perf_counter()
    shown = [await Shelf(bot.house).take(data, filename="picture.jpg")] if data else []
    attached = tuple(Attachment(sha256=one.sha256) for one in shown)
    await bot.receive(Incoming(place, SAM, name, words, attached))
    await screen.over.wait()
    await bot.lanes.idle()
    if screen.trouble:
        raise RuntimeError(screen.trouble)
    return screen.shown - entered


@asynccontextmanager
async def _house() -> AsyncIterator[tuple[Bot, Screen]]:
    """The default house on a new journal, its model loaded."""
    with tempfile.TemporaryDirectory() as folder:
        told = {f"VIGNETTE__BOT__LIMITS__{who}_BURST": "100000" for who in ("USER", "CHANNEL", "SERVER")}
        told["VIGNETTE__AGENT__CAST__SHIPPED"] = str(ROOT / "characters")
        async with open_bot(load(Path(folder) / "config.toml", told)) as bot:
            screen = Screen()
            bot.house.platforms["bench"] = screen
            await bot.house.agent.backend.start()
            yield bot, screen
