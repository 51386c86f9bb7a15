"""The whole program, killed again and again while people talk on Discord.

`python main.py run` as a process of its own, on the loopback Discord through a CONNECT proxy, with a model
server that streams slowly. In the end every message is in the journal once and has one answer in the channel
as people see it, or was handed back once.
"""

import asyncio
import contextlib
import os
import random
import re
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from journal import dialogues, events, turns
from journal.journal import Journal
from journal.settings import JournalSettings
from journal.turns import TurnRow
from tests.fakes.discord import LoopbackDiscord, Seen
from tests.fakes.discord.world import Json
from tests.fakes.openai_server import Answer, ScriptedServer
from tests.fakes.openai_server import Seen as Asked
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
STREETS = 4  # side by side, for most of a start is waiting
LONGEST = 4.0  # seconds that a run lasts at most once it is on the gateway
# Where runs end, dealt and not diced: each of the requests that a run comes to before LONGEST is met once, the moment
# between a post and its answer from eight different pasts. Fifty throws left a third of the requests out.
ENDS: list[tuple[str, int]] = [
    *(("request", n) for n in range(1, 16)),
    *(("post", 1), ("post", 2)) * 4,
    *(("start", 0),) * 5,
    *(("time", 0),) * 4,
]
CONFIG = """
[agent]
backend = "openai"
[agent.cast]
shipped = "{root}/characters"
[agent.abilities]
sees = false
streams = true
grammar = false
adapters = false
logprobs = false
context = 3072
[[agent.openai.endpoints]]
base_url = "{url}"
model = "fake"
[bot.limits]
user_burst = 9999
channel_burst = 9999
server_burst = 9999
channel_queue = 999
[bot.discord]
edits_per_second = 5.0
"""


class Model(ScriptedServer):
    """Answers with the number it was asked last, a word at a time; every third answer takes two messages."""

    def _reply(self, seen: Asked, answer: Answer) -> tuple[list[str], str | None]:
        number = int(re.findall(r"question (\d+)\?", seen.words)[-1])
        return reply(number), "stop"


def reply(number: int) -> list[str]:
    words = [f"and {'so ' * 80}on, " for _ in range(9)] if number % 3 == 0 else ["word, "] * 6
    return [f"Answer {number}: ", *words, "end."]


