"""What one account hears, in order, as events for the bot."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.events import Author, Deleted, Edited, Incoming, Place, Reacted
from bot.platforms.base import Inbox
from bot.platforms.discord import proxied, translate
from bot.platforms.discord.accounts import Account, Accounts
from bot.platforms.discord.gap import Gap
from bot.platforms.discord.rules import Rules
from bot.platforms.discord.search import Ours

log = logging.getLogger(__name__)


class Inbound:
    """An Ear. `ready` is awaited whenever the account is connected anew (not when it resumed); `heard` is
    told of each message by a person, and which account heard it; what comes in waits for `gap`."""

    def __init__(
        self,
        account: Account,
        accounts: Accounts,
        inbox: Inbox,
        rules: Rules,
        ours: Ours,
        *,
        proxied: proxied.Proxied,
        gap: Gap,
        ready: Callable[[Account], Awaitable[None]],
        heard: Callable[[Place, int, Account], None],
    ) -> None:
        self._account, self._accounts, self._inbox = account, accounts, inbox
        self._rules, self._ours = rules, ours
        self._proxied = proxied
        self._gap, self._ready, self._heard = gap, ready, heard
        self._order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def on_connect(self) -> None:
        if self._account is self._accounts.main:
            self._gap.opened()

    async def on_ready(self) -> None:
        await self._ready(self._account)

    async def on_message(self, message: discord.Message) -> None:
        if not self._hears(message):
            return
        with self._proxied.held(
            message
        ) as held:  # before the channel's turn comes: its deletion may come sooner
            async with self._ordered(message.channel.id):
                incoming = await self.incoming(message)
                if incoming is None:
                    return
                if self._speaks_by_proxy(message):
                    await self._inbox.receive(await self._proxied.instead(incoming))
                elif await self._proxied.stays(incoming, held):
                    await self._inbox.receive(incoming)

    async def on_edit(self, message: discord.Message) -> None:
        if message.edited_at is None or not self._hears(message) or self._withheld(message):
            return  # no `edited_at`: Discord only added a preview
        async with self._ordered(message.channel.id):
            place = translate.place_of(await self._channel(message.channel), message.guild)
            if self._rules.allows(place):
                text = translate.words_of(message, self._silent)
                await self._inbox.receive(Edited(place, str(message.id), text))

    async def on_delete(self, channel_id: int, message_id: int, guild_id: int | None) -> None:
        guild = self._guild(guild_id)
        if not self._accounts.feeds(self._account, guild) or self._ours.removed(str(message_id)):
            return
        self._proxied.gone(message_id)
        async with self._ordered(channel_id):
            place = self._place(channel_id, guild)
            await self._inbox.receive(Deleted(place, str(message_id)))

    async def on_reaction(self, event: discord.RawReactionActionEvent) -> None:
        guild = self._guild(event.guild_id)
        ours = {a.user_id for a in self._accounts.all}
        robot = event.member is not None and event.member.bot
        if event.user_id in ours or robot or not self._accounts.feeds(self._account, guild):
            return
        async with self._ordered(event.channel_id):
            place = self._place(event.channel_id, guild)
            name = event.member.display_name if event.member is not None else ""
            author = Author(translate.NAME, str(event.user_id), name)
            emoji = event.emoji.name if event.emoji.id is None else f":{event.emoji.name}:"
            removed = event.event_type == "REACTION_REMOVE"
            if self._rules.allows(place):
                await self._inbox.receive(Reacted(place, author, str(event.message_id), emoji, removed))

    async def incoming(self, message: discord.Message) -> Incoming | None:
        """A person's message translated; None for what no person said, or said where we may not listen."""
        if not self._spoken(message) or self._withheld(message):
            return None
        channel = await self._channel(message.channel)
        place = translate.place_of(channel, message.guild)
        if not self._rules.allows(place):
            return None
        if self._speaks_by_proxy(message):
            author = proxied.author_of(message)
        else:
            manager = self._rules.manages(message.author, channel)
            author = translate.author_of(message.author, manager=manager)
        characters = dict(self._accounts.characters)
        event = translate.incoming_of(
            message,
            original=await self._original(message),
            author=author,
            bot=self._accounts.main.user_id,
            characters=characters,
            place=place,
        )
        self._heard(place, message.id, self._account)
        if place.private and self._account.character and self._account.character not in event.addressed:
            return replace(event, addressed=(self._account.character,))
        return event

    @property
    def _silent(self) -> frozenset[int]:
        return frozenset({self._accounts.main.user_id} - set(self._accounts.characters))

    def _hears(self, message: discord.Message) -> bool:
        return self._spoken(message) and self._accounts.feeds(self._account, message.guild)

    def _spoken(self, message: discord.Message) -> bool:
        """Did a person say it? Bots and other webhooks stay unheard: they would answer each other for ever."""
        if message.type not in translate.SPOKEN:
            return False
        by_account = not message.author.bot and message.webhook_id is None
        return by_account or self._speaks_by_proxy(message)

    def _speaks_by_proxy(self, message: discord.Message) -> bool:
        return self._proxied.speaks(message, self._accounts.applications)

    def _withheld(self, message: discord.Message) -> bool:
        """Without the message content intent Discord sends what people say to others as if it were empty."""
        told = message.content or message.attachments or message.embeds or message.stickers
        return (
            not told
            and not message.message_snapshots
            and message.guild is not None
            and not self._account.content
        )

    @contextlib.asynccontextmanager
    async def _ordered(self, channel_id: int) -> AsyncIterator[None]:
        """discord.py gives each event a task of its own: what fetches something first must not be overtaken. And
        what comes before the account is ready waits, for only then is it known who is mentioned, and until
        what was missed has been read: the journal's mark of what it knows must not run ahead of that."""
        async with self._order.setdefault(channel_id, asyncio.Lock()):
            await self._account.ready.wait()
            await self._gap.closed.wait()
            yield

    def _guild(self, guild_id: int | None) -> discord.Guild | None:
        client = self._account.client
        return client.get_guild(guild_id) if client is not None and guild_id is not None else None

    def _place(self, channel_id: int, guild: discord.Guild | None) -> Place:
        client = self._account.client
        channel = client.get_channel(channel_id) if client is not None else None
        return translate.place_of(channel, guild, channel_id)

    async def _channel(self, channel: object) -> object:
        """The channel itself where discord.py knows but its id (a thread woken from the archive)."""
        client = self._account.client
        if not isinstance(channel, discord.PartialMessageable) or client is None:
            return channel
        try:
            return await client.fetch_channel(channel.id)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.debug("channel %d could not be fetched: %s", channel.id, error)
            return channel

    async def _original(self, message: discord.Message) -> discord.Message | None:
        """The message this one replies to, fetched if need be; None if it is gone or out of reach."""
        reference = message.reference
        if not translate.replied_to(message) or reference is None or reference.message_id is None:
            return None
        if isinstance(reference.resolved, discord.Message):
            return reference.resolved
        if reference.cached_message is not None:
            return reference.cached_message
        if isinstance(reference.resolved, discord.DeletedReferencedMessage):
            return None
        try:
            return await message.channel.fetch_message(reference.message_id)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("the message replied to could not be fetched: %s", error)
            return None
