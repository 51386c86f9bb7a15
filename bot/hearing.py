"""Hearing a person: is it for us, what does it show, which dialogue does it belong to, who answers."""

import logging
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import Scenario
from bot.director import Choice, Present, Talk, decide
from bot.duet import Duets
from bot.events import Incoming
from bot.house import House, now
from bot.sights import Sights
from bot.turns import Turns
from journal import channels, dialogues, events, pictures, turns
from journal.people import Person
from journal.turns import TurnRow

log = logging.getLogger(__name__)


class Hearing:
    def __init__(self, house: House, sights: Sights, speech: Turns, duets: Duets) -> None:
        self._house, self._sights, self._turns, self._duets = house, sights, speech, duets
        self._active: set[str] = set()  # channels in which a character was active when last looked

    def changed(self, channel: str) -> None:
        """Somebody was invited into a channel or sent away: look again at its next message."""
        self._active.discard(channel)

    async def concerns(self, message: Incoming) -> bool:
        """Whether a message happens in an active channel or addresses a character. All else leaves no row."""
        if message.place.private or message.addressed or message.mentions_bot:
            return True
        if message.place.key in self._active or self._duets.running(message.place.key):
            return True
        async with self._house.journal.read() as tx:
            if await channels.members(tx, message.place.key):
                self._active.add(message.place.key)
                return True
            if not message.reply_to:
                return False
            turn = await turns.by_message(tx, message.place.platform, message.reply_to)
            return turn is not None and turn.speaker_kind == "character"

    async def hear(self, message: Incoming, *, answer: bool = True) -> None:
        """Stores the person's turn and the plans to answer it in one transaction, then answers in order."""
        house, place = self._house, message.place
        shown, problems = await self._sights.take(message)
        async with house.journal.write() as tx:
            present, replied_to = await self._around(tx, message)
            choices = self._choose(message, present, replied_to) if answer else []
            witnesses = {*(p.character.id for p in present), *(c.character.id for c in choices)}
            duet = self._duets.running(place.key)
            witnesses |= set(duet.characters) if duet else set()
            dialogue = await dialogues.current(tx, place.key, now=now(), idle=house.idle)
            if dialogue is None:
                scenario = Scenario.HUMAN_ROLE if message.text or not shown else Scenario.COMMENTARY
                dialogue = await dialogues.begin(tx, place.key, scenario, now=now())
            elif dialogue.scenario == Scenario.COMMENTARY:
                await dialogues.set_scenario(tx, dialogue.id, Scenario.HUMAN_ROLE)
            for picture in shown:
                await pictures.add(tx, picture)
            heard = await turns.hear(
                tx,
                dialogue_id=dialogue.id,
                channel_id=place.key,
                person=Person(message.author.key, place.platform, message.author.id, message.author.name),
                text=message.text,
                pictures=[p.sha256 for p in shown],
                message_id=message.id,
                platform=place.platform,
                witnesses=sorted(witnesses),
                at=message.at or now(),
            )
            planned = []
            for choice in choices:
                planned.append(
                    await turns.plan(
                        tx,
                        dialogue_id=dialogue.id,
                        channel_id=place.key,
                        character=house.equipped(choice.character, place.key),
                        rule=choice.rule,
                        reply_to=heard.id,
                        witnesses=sorted(witnesses),
                    )
                )
            await events.settle(tx, place.platform, message.id, "done" if answer else "refused")
        for problem in problems:
            await house.platform(place).notice(place, problem)
        await self._answer(planned, message)

    async def _answer(self, planned: Sequence[TurnRow], message: Incoming) -> None:
        for turn in planned:
            await self._turns.answer(turn, message.place, after=message.id)

    async def _around(self, tx: AsyncConnection, message: Incoming) -> tuple[list[Present], str]:
        """The characters active in the channel, and whose turn the message replies to."""
        place = message.place
        allowed = self._house.allowed(place)
        here = [m for m in await channels.members(tx, place.key) if m.character_id in allowed]
        present = []
        for member in here:
            # Who spoke last matters only among several.
            last = await turns.last_spoke(tx, place.key, member.character_id) if len(here) > 1 else ""
            present.append(Present(allowed[member.character_id], Talk(member.talk), last))
        replied = await turns.by_message(tx, place.platform, message.reply_to) if message.reply_to else None
        return present, replied.speaker_id if replied and replied.speaker_kind == "character" else ""

    def _choose(self, message: Incoming, present: Sequence[Present], replied_to: str) -> list[Choice]:
        allowed = self._house.allowed(message.place)
        duet = self._duets.running(message.place.key)
        if duet:
            # A person's word steers or joins the duet; its next speaker answers. A third character may be asked.
            named = decide(message, [], allowed, replied_to=replied_to)
            return [c for c in named if c.character.id not in duet.characters]
        return decide(
            message, present, allowed, replied_to=replied_to, default=allowed.get(self._house.default)
        )