@dataclass
class Street:
    """One program, its people, and what they said."""

    discord: LoopbackDiscord
    model: Model
    folder: Path
    dice: random.Random
    channel: Json
    people: list[Json]
    process: asyncio.subprocess.Process | None = None
    said: dict[int, str] = field(default_factory=dict)
    kills: int = 0
    ways: Counter[str] = field(default_factory=Counter)

    async def start(self) -> asyncio.subprocess.Process:
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        environment |= {
            "DISCORD_TOKEN": self.discord.bot.token,
            "HTTPS_PROXY": self.discord.proxy_url,
            "SSL_CERT_FILE": self.discord.ca_file,
        }
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command("run", "--port", "0"), cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        return self.process

    def command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, str(ROOT / "main.py"), "--config", str(self.folder / "config.toml"), *words)

    async def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 60)

    async def talk(self) -> None:
        """People say things at any time, whether the bot is there or not; about two a run, however long it is."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.2, 2.0))
            if len(self.said) < 3 + 2 * self.kills:
                number = len(self.said) + 1
                words = f"question {number}?"
                message = await self.discord.say(self.dice.choice(self.people), self.channel, words)
                self.said[number] = message["id"]

    async def killed_once(self, way: str, count: int) -> None:
        """One run that ends badly: while it starts, some time later, at its request number `count`, or between its
        post number `count` and the answer."""
        d, dice = self.discord, self.dice
        moment = asyncio.Event()

        async def posted(message: Json) -> None:
            nonlocal count
            count -= 1
            if way == "post" and count == 0:
                await self.end(signal.SIGKILL)
                moment.set()

        async def watch() -> None:
            if way == "start":
                await asyncio.sleep(dice.uniform(0.2, 4.0))
                return
            while d.gateway.identified == before:
                await asyncio.sleep(0.01)
            if way == "time":
                await asyncio.sleep(dice.uniform(1.0, LONGEST))
                return
            upto = len(d.faults.requests) + count
            async with asyncio.timeout(LONGEST):
                while not moment.is_set() and (way == "post" or len(d.faults.requests) < upto):
                    await asyncio.sleep(0.001)

        before = d.gateway.identified
        d.on_posted = posted
        await self.start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch(), 30)
        d.on_posted = None
        assert await self.end(signal.SIGKILL) == -signal.SIGKILL, self.log()
        self.kills += 1
        self.ways[way] += 1

    def log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-20_000:] if log.exists() else "it had said nothing"

    def shown(self) -> list[Seen]:
        return self.discord.messages(self.channel)

    def answers(self) -> list[Seen]:
        return [m for m in self.shown() if m.webhook and "Answer" in m.content]

    def notices(self) -> list[Seen]:
        return [m for m in self.shown() if "was interrupted" in m.content]

    async def settled(self) -> None:
        """Waits until everything that was said is answered or handed back, and nothing moves any more."""
        last, still = -1, 0
        while still < (20 if len(self.whole()) + len(self.notices()) >= len(self.said) else 600):
            now = sum(len(m.versions) for m in self.shown())
            still = still + 1 if now == last else 0
            last = now
            await asyncio.sleep(0.1)

    def whole(self) -> list[int]:
        """The numbers whose answers stand to their end."""
        return [n for n, text in self.standing().items() if text.rstrip().endswith("end.")]

    def standing(self) -> dict[int, str]:
        """What stands in the channel by number; a message that begins no answer goes on with the last one."""
        found: dict[int, str] = {}
        number = 0
        for message in self.shown():
            if not message.webhook or message.author != "Sherlock Holmes":
                continue
            if begin := re.search(r"Answer (\d+):", message.content):
                number = int(begin[1])
                assert number not in found, f"answered twice: {number} {self.log()}"
                found[number] = ""
            found[number] += message.content[begin.start() if begin else 0 :] + " "
        return found


async def besieged(folder: Path, seed: int, ends: list[tuple[str, int]]) -> Street:
    async with LoopbackDiscord() as d, Model() as model:
        guild = d.guild()
        model.pause = 0.1
        people = [d.user("John"), d.user("Mary")]
        street = Street(d, model, folder, random.Random(seed), d.channel(guild), people)
        folder.mkdir()
        (folder / "config.toml").write_text(CONFIG.format(root=ROOT, url=model.url))
        try:
            await street.start()
            await eventually(lambda: d.bot.commands, 120)
            asked = await d.slash(
                d.user("Boss", manager=True),
                street.channel,
                "character add",
                {"character": "sherlock-holmes", "talk": "always"},
            )
            await asked.says("joins this channel", seconds=60)
            await street.end(signal.SIGKILL)
            talking = asyncio.create_task(street.talk())
            for way, count in ends:
                await street.killed_once(way, count)
            talking.cancel()
            model.pause = 0.02
            await street.start()
            await street.settled()
            assert await street.end(signal.SIGTERM) == 0, street.log()
            await checked(street)
        except BaseException:  # a hang, too, ends with the log
            sys.stderr.write(
                f"seed {seed}, kills {dict(street.ways)}, log {folder / 'log'}; its end:\n{street.log()}\n"
            )
            raise
        finally:
            if street.process is not None and street.process.returncode is None:
                await street.end(signal.SIGKILL)
        return street


async def checked(street: Street) -> None:
    settings = JournalSettings(url=f"sqlite+aiosqlite:///{street.folder}/data/journal.db")
    async with await Journal.open(settings) as journal, journal.read() as tx:
        rows: list[TurnRow] = []
        for dialogue in await dialogues.listing(tx, limit=1000):
            rows += await turns.of_dialogue(tx, dialogue.id)
        assert not await events.unsettled(tx, "discord")
    heard = {r.id: r for r in rows if r.speaker_kind == "human"}
    spoken = [r for r in rows if r.speaker_kind == "character"]
    # Everything said is in the journal once, and has one answer there.
    assert sorted(r.message_ids[0] for r in heard.values()) == sorted(street.said.values())
    assert sorted(r.reply_to for r in spoken) == sorted(heard)
    assert Counter(r.state for r in rows).keys() <= {"heard", "delivered", "handed-back"}
    # People see just those answers, whole, and one notice for each that was handed back.
    handed_back = [r for r in spoken if r.state == "handed-back"]
    assert len(street.notices()) == len(handed_back), street.log()
    delivered = {_number(heard[r.reply_to]): r for r in spoken if r.state == "delivered"}
    standing = street.standing()
    assert sorted(standing) == sorted(delivered)
    for number, row in delivered.items():
        assert row.text.split() == "".join(reply(number)).split()
        assert standing[number].split() == row.text.split(), number
    visible = {m.id for m in street.shown() if m.webhook and m.author == "Sherlock Holmes"}
    assert visible <= {i for r in delivered.values() for i in r.message_ids}
    verify = await asyncio.create_subprocess_exec(*street.command("journal", "verify"), cwd=street.folder)
    assert await verify.wait() == 0


def _number(row: TurnRow) -> int:
    found = re.fullmatch(r"question (\d+)\?", row.text)
    assert found, row.text
    return int(found[1])


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    ends = random.Random(0).sample(ENDS, len(ENDS))
    streets = await asyncio.gather(
        *(besieged(tmp_path / str(n), n, ends[n::STREETS]) for n in range(STREETS))
    )
    assert sum((s.ways for s in streets), Counter()) == Counter(way for way, _ in ENDS)
    assert sum(len(s.said) for s in streets) >= len(ENDS)
