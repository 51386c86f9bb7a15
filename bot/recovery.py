"""After a restart or a reconnect: finish what was begun, hear what was missed."""

import logging
from dataclasses import replace

from agent.errors import VignetteError
from bot.events import Outgoing, Place
from bot.house import House
from bot.turns import Turns
from journal import turns
from journal.turns import TurnRow

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2  # a turn interrupted more often is handed back, lest it brings the bot down for ever


async def resume(house: House, speech: Turns, turn: TurnRow, place: Place, *, after: str) -> None:
    """Finishes a turn that was left planned or written, or hands it back, once.

    What already stands on the platform is found first, so that nothing is posted twice: a reply that was
    being shown is gone on with in the same message.
    """
    platform = house.platform(place)
    outgoing = Outgoing(turn.id, place, turn.speaker_id, turn.speaker_name, after, turn.message_ids)
    try:
        found = turn.message_ids or await platform.find(outgoing)
        if found is None:
            await _hand_back(house, turn, place)
            return
        async with house.journal.write() as tx:
            for message_id in found:
                await turns.posted(tx, turn.id, place.platform, message_id)
            attempts = await turns.begin_attempt(tx, turn.id)
            current = await turns.get(tx, turn.id)
        if current is None or attempts > MOST_ATTEMPTS:
            await _hand_back(house, turn, place)
        elif current.state == "written":
            delivery = await platform.open(replace(outgoing, posted=current.message_ids))
            await speech.deliver(current, delivery, current.text)
        else:
            await speech.answer(current, place, after=after)
    except VignetteError as error:
        log.warning("turn %s could not be taken up again: %s", turn.id, error)


async def _hand_back(house: House, turn: TurnRow, place: Place) -> None:
    async with house.journal.write() as tx:
        await turns.settle(tx, turn.id, "handed-back", "interrupted; whether it was posted cannot be told")
    await house.platform(place).notice(
        place, f"An answer by {turn.speaker_name} was interrupted. /again asks for another."
    )
