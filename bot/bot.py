"""The bot: what platforms call. It stores first, then lets each channel's lane do the rest in order."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from agent.errors import Busy, VignetteError
from bot import recovery
from bot.commands import COMMANDS, Context, suggestions
from bot.duet import Duets
from bot.events import Answer, Attachment, Author, Command, Deleted, Edited, Event, Incoming, Place, Reacted
from bot.hearing import Hearing
from bot.house import House, now
from bot.lanes import Lanes
from bot.limits import Limits
from bot.places import channel_of, place_of
from bot.platforms.base import LosesPlaces, Platform
from bot.sights import Sights
from bot.turns import Turns
from journal import channels, events, feedback, turns
from journal.channels import Channel
from journal.events import StoredEvent
from journal.turns import TurnRow

log = logging.getLogger(__name__)

PRIVATE_GAP = timedelta(days=1)  # private conversations older than this are not searched for missed words


class Bot:
    """Implements Inbox and Posted (bot.platforms.base)."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.sights = Sights(house)
        self.turns = Turns(house, self.sights)
        self.lanes = Lanes(house.settings.limits.channel_queue)
        self.limits = Limits(house.settings.limits)
        self.duets = Duets(house, self.turns, self.lanes)
        self.hearing = Hearing(house, self.sights, self.turns, self.duets)
        self._gates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._taken: set[tuple[str, str]] = set()  # events and turns this process has in hand

    # Inbox.

    async def receive(self, event: Event, *, commanded: bool = False) -> None:
        """`commanded`: the words came with a command, so they do not stand in the channel's history."""
        key = event.place.key
        async with self._gates.setdefault(key, asyncio.Lock()):  # keeps a channel's events in their order
            if isinstance(event, Incoming):
                await self._take(event, mark=not commanded)
            elif isinstance(event, Reacted):
                await self._react(event)
            else:
                self.lanes.put(key, lambda: self._follow(event), urgent=True)

    async def command(self, command: Command) -> Answer:
        action = COMMANDS.get(command.name)
        if action is None:
            return Answer(f"There is no command {command.name}. /help lists them.")
        try:
            return await action(Context(self, command))
        except VignetteError as error:
            return Answer(
                f"{error.what[:1].upper()}{error.what[1:]}."
                + (f" To mend it: {error.mend}." if error.mend else "")
            )
        except Exception:
            log.exception("command %s failed", command.name)
            return Answer("Something went wrong here; it was logged.")

    async def suggest(
        self, place: Place, command: str, argument: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        return await suggestions(self, place, command, argument, typed)

    async def joined(self, platform: Platform) -> None:
        """Turns left open first, then events left unanswered, then what the channels missed."""
        async with self.house.journal.read() as tx:
            open_turns = await turns.open_turns(tx, platform.name)
            waiting = await events.unsettled(tx, platform.name)
            known = await channels.listened_to(tx, platform.name, since=now() - PRIVATE_GAP)
        await self.duets.interrupted(platform.name)
        for turn in open_turns:
            await self._resume(platform, turn)
        for stored in waiting:
            message = _incoming(stored.payload)
            self._enqueue(message, urgent=True, answer=_stands(platform, message.place))
        for channel in known:
            if channel.last_message_id:
                await self._backfill(platform, channel)

    async def __call__(self, turn_id: str, message_id: str) -> None:
        async with self.house.journal.write() as tx:
            turn = await turns.get(tx, turn_id)
            if turn:
                await turns.posted(tx, turn_id, turn.channel_id.split(":", 1)[0], message_id)

    async def close(self) -> None:
        await self.duets.close()
        await self.lanes.close()

    # Steps.

    async def _take(self, message: Incoming, *, mark: bool = True) -> None:
        """Stores a message and lets its lane answer it. `mark`: a backfill begins after it."""
        if (message.place.platform, message.id) in self._taken or not await self.hearing.concerns(message):
            return
        stored = StoredEvent(
            message.place.platform,
            message.id,
            message.place.key,
            _payload(message),
            "new",
            message.at or now(),
        )
        async with self.house.journal.write() as tx:
            if not await events.store(tx, stored):
                return
            here = channel_of(message.place)
            await channels.touch(tx, replace(here, last_message_id=message.id) if mark else here)
        refusal = self.limits.take(message.author, message.place)
        if refusal:
            wait = f"Try again in {max(1, round(refusal.retry_after))} s."
            what = f"That is more than {refusal.who} may ask for at once. {wait}"
            await self._refuse(message, what if refusal.tell else "")
            return
        try:
            self._enqueue(message)
        except Busy as busy:
            await self._refuse(message, f"{busy.what}. To mend it: {busy.mend}.")

    def _enqueue(self, message: Incoming, *, urgent: bool = False, answer: bool = True) -> None:
        key = (message.place.platform, message.id)
        if key in self._taken:
            return

        async def job() -> None:
            try:
                async with self.lanes.turn(message.place.key):
                    await self.hearing.hear(message, answer=answer)
            finally:
                self._taken.discard(key)

        self.lanes.put(message.place.key, job, urgent=urgent)
        self._taken.add(key)

    async def _refuse(self, message: Incoming, words: str) -> None:
        """The words are heard (nothing is lost from the dialogue), but nobody answers them."""
        self._enqueue(message, urgent=True, answer=False)
        if words:
            await self.house.platform(message.place).notice(message.place, words)

    async def _follow(self, event: Edited | Deleted) -> None:
        async with self.house.journal.write() as tx:
            turn = await turns.by_message(tx, event.place.platform, event.id)
            if turn is None:
                return
            if isinstance(event, Deleted):
                await turns.delete(tx, turn.id)
            elif turn.speaker_kind == "human":
                await turns.edit(tx, turn.id, event.text)

    async def _react(self, event: Reacted) -> None:
        async with self.house.journal.write() as tx:
            turn = await turns.by_message(tx, event.place.platform, event.id)
            if turn is None or turn.speaker_kind != "character":
                return
            change = feedback.remove if event.removed else feedback.add
            await change(tx, turn.id, event.author.key, "reaction", event.emoji)

    # After a restart.

    async def _resume(self, platform: Platform, turn: TurnRow) -> None:
        key = (platform.name, f"turn {turn.id}")
        if key in self._taken or self.turns.speaking.holds(turn.id):
            return
        async with self.house.journal.read() as tx:
            channel = await channels.get(tx, turn.channel_id)
            asked = await turns.get(tx, turn.reply_to) if turn.reply_to else None
        if channel is None:
            return
        if not _stands(platform, place_of(channel)):
            async with self.house.journal.write() as tx:
                await turns.settle(tx, turn.id, "handed-back", "its conversation ended with the program")
            return
        after = asked.message_ids[-1] if asked and asked.message_ids else ""

        async def job() -> None:
            try:
                async with self.lanes.turn(channel.id):
                    await recovery.resume(self.house, self.turns, turn, place_of(channel), after=after)
            finally:
                self._taken.discard(key)

        self._taken.add(key)
        self.lanes.put(channel.id, job, urgent=True)

    async def _backfill(self, platform: Platform, channel: Channel) -> None:
        async with self._gates.setdefault(channel.id, asyncio.Lock()):
            try:
                async for message in platform.history(place_of(channel), channel.last_message_id):
                    await self._take(message)
            except VignetteError as error:
                log.warning("the history of %s could not be read: %s", channel.id, error)


def _stands(platform: Platform, place: Place) -> bool:
    return not isinstance(platform, LosesPlaces) or platform.stands(place)


# Between events and rows.


def _payload(message: Incoming) -> dict[str, Any]:
    return {**asdict(message), "at": message.at.isoformat() if message.at else None}


def _incoming(payload: dict[str, Any]) -> Incoming:
    return Incoming(
        place=Place(**payload["place"]),
        author=Author(**payload["author"]),
        id=payload["id"],
        text=payload["text"],
        attachments=tuple(Attachment(**a) for a in payload["attachments"]),
        reply_to=payload["reply_to"],
        quoted=tuple(Attachment(**a) for a in payload["quoted"]),
        addressed=tuple(payload["addressed"]),
        mentions_bot=payload["mentions_bot"],
        at=datetime.fromisoformat(payload["at"]) if payload["at"] else None,
    )
