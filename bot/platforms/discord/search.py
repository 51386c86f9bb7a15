"""Looking through a channel for what we may have posted there already."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta

import discord

from bot.events import Outgoing
from bot.platforms.discord.names import begun, nonce, shown_name, snowflake

FOLLOWING = 500  # messages that are looked through after the one that a turn answers
RECENT = 100  # messages that are looked through where a turn answers none
PARTS = 40  # messages that one turn may consist of

Known = Callable[[str], Awaitable[bool]]


class Ours:
    """Message ids that are accounted for: those of this process, and those the journal knows."""

    def __init__(self, known: Known | None, most: int = 20_000) -> None:
        self._known, self._most = known, most
        self._posted: OrderedDict[str, None] = OrderedDict()
        self._removed: OrderedDict[str, None] = OrderedDict()

    def posted(self, message_id: str) -> None:
        self._keep(self._posted, message_id)

    def removing(self, message_id: str) -> None:
        """We delete it ourselves: nobody is to be told of it as somebody's deed."""
        self._keep(self._removed, message_id)

    def removed(self, message_id: str) -> bool:
        return message_id in self._removed

    async def accounted(self, message_id: str) -> bool:
        return message_id in self._posted or (self._known is not None and await self._known(message_id))

    def _keep(self, ids: OrderedDict[str, None], message_id: str) -> None:
        ids[message_id] = None
        if len(ids) > self._most:
            ids.popitem(last=False)


async def recent(channel: discord.abc.Messageable, after: int = 0) -> list[discord.Message]:
    """The first messages after an id, or the channel's last ones; oldest first. Raises what discord.py raises."""
    if after:
        behind = discord.Object(after)
        return [m async for m in channel.history(limit=FOLLOWING, after=behind, oldest_first=True)]
    return [m async for m in channel.history(limit=RECENT)][::-1]


async def by_webhook(
    channel: discord.abc.Messageable,
    ours: Ours,
    webhook_id: int,
    name: str,
    *,
    after: int,
    text: str | None = None,
) -> list[str]:
    """Messages through our webhook under that name that nobody accounts for; with `text`, saying just that."""
    found = []
    for message in await recent(channel, after):
        if message.webhook_id != webhook_id or shown_name(message.author.name) != shown_name(name):
            continue
        if text is not None and message.content.strip() != text.strip():
            continue
        if not await ours.accounted(str(message.id)):
            found.append(str(message.id))
    return found


async def by_account(
    channel: discord.abc.Messageable, ours: Ours, user_id: int, head: str, turn: Outgoing
) -> list[str]:
    """Messages by our own account that carry this turn's nonce; where Discord does not tell nonces, those that
    answer the same message, begin with `head`, and that nobody accounts for."""
    marks = {nonce(turn.turn_id, serial) for serial in range(PARTS)}
    found = []
    for message in await recent(channel, since(turn)):
        if message.author.id != user_id or message.webhook_id is not None:
            continue
        if message.nonce is not None:
            mine = str(message.nonce) in marks
        else:
            answers = message.reference is not None and str(message.reference.message_id) == turn.after
            mine = answers and message.content.startswith(head.strip())
            mine = mine and not await ours.accounted(str(message.id))
        if mine:
            found.append(str(message.id))
    return found


def since(turn: Outgoing) -> int:
    """The id after which a turn's messages can only be: that of what it answers, else of when it began."""
    if turn.after:
        return snowflake(turn.after)
    at = begun(turn.turn_id)
    return 0 if at is None else discord.utils.time_snowflake(at - timedelta(minutes=2))
