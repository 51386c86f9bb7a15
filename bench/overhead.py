"""What Vignette adds around the model: latency, throughput, memory, start-up.

Everything is real but the model and the platform: an instant backend and a platform in memory, so that only
Vignette's own work is on the clock. The peer, in the same run, is the least that keeps the same promise: per
message the same writes to SQLite (WAL, one commit each, as many as Vignette makes) and nothing else.
"""

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.backends.base import Abilities, Done, Finish, Message, Piece, Request
from bench.platform import Unconnected
from bot.bot import Bot
from bot.events import Author, Command, Incoming, Outgoing, Place
from door.house import open_bot
from door.settings import load

PIECES = 20  # words of a reply
COMMITS = 4  # a message: event, turn and plan, words, delivery
PEER_ROWS = 9


@dataclass
class Marks:
    """Moments in seconds, by message."""

    said: dict[str, float] = field(default_factory=dict)
    inward: list[float] = field(default_factory=list)
    outward: list[float] = field(default_factory=list)
    last_piece: dict[str, float] = field(default_factory=dict)
    delivered: int = 0


class InstantBackend:
    """Answers at once; `pause` seconds between its words."""

    model = "instant"

    def __init__(self, marks: Marks, pause: float) -> None:
        self._marks, self._pause = marks, pause

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def abilities(self) -> Abilities:
        return Abilities(True, True, False, False, False, 100_000)

    async def count(self, messages: Sequence[Message]) -> int:
        return sum(len(m.text) // 4 for m in messages)

    async def generate(self, request: Request) -> AsyncGenerator[Piece | Done, None]:
        now = time.perf_counter()
        key = request.messages[-1].text.rsplit("\n", 1)[-1]  # the current words name the message
        self._marks.inward.append(now - self._marks.said[key])
        for n in range(PIECES):
            self._marks.last_piece[key] = time.perf_counter()
            yield Piece(f"{key}-{n} ")
            await asyncio.sleep(self._pause)
        yield Done(Finish.STOP, 100, PIECES, self.model)


class MemoryPlatform(Unconnected):
    def __init__(self, marks: Marks) -> None:
        self.marks = marks

    async def open(self, turn: Outgoing) -> "MemoryDelivery":
        return MemoryDelivery(self.marks, turn)

    async def notice(self, place: Place, words: str) -> None:
        raise RuntimeError(f"the bench was refused: {words}")


class MemoryDelivery:
    def __init__(self, marks: Marks, turn: Outgoing) -> None:
        self._marks, self._turn = marks, turn

    async def update(self, text: str) -> None:
        key = text.rsplit(" ", 1)[-1].rsplit("-", 1)[0]
        self._marks.outward.append(time.perf_counter() - self._marks.last_piece[key])

    async def finish(self, text: str) -> Sequence[str]:
        self._marks.delivered += 1
        return (f"b-{self._turn.turn_id}",)

    async def abort(self, words: str) -> None:
        raise RuntimeError(f"the bench's reply failed: {words}")


@asynccontextmanager
async def bench_bot(marks: Marks, channels: int, pause: float) -> AsyncIterator[tuple[Bot, list[Place]]]:
    """A bot on a new journal, with one character in each of so many channels."""
    with tempfile.TemporaryDirectory() as folder:
        limits = {f"VIGNETTE__BOT__LIMITS__{w}_BURST": "100000" for w in ("USER", "CHANNEL", "SERVER")}
        limits |= {"VIGNETTE__BOT__LIMITS__CHANNEL_QUEUE": "100000"}
        shipped = Path(__file__).parent.parent / "characters"
        loaded = load(Path(folder) / "config.toml", limits | {"VIGNETTE__AGENT__CAST__SHIPPED": str(shipped)})
        async with open_bot(loaded, backend=InstantBackend(marks, pause)) as bot:
            bot.house.platforms["bench"] = MemoryPlatform(marks)
            places = [Place("bench", f"c{n}", server="s") for n in range(channels)]
            cast = sorted(bot.house.allowed(places[0]))
            for n, place in enumerate(places):
                wanted: dict[str, str | int | bool] = {"character": cast[n % len(cast)], "talk": "always"}
                await bot.command(
                    Command(place, Author("bench", "0", "Owner", True), "", "character.add", wanted)
                )
            yield bot, places


async def latency(channels: int, each: int, rate: float) -> Marks:
    """Open loop: messages arrive at random moments, `rate` a second in all, whatever the bot is doing."""
    marks, dice = Marks(), random.Random(7)
    async with bench_bot(marks, channels, pause=0.02) as (bot, places):
        at = time.perf_counter()
        sending = []
        for n in range(channels * each):
            at += dice.expovariate(rate)
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            place = places[n % channels]
            sending.append(asyncio.create_task(_say(bot, marks, place, f"w{n}")))
        await asyncio.gather(*sending)
        await bot.lanes.idle()
    return marks


async def throughput(channels: int, each: int) -> float:
    """Closed loop: every message is there at once. Messages answered a second."""
    marks = Marks()
    async with bench_bot(marks, channels, pause=0.0) as (bot, places):
        begun = time.perf_counter()
        await asyncio.gather(
            *(_say(bot, marks, places[n % channels], f"w{n}") for n in range(channels * each))
        )
        await bot.lanes.idle()
        seconds = time.perf_counter() - begun
    assert marks.delivered == channels * each
    return marks.delivered / seconds


async def _say(bot: Bot, marks: Marks, place: Place, words: str) -> None:
    marks.said[words] = time.perf_counter()
    await bot.receive(Incoming(place, Author("bench", f"p{place.id}", "Sam"), words, words))


def peer(messages: int) -> float:
    """Messages a second that bare sqlite3 stores with as many commits and rows."""
    with tempfile.TemporaryDirectory() as folder:
        base = sqlite3.connect(f"{folder}/peer.db", isolation_level=None)
        base.execute("pragma journal_mode=wal")
        base.execute("pragma synchronous=normal")
        base.execute("create table rows (id integer primary key, message integer, words text)")
        base.execute("create index by_message on rows (message)")
        begun = time.perf_counter()
        for n in range(messages):
            for _ in range(COMMITS):
                base.execute("begin immediate")
                for _ in range(PEER_ROWS // COMMITS + 1):
                    base.execute("insert into rows (message, words) values (?, ?)", (n, "words " * 12))
                base.execute("commit")
        seconds = time.perf_counter() - begun
        base.close()
    return messages / seconds


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49] * 1000, cuts[94] * 1000
