"""Duets: characters converse about a picture, under hard limits, while people may steer, join or stop."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.backends.base import Priority
from agent.character import Character
from agent.dialogue import Scenario
from agent.errors import Busy, CharacterError, VignetteError
from agent.labels import clean_words
from agent.picture import Picture
from bot.events import Author, Place
from bot.house import House, now
from bot.lanes import Lanes
from bot.places import channel_of
from bot.platforms.base import ShowsDuets
from bot.settings import DuetSettings
from bot.turns import Turns
from journal import channels, dialogues, duets, pictures, turns
from journal.people import Person

log = logging.getLogger(__name__)

ENDINGS = {
    "time limit": "its time is up",
    "token limit": "it has grown as long as it may",
    "repetition": "they repeat themselves",
    "no answer": "no answer came",
    "failed": "something went wrong here; it was logged",
}  # what people are told; `done` and `stopped` they see for themselves


@dataclass(frozen=True, slots=True)
class Wanted:
    """A duet to run. `message_id` is the platform's id of what asked for it; a repeat starts nothing."""

    place: Place
    author: Author
    message_id: str
    cast: tuple[Character, ...]
    pictures: tuple[Picture, ...]
    turns: int
    about: str = ""


@dataclass(slots=True)
class Running:
    id: str
    dialogue_id: str
    characters: tuple[str, ...]
    task: "asyncio.Task[str] | None" = None
    halt: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""


