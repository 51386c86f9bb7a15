"""discord.py's client, telling what it hears to one ear."""

import asyncio
import logging
from typing import Any, Protocol

import aiohttp
import discord
from discord import app_commands

log = logging.getLogger(__name__)


class Ear(Protocol):
    """What an account's client reports to. Called in the order things happened."""

    async def on_connect(self) -> None:
        """A new session begins: what happened before it is not replayed."""
        ...

    async def on_ready(self) -> None: ...

    async def on_message(self, message: discord.Message) -> None: ...

    async def on_edit(self, message: discord.Message) -> None: ...

    async def on_delete(self, channel_id: int, message_id: int, guild_id: int | None) -> None: ...

    async def on_reaction(self, event: discord.RawReactionActionEvent) -> None: ...


def intents(content: bool) -> discord.Intents:
    return discord.Intents(
        guilds=True,
        guild_messages=True,
        dm_messages=True,
        guild_reactions=True,
        dm_reactions=True,
        message_content=content,
    )


def with_channel(interaction: dict[str, Any]) -> dict[str, Any]:
    """Discord's description lets an interaction leave out `channel` and demands `channel_id` of those that have one;
    discord.py reads the first alone, and would take all channels for one."""
    if "channel" in interaction or not interaction.get("channel_id"):
        return interaction
    channel: dict[str, Any] = {"id": interaction["channel_id"]}
    if "guild_id" not in interaction:
        channel |= {"type": discord.ChannelType.private.value, "recipients": [interaction["user"]]}
    return {**interaction, "channel": channel}


class Client(discord.Client):
    """`identify_pause` seconds lie between two identifies (Discord's own limit is one in five)."""

    def __init__(
        self,
        *,
        content: bool,
        connector: aiohttp.BaseConnector | None,
        proxy: str | None,
        ready_timeout: float = 2.0,
        identify_pause: float = 5.0,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we never join a voice channel
        more: dict[str, Any] = {} if connector is None else {"connector": connector}
        super().__init__(
            intents=intents(content),
            proxy=proxy,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=ready_timeout,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            **more,
        )
        parsers = self._connection.parsers
        parse = parsers["INTERACTION_CREATE"]
        parsers["INTERACTION_CREATE"] = lambda data: parse(with_channel(data))
        self._identify_pause = identify_pause
        self.ear: Ear | None = None
        self.commands: app_commands.CommandTree[Any] | None = None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        if not initial:
            await asyncio.sleep(self._identify_pause)

    async def on_connect(self) -> None:
        if self.ear is not None:
            await self.ear.on_connect()

    async def on_ready(self) -> None:
        if self.ear is not None:
            await self.ear.on_ready()

    async def on_message(self, message: discord.Message) -> None:
        if self.ear is not None:
            await self.ear.on_message(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        if self.ear is not None:
            await self.ear.on_edit(event.message)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        if self.ear is not None:
            await self.ear.on_delete(event.channel_id, event.message_id, event.guild_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        if self.ear is not None:
            for message_id in sorted(event.message_ids):
                await self.ear.on_delete(event.channel_id, message_id, event.guild_id)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        if self.ear is not None:
            await self.ear.on_reaction(event)

    async def on_raw_reaction_remove(self, event: discord.RawReactionActionEvent) -> None:
        if self.ear is not None:
            await self.ear.on_reaction(event)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("Discord: an event was not dealt with (%s)", event_method)
