"""What the tests of this folder share: an inbox that records and plays scripted replies, a memory, a platform."""

import asyncio
import contextlib
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.events import Answer, Command, Event, Incoming, Outgoing, Place
from bot.platforms.base import Platform
from bot.platforms.discord.platform import DiscordPlatform
from bot.settings import DiscordSettings
from tests.fakes.discord import LoopbackDiscord
from tests.fakes.discord.world import Json
from tests.waiting import eventually

NAMES = {"sherlock-holmes": "Sherlock Holmes", "ada-lovelace": "Ada Lovelace", "clyde": "Clyde of Discord"}
PLATFORM: dict[str, Any] = {"pause": 0.02, "ready_timeout": 0.05, "identify_pause": 0.0}


def png(shade: int = 0, side: int = 8) -> bytes:
    """A small grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([shade]) * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def face(character_id: str) -> bytes:
    return png(sum(character_id.encode()) % 256)


class Notes:
    """A Memory that outlives platforms."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str:
        return self.kept.get(key, "")

    async def set(self, key: str, value: str) -> None:
        self.kept[key] = value


@dataclass
class Recorder:
    """An Inbox and Posted: keeps everything, drops repeats by message id as the bot does, and replies to people
    with `script` (character id, texts as streamed; the last is final), if there is one."""

    script: Callable[[Incoming], Sequence[tuple[str, Sequence[str]]]] | None = None
    platform: Platform | None = None
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: Answer("Very well."))
    broken: bool = False
    posts: list[tuple[str, str]] = field(default_factory=list)
    finished: dict[str, Sequence[str]] = field(default_factory=dict)
    failed: list[Exception] = field(default_factory=list)
    joins: int = 0
    repeats: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def receive(self, event: Event) -> None:
        if isinstance(event, Incoming) and any(
            isinstance(e, Incoming) and e.id == event.id for e in self.events
        ):
            self.repeats += 1
            return
        self.events.append(event)
        if isinstance(event, Incoming) and self.script is not None:
            task = asyncio.create_task(self._reply(event, self.script(event)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _reply(self, event: Incoming, replies: Sequence[tuple[str, Sequence[str]]]) -> None:
        for character, texts in replies:
            turn = outgoing(event.place, character, f"turn-{event.id}-{character}", after=event.id)
            try:
                await self.speak(turn, texts)
            except Exception as error:  # noqa: BLE001  (kept for the test to look at)
                self.failed.append(error)

    async def speak(self, turn: Outgoing, texts: Sequence[str], pause: float = 0.06) -> Sequence[str]:
        assert self.platform is not None
        delivery = await self.platform.open(turn)
        for text in texts[:-1]:
            await delivery.update(text)
            await asyncio.sleep(pause)
        ids = self.finished[turn.turn_id] = await delivery.finish(texts[-1])
        return ids

    async def command(self, command: Command) -> Answer:
        self.commands.append(command)
        if self.broken:
            raise RuntimeError("broken for the test")
        return self.answer

    async def suggest(
        self, place: Place, command: str, argument: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        return [(name, i) for i, name in NAMES.items() if typed.lower() in name.lower()]

    async def joined(self, platform: Platform) -> None:
        self.joins += 1

    async def __call__(self, turn_id: str, message_id: str) -> None:
        self.posts.append((turn_id, message_id))

    def heard(self) -> list[Incoming]:
        return [e for e in self.events if isinstance(e, Incoming)]

    async def until(self, ready: Callable[["Recorder"], Any], seconds: float = 60.0) -> None:
        """Returns once it is so; AssertionError with what was recorded if it never is."""
        try:
            await eventually(lambda: ready(self), seconds)
        except AssertionError as never:
            raise AssertionError(f"{never} {self.events} {self.commands} {self.failed}") from None


def outgoing(
    place: Place,
    character: str = "sherlock-holmes",
    turn_id: str = "turn-1",
    after: str = "",
    posted: tuple[str, ...] = (),
) -> Outgoing:
    return Outgoing(turn_id, place, character, NAMES[character], after, posted)


def place(channel: Json, guild: Json | None = None) -> Place:
    server = guild["id"] if guild is not None else channel.get("guild_id", "")
    return Place("discord", channel["id"], channel["name"], server=server, private=not server)


def build(d: LoopbackDiscord, recorder: Recorder, **more: Any) -> DiscordPlatform:
    """A platform for that Discord; `more` overrides its arguments."""
    settings = more.pop("settings", None) or DiscordSettings(edits_per_second=5)
    arguments: dict[str, Any] = {
        "faces": face,
        "memory": Notes(),
        "connector_factory": d.connector,
        **PLATFORM,
        **more,
    }
    token = arguments.pop("token", d.bot.token)
    accounts = arguments.pop("accounts", {})
    platform = DiscordPlatform(settings, token, accounts, **arguments)
    recorder.platform = platform
    return platform


@contextlib.asynccontextmanager
async def running(d: LoopbackDiscord, recorder: Recorder, **more: Any) -> AsyncIterator[DiscordPlatform]:
    """The platform, connected."""
    platform = build(d, recorder, **more)
    joins = recorder.joins
    task = asyncio.create_task(platform.run(recorder, recorder))
    try:
        waiting = asyncio.create_task(recorder.until(lambda r: r.joins > joins))
        done, _ = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            waiting.cancel()
            task.result()
        await waiting
        yield platform
    finally:
        task.cancel()
        for reply in list(recorder.tasks):
            reply.cancel()
        await asyncio.gather(task, *recorder.tasks, return_exceptions=True)
