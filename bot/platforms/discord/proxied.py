"""People who speak through an application's webhook (PluralKit and its like): their message comes twice, first from
the account, then from the webhook under the name they chose, and the first is deleted."""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import discord

from bot.events import Author, Incoming, Place, named
from bot.platforms.discord import translate
from bot.platforms.discord.names import shown_name
from bot.platforms.discord.webhooks import Memory

FRESH = 10.0  # seconds after which a deleted original and a proxied message no longer belong together
KEPT = 64  # originals that wait for their proxied message, in all channels together
SERVERS = 10_000


@dataclass(eq=False)
class Held:
    """A message that may be followed by a proxied one; `until` is on the loop's clock."""

    until: float
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Proxied:
    """`applications`: whose webhooks speak for people. `wait`: seconds in which they follow the original, waited for
    in servers where one has ever spoken (`discord:proxied:<guild id>` in the memory)."""

    def __init__(self, applications: Collection[int], memory: Memory, wait: float) -> None:
        self._applications, self._memory, self._wait = frozenset(applications), memory, wait
        self._held: dict[int, Held] = {}
        self._servers: OrderedDict[int, bool] = OrderedDict()
        self._replaced: deque[tuple[float, Incoming]] = deque(maxlen=KEPT)

    def speaks(self, message: discord.Message, ours: Collection[int]) -> bool:
        """Does somebody speak through a webhook there? `ours` are our own applications, which never count: that would
        be an answer to ourselves. Nor does what an application says itself in answer to a command."""
        who = message.application_id
        through = message.webhook_id is not None and message.webhook_id != who
        return through and message.guild is not None and who in self._applications and who not in ours

    @contextlib.contextmanager
    def held(self, message: discord.Message) -> Iterator[Held]:
        """From when a message comes in until it is told: meanwhile its deletion is told to it."""
        held = self._held[message.id] = Held(asyncio.get_running_loop().time() + self._wait)
        try:
            yield held
        finally:
            if self._held.get(message.id) is held:  # Discord tells a message twice at times
                del self._held[message.id]

    def gone(self, message_id: int) -> None:
        """A message was deleted."""
        if message_id in self._held:
            self._held[message_id].gone.set()

    async def stays(self, event: Incoming, held: Held) -> bool:
        """Whether a person's message outlives the wait. One that does not is kept a while for what `instead` needs."""
        if not self._applications or not event.place.server or not await self._known(event.place):
            return True
        left = held.until - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(held.gone.wait(), max(left, 0.0))
        if held.gone.is_set():
            self._replaced.append((asyncio.get_running_loop().time(), event))
        return not held.gone.is_set()

    async def instead(self, event: Incoming) -> Incoming:
        """A proxied message, with what a webhook cannot say: to what the original replied, and whom that pinged."""
        await self._learn(event.place)
        oldest = asyncio.get_running_loop().time() - FRESH
        for kept in [k for k in self._replaced if k[0] >= oldest]:
            original = kept[1]
            if original.place.id == event.place.id and event.text in original.text:
                self._replaced.remove(kept)
                return replace(
                    event,
                    reply_to=event.reply_to or original.reply_to,
                    quoted=event.quoted or original.quoted,
                    addressed=tuple(dict.fromkeys((*event.addressed, *original.addressed))),
                    mentions_bot=event.mentions_bot or original.mentions_bot,
                )
        return event

    async def _known(self, place: Place) -> bool:
        server = int(place.server)
        if server not in self._servers:
            self._remember(server, await self._memory.get(_key(place)) != "")
        return self._servers[server]

    async def _learn(self, place: Place) -> None:
        if not await self._known(place):
            self._remember(int(place.server), True)
            await self._memory.set(_key(place), "yes")

    def _remember(self, server: int, known: bool) -> None:
        self._servers[server] = known
        if len(self._servers) > SERVERS:
            self._servers.popitem(last=False)


def author_of(message: discord.Message) -> Author:
    """Who speaks through a webhook: a name of that server, and no account."""
    server = str(message.guild.id) if message.guild is not None else ""
    return named(translate.NAME, server, shown_name(message.author.display_name))


def _key(place: Place) -> str:
    return f"discord:proxied:{place.server}"