class Duets:
    def __init__(self, house: House, speech: Turns, lanes: Lanes) -> None:
        self._house, self._turns, self._lanes = house, speech, lanes
        self._running: dict[str, Running] = {}

    def running(self, channel: str) -> Running | None:
        return self._running.get(channel)

    async def start(self, wanted: Wanted) -> "asyncio.Task[str]":
        """Begins a duet and returns the task that plays it; its result is the reason why it ended."""
        if len({c.id for c in wanted.cast}) < 2:
            raise CharacterError(
                "a duet takes two different characters", mend="name two; `characters list` shows all"
            )
        key = wanted.place.key
        if key in self._running:
            raise Busy("a duet is running here already", mend="/stop ends it")
        most = self._house.settings.duet.max_turns
        if not 2 <= wanted.turns <= most:
            raise Busy(f"a duet has 2 to {most} turns, not {wanted.turns}", mend=f"ask for at most {most}")
        mine = self._running[key] = Running("", "", tuple(c.id for c in wanted.cast))
        try:
            await self._open(wanted, mine)
        except BaseException:
            del self._running[key]
            raise
        mine.task = asyncio.create_task(self._play(wanted, mine), name=f"duet {mine.id}")
        return mine.task

    async def _open(self, wanted: Wanted, mine: Running) -> None:
        """A new dialogue, in which the person shows the pictures to both."""
        place, person = (
            wanted.place,
            Person(wanted.author.key, wanted.place.platform, wanted.author.id, wanted.author.name),
        )
        async with self._house.journal.write() as tx:
            await channels.touch(tx, channel_of(place))
            current = await dialogues.current(tx, place.key, now=now(), idle=self._house.idle)
            if current:
                await dialogues.end(tx, current.id, "duet", now=now())
            dialogue = await dialogues.begin(tx, place.key, Scenario.INTER_ROLE, now=now())
            for picture in wanted.pictures:
                await pictures.add(tx, picture)
            await turns.hear(
                tx,
                dialogue_id=dialogue.id,
                channel_id=place.key,
                person=person,
                text="",
                pictures=[p.sha256 for p in wanted.pictures],
                message_id=wanted.message_id,
                platform=place.platform,
                witnesses=list(mine.characters),
                at=now(),
            )
            duet = await duets.begin(
                tx,
                dialogue_id=dialogue.id,
                channel_id=place.key,
                characters=mine.characters,
                turns=wanted.turns,
                started_by=person.id,
            )
        mine.id, mine.dialogue_id = duet.id, dialogue.id

    async def _play(self, wanted: Wanted, mine: Running) -> str:
        reason = "failed"
        try:
            await self._show(wanted.place, True)
            reason = await self._turns_of(wanted, mine)
        except asyncio.CancelledError:
            reason = "interrupted"
            raise
        except Exception:
            log.exception("duet %s failed", mine.id)
        finally:
            self._running.pop(wanted.place.key, None)
            await asyncio.shield(self._end(mine, reason))
        await self._show(wanted.place, False, ENDINGS.get(reason, ""))
        return reason

    async def _end(self, mine: Running, reason: str) -> None:
        async with self._house.journal.write() as tx:
            await duets.end(tx, mine.id, reason)
            await dialogues.end(tx, mine.dialogue_id, "duet ended", now=now())

    async def _show(self, place: Place, running: bool, why: str = "") -> None:
        platform = self._house.platform(place)
        try:
            if isinstance(platform, ShowsDuets):
                await platform.duet(place, running)
            if why:
                await platform.notice(place, f"The duet is over: {why}.")
        except VignetteError as error:
            log.warning("what became of a duet could not be shown in %s: %s", place.key, error)

    async def _turns_of(self, wanted: Wanted, mine: Running) -> str:
        limits, said, tokens = self._house.settings.duet, list[str](), 0
        timer = asyncio.get_running_loop().call_later(
            limits.max_seconds, self._halt, wanted.place.key, mine, "time limit"
        )
        try:
            for number in range(wanted.turns):
                if tokens >= limits.max_tokens:
                    return "token limit"
                if number:
                    await _pause(mine.halt, limits.pause_seconds)
                async with self._lanes.turn(wanted.place.key):
                    if mine.halt.is_set():
                        return mine.why
                    words, used = await self._one(wanted, mine, wanted.cast[number % len(wanted.cast)])
                if mine.halt.is_set():
                    return mine.why
                if not words:
                    return "no answer"
                tokens += used
                if repeats(words, said, limits):
                    return "repetition"
                said.append(words)
            return "done"
        finally:
            timer.cancel()

    def _halt(self, channel: str, mine: Running, why: str) -> None:
        mine.why = why
        mine.halt.set()
        self._turns.speaking.stop(channel)

    async def _one(self, wanted: Wanted, mine: Running, character: Character) -> tuple[str, int]:
        async with self._house.journal.write() as tx:
            await dialogues.current(tx, wanted.place.key, now=now(), idle=self._house.idle)
            turn = await turns.plan(
                tx,
                dialogue_id=mine.dialogue_id,
                channel_id=wanted.place.key,
                character=self._house.equipped(character, wanted.place.key),
                rule="it is their turn in a duet",
                reply_to="",
                witnesses=list(mine.characters),
            )
        words = await self._turns.answer(
            turn, wanted.place, about=wanted.about, others=wanted.cast, priority=Priority.DUET
        )
        async with self._house.journal.read() as tx:
            row = await turns.get(tx, turn.id)
        return words, row.made.reply_tokens if row and row.made else 0

    async def stop(self, channel: str) -> bool:
        """Ends the duet of a channel; what its speaker said up to the last whole sentence stands."""
        mine = self._running.get(channel)
        if mine is None or mine.task is None:
            return False
        self._halt(channel, mine, "stopped")
        await asyncio.wait([mine.task])
        return True

    async def interrupted(self, platform: str) -> None:
        """Duets that an earlier process left running end; a person can start them again."""
        async with self._house.journal.write() as tx:
            for duet in await duets.running(tx):
                mine = self._running.get(duet.channel_id)
                if duet.channel_id.startswith(f"{platform}:") and (mine is None or mine.id != duet.id):
                    await duets.end(tx, duet.id, "interrupted")
                    await dialogues.end(tx, duet.dialogue_id, "duet interrupted", now=now())

    async def close(self) -> None:
        tasks = [r.task for r in self._running.values() if r.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(halt: asyncio.Event, seconds: float) -> None:
    """Waits, unless the duet is halted meanwhile."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(halt.wait(), seconds)


def repeats(words: str, said: Sequence[str], limits: DuetSettings) -> bool:
    """Whether a turn says again what one of the last six said: the Jaccard index of their word triples."""
    new = _triples(words)
    return any(
        len(new & old) / len(new | old) >= limits.repetition for old in map(_triples, said[-6:]) if new | old
    )


def _triples(words: str) -> set[tuple[str, ...]]:
    parts = clean_words(words).casefold().split()
    return {tuple(parts[i : i + 3]) for i in range(max(1, len(parts) - 2))}
