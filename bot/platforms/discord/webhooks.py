"""One webhook of ours in each channel: found, made, remembered, and made again when somebody deletes it."""

import asyncio
import logging
from typing import Protocol
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.platforms.discord import rest
from bot.platforms.discord.permissions import allowed

log = logging.getLogger(__name__)

NAME = "Vignette"
UNKNOWN_WEBHOOK = (10015, 50027)
TOO_MANY = 30007
AGAIN = 600.0  # seconds after which a channel that was full of others' webhooks is looked at again


class Memory(Protocol):
    """A few strings that outlive the process. Keys are `discord:<channel id>` for a channel's webhook
    (`id:token`, or the `WEBHOOK_HINTS` that were given where none could be made), `discord:proxied:<guild id>` where
    people speak through an application's webhook, `discord:commands:<application id>:<guild id or 0>` for the
    definitions last registered there, and `discord:commands:<application id>:where` for the guild id (or 0) they
    were last registered for."""

    async def get(self, key: str) -> str:
        """What was set, or an empty string."""
        ...

    async def set(self, key: str, value: str) -> None: ...


def key(channel_id: int) -> str:
    return f"discord:{channel_id}"


class Webhooks:
    """The webhooks of one connected client."""

    def __init__(self, client: discord.Client, memory: Memory, call: rest.Caller) -> None:
        self._client, self._memory, self._call = client, memory, call
        self._session: aiohttp.ClientSession | None = None
        self._found: dict[int, discord.Webhook] = {}
        self._hints: dict[int, str] = {}  # by channel without one, what people are to be told of it
        self._full: dict[int, float] = {}  # by channel, since when on the loop's clock
        self._refused: set[tuple[int, str]] = (
            set()
        )  # hints that could not be given, until the next connection
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, channel: discord.abc.GuildChannel) -> discord.Webhook | None:
        """This channel's webhook (not a thread's: threads use their parent's); None where we may not have one.
        Raises PlatformError when Discord cannot be reached."""
        lock = self._locks.setdefault(channel.id, asyncio.Lock())
        async with lock:
            if channel.id not in self._found:
                kept = await self._memory.get(key(channel.id))
                found = self._kept(kept) or await self._made(channel)
                if found is None:
                    return None
                self._found[channel.id] = found
            return self._found[channel.id]

    async def forget(self, channel_id: int) -> None:
        """The webhook turned out to be deleted."""
        self._found.pop(channel_id, None)
        await self._memory.set(key(channel_id), "")

    async def hint_due(self, channel_id: int) -> str:
        """Which of WEBHOOK_HINTS the people there are still to be given, empty if none."""
        hint = self._hints.get(channel_id, "")
        given = (await self._memory.get(key(channel_id))).split()
        return "" if hint in given or (channel_id, hint) in self._refused else hint

    async def hinted(self, channel_id: int, hint: str) -> None:
        """The hint stands: it is not given again."""
        given = (await self._memory.get(key(channel_id))).split()
        await self._memory.set(key(channel_id), " ".join((*given, hint)))

    def unhinted(self, channel_id: int, hint: str) -> None:
        """Discord refused the hint: it is not tried again with every reply."""
        self._refused.add((channel_id, hint))

    def partial(self, identity: int, token: str) -> discord.Webhook:
        if self._session is None:
            self._session = rest.session(self._client)
        webhook = discord.Webhook.partial(identity, token, session=self._session, client=self._client)
        webhook.proxy, webhook.proxy_auth = self._client.http.proxy, self._client.http.proxy_auth
        return webhook

    def _kept(self, value: str) -> discord.Webhook | None:
        identity, _, token = value.partition(":")
        return self.partial(int(identity), token) if identity.isdigit() and token else None

    async def _made(self, channel: discord.abc.GuildChannel) -> discord.Webhook | None:
        if not isinstance(
            channel, discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.StageChannel
        ):
            return None
        if not allowed(channel).manage_webhooks:
            self._hints[channel.id] = "hinted"
            return None
        clock = asyncio.get_running_loop().time()
        if clock - self._full.get(channel.id, -AGAIN) < AGAIN:
            return None
        try:
            found = await self._call(lambda: self._ours(channel), what="look for the webhook")
            if found is None:
                found = await self._call(
                    lambda: channel.create_webhook(name=NAME, reason="lets characters speak"),
                    what="make a webhook",
                    arrived=lambda: self._ours(channel),
                )
        except discord.HTTPException as error:
            log.info("no webhook in channel %d: %s", channel.id, error)
            if error.code == TOO_MANY:
                self._full[channel.id], self._hints[channel.id] = clock, "hinted-full"
            elif isinstance(error, discord.Forbidden):
                self._hints[channel.id] = "hinted"
            return None
        if found.token is None:
            return None
        await self._memory.set(key(channel.id), f"{found.id}:{found.token}")
        return self.partial(found.id, found.token)

    async def _ours(
        self,
        channel: discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.StageChannel,
    ) -> discord.Webhook | None:
        me = self._client.user
        for webhook in await channel.webhooks():
            mine = webhook.user is not None and me is not None and webhook.user.id == me.id
            if mine and webhook.token and webhook.name == NAME:
                return webhook
        return None
