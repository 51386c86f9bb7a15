"""A house on a stage: everything real but the model and the platform, which do what a test says.

The real model and the real platforms have tests of their own; here they would only be slow and vague.
"""

import asyncio
import io
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.addresses import PublicOnly
from agent.agent import Agent
from agent.backends.base import Abilities, Done, Finish, Message, Piece, Request
from agent.cast import Cast
from agent.errors import PlatformError, PlatformRefused
from agent.eyes.eyes import Eyes
from agent.fetch import Fetcher
from agent.intake import Intake
from agent.settings import AgentSettings, EyesSettings, IntakeSettings
from bot.bot import Bot
from bot.events import Author, Command, Incoming, Outgoing, Place
from bot.house import House
from bot.platforms.base import Inbox, PlatformLimits, Posted
from bot.settings import BotSettings
from journal.journal import Journal
from journal.settings import JournalSettings
from tests.waiting import eventually

SHIPPED = Path(__file__).parents[2] / "characters"
CHANNEL = Place("stage", "c1", "#gallery", server="s1")
SAM = Author("stage", "1", "Sam", manager=True)


class ScriptedBackend:
    """Answers with `say(request)`, a word at a time. `hold` stops it before its first word until set."""

    model = "scripted-1"

    def __init__(
        self, say: Callable[[Request], str] | str = "I see it. It is fine.", *, sees: bool = False
    ) -> None:
        self.say = say if callable(say) else (lambda _: str(say))
        self.sees = sees
        self.hold = asyncio.Event()
        self.hold.set()
        self.requests: list[Request] = []
        self.open = 0
        self.most_open = 0
        self.pause = 0.0
        self.error: Exception | None = None

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def abilities(self) -> Abilities:
        return Abilities(self.sees, True, False, False, False, 4096)

    async def count(self, messages: Sequence[Message]) -> int:
        return sum(len(m.text) // 4 + 50 * len(m.pictures) for m in messages)

    async def generate(self, request: Request) -> AsyncGenerator[Piece | Done, None]:
        self.requests.append(request)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self.hold.wait()
            if self.error:
                raise self.error
            for word in self.say(request).split(" "):
                yield Piece(word + " ")
                await asyncio.sleep(self.pause)
            yield Done(Finish.STOP, 10, 5, self.model, seed=request.sampling.seed)
        finally:
            self.open -= 1

    async def asked(self, times: int = 1) -> None:
        """Waits until it has been asked so many times, since it was made."""
        await eventually(lambda: len(self.requests) >= times)


@dataclass
class Post:
    """A message as people see it. `turn_id` is the test's knowledge, not the platform's."""

    id: str
    name: str
    text: str
    turn_id: str = ""
    versions: list[str] = field(default_factory=list)


class StagePlatform:
    """Keeps its messages in memory and can lose its connection between a post and its answer."""

    name = "stage"
    limits = PlatformLimits()

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.notices: list[str] = []
        self.posted: Posted | None = None
        self.readable = True
        self.fail_finish = 0
        self.refuses = False  # for good, as an automatic moderator
        self.past: list[Incoming] = []
        self._ids = 0

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        self.posted = posted
        await inbox.joined(self)
        await asyncio.Event().wait()

    async def open(self, turn: Outgoing) -> "StageDelivery":
        return StageDelivery(self, turn)

    async def find(self, turn: Outgoing) -> Sequence[str] | None:
        return [p.id for p in self.posts if p.turn_id == turn.turn_id] if self.readable else None

    async def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        for message in self.past:
            if message.place.id == place.id and message.id > after:
                yield message

    async def notice(self, place: Place, words: str) -> None:
        self.notices.append(words)

    async def shows(self, words: str = "") -> None:
        """Waits until some post stands that has these words in it."""
        await eventually(lambda: any(words in p.text for p in self.posts))

    def next_id(self) -> str:
        self._ids += 1
        return f"b{self._ids:04}"


class StageDelivery:
    def __init__(self, platform: StagePlatform, turn: Outgoing) -> None:
        self._platform, self._turn = platform, turn
        self._post = next((p for p in platform.posts if p.id in turn.posted), None)

    async def update(self, text: str) -> None:
        await self._show(text)

    async def finish(self, text: str) -> Sequence[str]:
        if self._platform.refuses:
            raise PlatformRefused("these words are not taken here")
        if self._platform.fail_finish:
            self._platform.fail_finish -= 1
            raise PlatformError("the connection is gone")
        return [await self._show(text)]

    async def abort(self, words: str) -> None:
        if self._post:
            self._platform.posts.remove(self._post)
        if words:
            self._platform.notices.append(words)

    async def _show(self, text: str) -> str:
        if self._post is None:
            self._post = Post(self._platform.next_id(), self._turn.character_name, text, self._turn.turn_id)
            self._platform.posts.append(self._post)
            if self._platform.posted:
                await self._platform.posted(self._turn.turn_id, self._post.id)
        self._post.text = text
        self._post.versions.append(text)
        return self._post.id


@dataclass
class Stage:
    bot: Bot
    platform: StagePlatform
    backend: ScriptedBackend
    said: int = 0

    async def say(
        self, text: str = "", *, place: Place = CHANNEL, author: Author = SAM, id: str = "", **kw: Any
    ) -> str:
        self.said += 1
        message_id = id or f"m{self.said:04}"
        await self.bot.receive(Incoming(place, author, message_id, text, **kw))
        return message_id

    async def do(self, name: str, *, place: Place = CHANNEL, author: Author = SAM, **arguments: Any) -> str:
        self.said += 1
        return (await self.bot.command(Command(place, author, f"k{self.said:04}", name, arguments))).text

    async def quiet(self) -> None:
        """Waits until every lane is empty."""
        await asyncio.wait_for(self.bot.lanes.idle(), 60)


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    backend: ScriptedBackend | None = None,
    platform: StagePlatform | None = None,
    settings: BotSettings | None = None,
    url: str = "",
) -> AsyncIterator[Stage]:
    """A bot with one scripted platform, on a journal in `folder` (the same folder: the same journal)."""
    backend, platform = backend or ScriptedBackend(), platform or StagePlatform()
    intake = IntakeSettings(folder=folder / "pictures")
    journal = await Journal.open(JournalSettings(url=url or f"sqlite+aiosqlite:///{folder}/journal.db"))
    parts = Intake(intake), Eyes(EyesSettings(tags=False, text=False))
    house = House(
        settings=settings or BotSettings(),
        journal=journal,
        agent=Agent(backend, AgentSettings(intake=intake)),
        cast=Cast.load(SHIPPED, folder / "own"),
        intake=parts[0],
        fetcher=Fetcher(intake, PublicOnly()),
        eyes=parts[1],
        pictures=intake.folder,
        per_turn=intake.per_turn,
        idle=timedelta(hours=3),
        default="sherlock-holmes",
        platforms={"stage": platform},
    )
    bot = Bot(house)
    platform.posted = bot
    try:
        yield Stage(bot, platform, backend)
    finally:
        await bot.close()
        for part in parts:
            part.close()
        await journal.close()


def drawn(seed: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A small PNG, different for each seed."""
    from PIL import Image, ImageDraw

    dice = random.Random(seed)
    image = Image.new("RGB", size, tuple(dice.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = dice.randrange(size[0]), dice.randrange(size[1])
        draw.rectangle((x, y, x + 12, y + 9), fill=tuple(dice.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
