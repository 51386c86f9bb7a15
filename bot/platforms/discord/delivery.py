"""One reply being shown: typing, the first words at once, paced edits, the final text in as many messages as it
takes."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

import discord

from agent.errors import PlatformError
from bot.events import Outgoing
from bot.platforms.base import Posted
from bot.platforms.discord.search import Ours
from bot.platforms.discord.split import split
from bot.platforms.discord.voices import Voice

log = logging.getLogger(__name__)

TYPING_SECONDS = 8.0  # Discord shows it for ten


class DiscordDelivery:
    """`pace` is the least time in seconds between two edits; `notice` says why a reply will not come; `ended` is
    called when nothing runs any more."""

    def __init__(
        self,
        turn: Outgoing,
        voice: Voice,
        *,
        posted: Posted,
        ours: Ours,
        pace: float,
        notice: Callable[[str], Awaitable[None]],
        ended: Callable[["DiscordDelivery"], None],
    ) -> None:
        self._turn, self._voice, self._posted, self._ours = turn, voice, posted, ours
        self._pace, self._notice, self._ended = pace, notice, ended
        self._ids = list(turn.posted)
        self._serial = len(self._ids)  # posts made for this turn, those since deleted included
        self._shown: dict[str, str] = {}
        self._latest = ""
        self._changed, self._ending = asyncio.Event(), asyncio.Event()
        self._pump = asyncio.create_task(self._stream(), name=f"discord-stream-{turn.turn_id}")
        self._typing = asyncio.create_task(self._type(), name=f"discord-typing-{turn.turn_id}")

    async def update(self, text: str) -> None:
        self._latest = text
        self._changed.set()

    async def finish(self, text: str) -> Sequence[str]:
        await self._end_stream()
        try:
            if not text.strip():
                raise PlatformError("the reply is empty", where=f"turn {self._turn.turn_id}")
            parts = await self._show(text)
            for spare in self._ids[len(parts) :]:
                await self._take_back(spare)
            del self._ids[len(parts) :]
            return tuple(self._ids)
        finally:
            await self._stop_typing()
            self._ended(self)

    async def abort(self, words: str) -> None:
        await self._end_stream()
        await self._stop_typing()
        self._ended(self)
        for identity in self._ids:
            try:
                await self._take_back(identity)
            except PlatformError as error:
                log.warning("turn %s: what was shown stays: %s", self._turn.turn_id, error)
        self._ids.clear()
        if words:
            await self._notice(words)

    async def close(self) -> None:
        """Ends the tasks of a delivery that nobody will finish."""
        for task in (self._pump, self._typing):
            task.cancel()
        await asyncio.gather(self._pump, self._typing, return_exceptions=True)
        self._ended(self)

    async def _stream(self) -> None:
        """Shows the latest text again and again; what fails here is left to `finish`."""
        while True:
            await self._changed.wait()
            if self._ending.is_set():
                return
            self._changed.clear()
            if self._latest.strip():
                await self._try_to_show(self._latest)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._pace)

    async def _try_to_show(self, text: str) -> None:
        try:
            await self._show(text)
        except PlatformError as error:
            log.info("turn %s: an update was not shown: %s", self._turn.turn_id, error)
            await self._ending.wait()
        except Exception:
            log.exception("turn %s: an update was not shown", self._turn.turn_id)
            await self._ending.wait()

    async def _show(self, text: str) -> list[str]:
        parts = split(self._voice.head + text)
        for index, part in enumerate(parts):
            if index < len(self._ids):
                await self._change(index, part)
            else:
                await self._post(part, index)
        return parts

    async def _change(self, index: int, part: str) -> None:
        identity = self._ids[index]
        if self._shown.get(identity) == part:
            return
        if await self._voice.edit(identity, part):
            self._shown[identity] = part
        else:  # somebody deleted it while it was being written
            await self._post(part, index)

    async def _post(self, part: str, index: int) -> None:
        """Posts the reply's message number `index`. It counts as posted before anybody is told of it: what goes
        wrong in telling must not have it posted again."""
        identity = await self._voice.post(part, self._serial)
        self._serial += 1
        self._shown[identity] = part
        self._ids[index : index + 1] = [identity]
        self._ours.posted(identity)
        await self._stop_typing()
        await self._posted(self._turn.turn_id, identity)

    async def _take_back(self, identity: str) -> None:
        self._ours.removing(identity)
        await self._voice.delete(identity)

    async def _end_stream(self) -> None:
        self._ending.set()
        self._changed.set()
        await self._pump

    async def _type(self) -> None:
        while True:
            try:
                await self._voice.typing()
            except (discord.DiscordException, OSError, RuntimeError) as error:
                log.debug("typing was not shown: %s", error)
            await asyncio.sleep(TYPING_SECONDS)

    async def _stop_typing(self) -> None:
        self._typing.cancel()
        await asyncio.gather(self._typing, return_exceptions=True)
