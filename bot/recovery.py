"""After a restart or a reconnect: finish what was begun, hear what was missed."""

import logging
from dataclasses import replace

from agent.errors import VignetteError
from bot.events import Outgoing, Place
from bot.house import House
from bot.traces import asks_again
from bot.turns import Turns
from journal import reading, turns
from journal.turns import TurnRow

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2  # a turn interrupted more often is handed back, lest it brings the bot down for ever


async def resume(house: House, speech: Turns, turn: TurnRow, place: Place, *, after: str) -> None:
    """Finishes a turn that was left planned or written, or hands it back, once.

    What already stands on the platform is found first, so that nothing is posted twice: a reply that was
    being shown is gone on with in the same messages.
    """
    platform = house.platform(place)
    try:
        async with house.journal.read() as tx:
            current = await turns.get(tx, turn.id)
        if current is None or current.state not in turns.OPEN:
            return  # it was finished, or forgotten, while this waited for its turn
        outgoing = Outgoing(turn.id, place, turn.speaker_id, turn.speaker_name, after, current.message_ids)
        found = await platform.find(outgoing)
        if found is None and not current.message_ids:
            await _hand_back(house, outgoing, current)
            return
        # The journal may know of some messages only: the post of the next was cut off from its answer.
        outgoing = replace(outgoing, posted=tuple(dict.fromkeys((*current.message_ids, *(found or ())))))
        async with house.journal.write() as tx:
            for message_id in outgoing.posted:
                await turns.posted(tx, turn.id, place.platform, message_id)
            attempts = await turns.begin_attempt(tx, turn.id)
        if attempts > MOST_ATTEMPTS:
            await _hand_back(house, outgoing, current)
        elif current.state == "written":
            await speech.redeliver(current, await platform.open(outgoing))
        else:
            await speech.answer(replace(current, message_ids=outgoing.posted), place, after=after)
    except VignetteError as error:
        log.warning("turn %s could not be taken up again: %s", turn.id, error)


async def _hand_back(house: House, turn: Outgoing, row: TurnRow) -> None:
    """Takes back what was shown and says so before the journal is told: where the bot dies in between, it is
    said again at the next start, and a platform with nonces shows that once. Nothing is said where another
    dialogue has begun since: it is no matter of that one."""
    try:
        words = "" if await _over(house, row) else asks_again(row.speaker_name, "handed-back")
        delivery = await house.platform(turn.place).open(turn)
        await delivery.abort(words)
    except VignetteError as error:
        log.warning("that turn %s is handed back could not be shown: %s", turn.turn_id, error)
    async with house.journal.write() as tx:
        await turns.settle(
            tx, turn.turn_id, "handed-back", "interrupted; whether it was posted cannot be told"
        )


async def _over(house: House, turn: TurnRow) -> bool:
    async with house.journal.read() as tx:
        newest = await reading.of_channel(tx, turn.channel_id, limit=1)
    return bool(newest) and (newest[0].id != turn.dialogue_id or newest[0].end_reason == "new")
