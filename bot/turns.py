"""One turn from start to end: a person's is heard, a character's is planned, written, delivered.

The journal is always ahead of the platform: a person's turn and the plans to answer it are stored in one
transaction, a reply is stored whole before it counts as said, and a message id as soon as it is known. So
after `kill -9` at any moment `resume` can finish what was begun, and nothing is said twice.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields

from agent.agent import Facts, Reply
from agent.backends.base import Priority
from agent.character import Character
from agent.errors import BackendError, Busy, PlatformError, PlatformRefused, SpendCapReached, VignetteError
from agent.speech import whole_sentences
from bot.asking import character_of, make_ask
from bot.events import Outgoing, Place
from bot.house import House
from bot.platforms.base import Delivery
from bot.sights import Sights
from bot.traces import asks_again
from journal import turns
from journal.turns import Made, TurnRow

log = logging.getLogger(__name__)

_FACTS = [one.name for one in fields(Facts)]


@dataclass
class _Running:
    task: "asyncio.Task[str]"
    stopped: bool = False


@dataclass
class Speaking:
    """What goes on in the house right now, by channel and turn."""

    running: dict[str, dict[str, _Running]] = field(default_factory=dict)

    def stop(self, channel: str) -> int:
        """Stops every reply in a channel; says how many there were."""
        found = list(self.running.get(channel, {}).values())
        for one in found:
            one.stopped = True
            one.task.cancel()
        return len(found)

    def holds(self, turn_id: str) -> bool:
        return any(turn_id in turns_ for turns_ in self.running.values())


class Turns:
    def __init__(self, house: House, sights: Sights) -> None:
        self._house, self._sights = house, sights
        self.speaking = Speaking()
        self._filters = [re.compile(p, re.IGNORECASE) for p in house.settings.filter.patterns]

    async def answer(
        self,
        turn: TurnRow,
        place: Place,
        *,
        after: str = "",
        about: str = "",
        others: Sequence[Character] = (),
        priority: Priority = Priority.PERSON,
    ) -> str:
        """Writes and delivers a planned turn; what was said, or an empty string if nothing was. Errors of the
        model or the platform are told to the place and settled in the journal, not raised."""
        task = asyncio.create_task(
            self._answer(turn, place, after, about, others, priority), name=f"turn {turn.id}"
        )
        mine = _Running(task)
        self.speaking.running.setdefault(place.key, {})[turn.id] = mine
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done() and mine.stopped:
                return ""
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            here = self.speaking.running[place.key]
            del here[turn.id]
            if not here:
                del self.speaking.running[place.key]

    async def _answer(
        self,
        turn: TurnRow,
        place: Place,
        after: str,
        about: str,
        others: Sequence[Character],
        priority: Priority,
    ) -> str:
        delivery: Delivery | None = None
        saying: asyncio.Task[str] | None = None
        shown = ""
        try:
            character = character_of(self._house, turn)
            outgoing = Outgoing(turn.id, place, character.id, character.spoken_name, after, turn.message_ids)
            delivery = await self._house.platform(place).open(outgoing)
            ask = await make_ask(self._house, self._sights, turn, character, others=others, about=about)
            async with aclosing(self._house.agent.reply(ask, priority=priority)) as steps:
                async for step in steps:
                    if isinstance(step, Reply):
                        saying = asyncio.create_task(self._say(turn, delivery, step.text, step.facts))
                        return await asyncio.shield(saying)
                    shown = step
                    if self._withheld(shown):
                        return await self._withhold(turn, delivery)
                    await delivery.update(shown)
        except asyncio.CancelledError:
            # Too late to stop what is complete; it is delivered first. Of the rest, only what a person
            # stopped is settled: a shutdown leaves the turn planned, for the next start.
            if saying:
                await asyncio.wait([saying])
            elif self._was_stopped(turn, place):
                await asyncio.shield(self._stop(turn, delivery, shown))
            raise
        except VignetteError as error:
            await self._fail(turn, delivery, error)
        except Exception:
            log.exception("turn %s failed", turn.id)
            await self._fail(turn, delivery, VignetteError("something went wrong here; it was logged"))
        return ""

    def _was_stopped(self, turn: TurnRow, place: Place) -> bool:
        mine = self.speaking.running.get(place.key, {}).get(turn.id)
        return mine is not None and mine.stopped

    async def _say(self, turn: TurnRow, delivery: Delivery, text: str, facts: Facts) -> str:
        if self._withheld(text):
            return await self._withhold(turn, delivery)
        async with self._house.journal.write() as tx:
            await turns.write(tx, turn.id, text, Made(**{name: getattr(facts, name) for name in _FACTS}))
        await self.deliver(turn, delivery, text)
        return text

    async def redeliver(self, turn: TurnRow, delivery: Delivery) -> None:
        """What was written before a restart. Errors are settled and told as in `answer`."""
        try:
            await self.deliver(turn, delivery, turn.text)
        except VignetteError as error:
            await self._fail(turn, delivery, error)

    async def deliver(self, turn: TurnRow, delivery: Delivery, text: str) -> None:
        platform = turn.channel_id.split(":", 1)[0]
        ids = await delivery.finish(text)
        async with self._house.journal.write() as tx:
            for message_id in ids:
                await turns.posted(tx, turn.id, platform, message_id)
            await turns.delivered(tx, turn.id)

    async def _stop(self, turn: TurnRow, delivery: Delivery | None, shown: str) -> None:
        """What was said up to the last whole sentence stands; less than one sentence is taken back."""
        text = whole_sentences(shown) if shown else ""
        if text.endswith("…") and not shown.startswith(text):
            text = ""
        if text and delivery:
            async with self._house.journal.write() as tx:
                await turns.write(
                    tx,
                    turn.id,
                    text,
                    Made(self._house.agent.template, "", self._house.agent.backend.model, finish="stopped"),
                )
            await self.deliver(turn, delivery, text)
            return
        async with self._house.journal.write() as tx:
            await turns.settle(tx, turn.id, "stopped")
        if delivery:
            await delivery.abort(asks_again(turn.speaker_name, "stopped"))

    def _withheld(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self._filters)

    async def _withhold(self, turn: TurnRow, delivery: Delivery) -> str:
        # Off the platform first: where the bot dies in between, it must not stand there.
        await delivery.abort("(An answer was withheld by this server's filter.)")
        async with self._house.journal.write() as tx:
            await turns.settle(tx, turn.id, "withheld", "the output filter met")
        return ""

    async def _fail(self, turn: TurnRow, delivery: Delivery | None, error: VignetteError) -> None:
        log.warning("turn %s failed: %s", turn.id, error)
        if isinstance(error, PlatformError) and not isinstance(error, PlatformRefused):
            return  # it stays planned or written, and is finished when the platform is back (bot.recovery)
        if delivery:
            try:
                await delivery.abort(f"({turn.speaker_name} cannot answer now: {_told(error)}.)")
            except PlatformError as again:
                log.warning("turn %s: the failure could not be shown: %s", turn.id, again)
        async with self._house.journal.write() as tx:
            await turns.settle(tx, turn.id, "failed", str(error))


def _told(error: VignetteError) -> str:
    """What people in a channel may know of a failure. A backend's own words may name addresses, models and
    keys: those are for the log and the journal."""
    if isinstance(error, Busy):
        return f"{error.what}; try again in {error.retry_after:.0f} s" if error.retry_after else error.what
    if isinstance(error, BackendError) and not isinstance(error, SpendCapReached):
        return "the model gives no answer; the owner's log says why"
    return error.what
