"""One way to call Discord: again after what passes, never blindly where a post may have arrived."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import discord

from agent.errors import PlatformError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Unanswered(aiohttp.ClientError):
    """The server failed (5xx): whether it did the work is not known."""


PASSING = (
    Unanswered,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    discord.DiscordServerError,
    discord.RateLimited,
)


class Caller:
    """`pause` seconds before the second try, doubled with each further one."""

    def __init__(self, pause: float = 1.0, tries: int = 6) -> None:
        self._pause, self._tries = pause, tries

    async def __call__(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        what: str,
        arrived: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """Calls until it succeeds. `arrived` looks for what an earlier try may have left; give it wherever the
        call is not harmless to repeat. Refusals (4xx) are raised as they are; what does not pass becomes
        PlatformError, as does a lost post that cannot be looked for."""
        lost: Exception | None = None
        for attempt in range(self._tries):
            if attempt:
                await asyncio.sleep(min(self._pause * 2 ** (attempt - 1), 30) * random.uniform(0.8, 1.2))
            try:
                if lost is not None and arrived is not None:
                    found = await _looked_for(arrived, what)
                    if found is not None:
                        return found
                return await call()
            except PASSING as error:
                lost = error
            except discord.HTTPException as error:
                if error.status != 429:
                    raise
                lost = error
            except RuntimeError as error:  # aiohttp's "Session is closed": the client is being replaced
                if "closed" not in str(error):
                    raise
                lost = error
            log.warning("Discord: %s failed (%s), try %d", what, lost, attempt + 1)
        raise PlatformError(
            f"Discord did not take it: {what} ({type(lost).__name__}: {lost})",
            mend="see discordstatus.com and this machine's network; it was tried several times",
        ) from lost


async def _looked_for(arrived: Callable[[], Awaitable[T | None]], what: str) -> T | None:
    try:
        return await arrived()
    except (discord.Forbidden, discord.NotFound) as error:
        raise PlatformError(
            f"{what}: it may have been posted, which cannot be told",
            mend="give the bot Read Message History there",
        ) from error


async def unrepeated(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """An aiohttp middleware: a server error becomes an exception, because discord.py's webhooks would send the
    same post again without looking."""
    response = await handler(request)
    if response.status >= 500:
        status = response.status
        response.release()
        raise Unanswered(f"status {status}")
    return response


def session(client: discord.Client) -> aiohttp.ClientSession:
    """A session for webhooks on the client's own connections. To be closed by the caller."""
    return aiohttp.ClientSession(
        connector=client.http.connector,
        connector_owner=False,
        middlewares=(unrepeated,),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=60),
    )
