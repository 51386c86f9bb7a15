"""What the benches' platforms share: nobody is connected, nothing stands, nothing is read."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from bot.events import Incoming, Outgoing, Place
from bot.platforms.base import Inbox, PlatformLimits, Posted


class Unconnected:
    """A Platform but for `open` and `notice`."""

    name = "bench"
    limits = PlatformLimits()

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        await asyncio.Event().wait()

    async def find(self, turn: Outgoing) -> Sequence[str]:
        return ()

    async def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        none: Sequence[Incoming] = ()
        for message in none:
            yield message
