"""Completions for command arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.director import Talk
from bot.events import Place
from journal import channels

if TYPE_CHECKING:
    from bot.bot import Bot

MOST = 25


async def suggestions(
    bot: "Bot", place: Place, command: str, argument: str, typed: str
) -> Sequence[tuple[str, str]]:
    """(label, value) pairs for what was typed so far, best first."""
    if argument == "talk":
        return [(t.value, t.value) for t in Talk if typed.lower() in t.value]
    if argument == "training":
        return [(v, v) for v in ("on", "off")]
    allowed = bot.house.allowed(place)
    if command == "character.remove":
        async with bot.house.journal.read() as tx:
            here = [m.character_id for m in await channels.members(tx, place.key)]
        named = [(allowed[i].name if i in allowed else i, i) for i in here]
        return [(n, i) for n, i in named if typed.lower() in n.lower()][:MOST]
    found = [c for c in bot.house.cast.search(typed, MOST) if c.id in allowed]
    return [(c.introduced[:100], c.id) for c in found]
