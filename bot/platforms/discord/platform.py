"""Discord as a platform of the bot."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import aiohttp
import discord

from agent.errors import PlatformError, VignetteError
from bot.events import Incoming, Outgoing, Place
from bot.platforms.base import Inbox, PlatformLimits, Posted
from bot.platforms.discord import rest, translate
from bot.platforms.discord.accounts import Account, Accounts, keep
from bot.platforms.discord.client import Client
from bot.platforms.discord.commands import digest, tree
from bot.platforms.discord.delivery import DiscordDelivery
from bot.platforms.discord.desk import CommandDesk
from bot.platforms.discord.faces import Faces
from bot.platforms.discord.gap import Gap
from bot.platforms.discord.inbound import Inbound
from bot.platforms.discord.names import message_id, nonce, snowflake
from bot.platforms.discord.permissions import invite, refusal
from bot.platforms.discord.proxied import Proxied
from bot.platforms.discord.rules import Rules
from bot.platforms.discord.search import Known, Ours
from bot.platforms.discord.speaking import Speaking
from bot.platforms.discord.split import LIMIT, split
from bot.platforms.discord.voices import SILENT
from bot.platforms.discord.webhooks import Memory, Webhooks
from bot.settings import DiscordSettings

log = logging.getLogger(__name__)

BACKFILL = 500  # messages of one channel, after a reconnect without replay


class DiscordPlatform:
    """Implements bot.platforms.base.Platform.

    `token` is the main account's (may be empty if there are `accounts`: character id -> that character's own
    bot token). `faces` gives a character's face as PNG bytes. `memory` keeps a few strings across restarts.
    `known` tells whether the journal already has a message id: after a crash, messages under a character's name
    that it does not have belong to the turn that was interrupted. `connector_factory` and `proxy` are
    discord.Client's own seams; `pause` is the least time in seconds before something is tried again.
    """

    name = translate.NAME

    def __init__(
        self,
        settings: DiscordSettings,
        token: str,
        accounts: Mapping[str, str],
        *,
        faces: Callable[[str], bytes],
        memory: Memory,
        known: Known | None = None,
        connector_factory: Callable[[], aiohttp.BaseConnector] | None = None,
        proxy: str | None = None,
        pause: float = 1.0,
        ready_timeout: float = 2.0,
        identify_pause: float = 5.0,
    ) -> None:
        self.limits = PlatformLimits(LIMIT, 1 / settings.edits_per_second)
        self._settings, self._memory = settings, memory
        self._connector_factory, self._proxy = connector_factory, proxy
        self._pause, self._ready_timeout, self._identify_pause = pause, ready_timeout, identify_pause
        self._call = rest.Caller(pause)
        self._rules, self._ours, self._gap = Rules(settings), Ours(known), Gap()
        self._proxied = Proxied(settings.proxies, memory, settings.proxy_seconds)
        self._accounts = Accounts(token, accounts)
        self._speaking = Speaking(
            self._accounts,
            Faces(faces),
            self._ours,
            self._call,
            webhooks=settings.webhooks,
            patience=30 * pause,
        )
        self._deliveries: set[DiscordDelivery] = set()
        self._inbox: Inbox | None = None
        self._posted: Posted | None = None
        self._ears: dict[Account, Inbound] = {}

    @property
    def invite_link(self) -> str:
        """Invites the main account with exactly the permissions it needs; empty before the first connection."""
        user_id = self._accounts.main.user_id
        return invite(user_id) if user_id else ""

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        self._inbox, self._posted = inbox, posted
        try:
            async with asyncio.TaskGroup() as group:
                for account in self._accounts.all:
                    group.create_task(
                        keep(account, self._connect, self._pause), name=f"discord {account.label}"
                    )
        except BaseExceptionGroup as errors:
            mendable = errors.subgroup(PlatformError)
            raise (mendable.exceptions[0] if mendable is not None else errors) from None
        finally:
            for delivery in list(self._deliveries):
                await delivery.close()

    async def open(self, turn: Outgoing) -> DiscordDelivery:
        if self._posted is None:
            raise PlatformError("Discord is not connected", mend="wait for the connection")

        async def notice(words: str) -> None:
            await self._notice(turn.place, words, f"{turn.turn_id} ended")

        delivery = DiscordDelivery(
            turn,
            await self._speaking.voice(turn),
            posted=self._posted,
            ours=self._ours,
            pace=self.limits.update_seconds,
            notice=notice,
            ended=self._deliveries.discard,
        )
        self._deliveries.add(delivery)
        return delivery

    async def find(self, turn: Outgoing) -> Sequence[str] | None:
        if self._inbox is None:
            return None
        try:
            found = await self._call(lambda: self._speaking.find(turn), what="look for a reply")
        except (discord.HTTPException, PlatformError) as error:
            log.warning("whether turn %s was posted cannot be told: %s", turn.turn_id, error)
            return None
        return found

    async def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        account = self._speaking.account_for(place)
        ear = self._ears.get(account)
        try:
            channel = await self._speaking.channel(account, place)
            behind = discord.Object(snowflake(after))
            async for message in channel.history(limit=BACKFILL, after=behind, oldest_first=True):
                incoming = await ear.incoming(message) if ear is not None else None
                if incoming is not None:
                    yield incoming
        except (discord.HTTPException, PlatformError, *rest.PASSING) as error:
            log.warning("the history of %s cannot be read: %s", place.key, error)

    async def again(self, message: Incoming) -> Incoming | None:
        account, identity = self._speaking.account_for(message.place), message_id(message.id)
        ear = self._ears.get(account)
        if ear is None or not identity:  # a command's pictures stand in no message
            return None
        try:
            channel = await self._speaking.channel(account, message.place)
            found = await self._call(lambda: channel.fetch_message(identity), what="read a message again")
            return await ear.incoming(found)
        except (discord.HTTPException, PlatformError) as error:
            log.info("message %s cannot be read again: %s", message.id, error)
            return None

    async def notice(self, place: Place, words: str) -> None:
        await self._notice(place, words, secrets.token_hex(12))

    async def _notice(self, place: Place, words: str, mark: str) -> None:
        """Enforced by Discord: what is said twice with the same mark stands once."""
        account = self._speaking.account_for(place)
        channel = await self._speaking.channel(account, place)
        for number, part in enumerate(split(words)):
            try:
                await self._call(self._saying(channel, part, nonce(mark, number)), what="say something")
            except discord.HTTPException as error:
                raise refusal(error, channel, "post a notice") from error

    def _saying(
        self, channel: discord.abc.Messageable, part: str, mark: str
    ) -> Callable[[], Awaitable[discord.Message]]:
        return lambda: channel.send(part, nonce=mark, allowed_mentions=SILENT)

    def _connect(self, account: Account) -> Client:
        assert self._inbox is not None
        client = Client(
            content=account.content,
            connector=self._connector_factory() if self._connector_factory is not None else None,
            proxy=self._proxy,
            ready_timeout=self._ready_timeout,
            identify_pause=self._identify_pause,
        )
        ear = Inbound(
            account,
            self._accounts,
            self._inbox,
            self._rules,
            self._ours,
            proxied=self._proxied,
            gap=self._gap,
            ready=self._on_ready,
            heard=self._speaking.heard,
        )
        client.ear = self._ears[account] = ear
        if account is self._accounts.main:
            account.hooks = Webhooks(client, self._memory, self._call)
            client.commands = tree(client, CommandDesk(client, self._inbox, self._rules, self._call))
        return client

    async def _on_ready(self, account: Account) -> None:
        client, main = account.client, self._accounts.main
        if client is None or client.user is None:
            return
        account.user_id = client.user.id
        account.ready.set()
        if account is not main or self._inbox is None:
            return
        log.info(
            "Discord: connected as %s in %d servers; %s", client.user, len(client.guilds), self.invite_link
        )
        session = self._gap.session
        try:
            await self._register(client)
            await self._accounts.all_ready(10.0)
            await self._inbox.joined(self)
        finally:
            self._gap.close(session)

    async def _register(self, client: Client) -> None:
        """Registers the commands if their definitions changed since they last were."""
        commands = client.commands
        if commands is None:
            return
        guild = discord.Object(self._settings.guild) if self._settings.guild else None
        key = f"discord:commands:{client.application_id}:{self._settings.guild or 0}"
        if guild is not None:  # discord.py finds a server's own commands only if they are in the tree as such
            commands.copy_global_to(guild=guild)
        now, call = digest(commands), rest.Caller(self._pause, tries=2)
        try:
            await self._withdraw(client, call)
            if await self._memory.get(key) != now:
                await call(lambda: commands.sync(guild=guild), what="register the commands")
                await self._memory.set(key, now)
        except (discord.DiscordException, VignetteError) as error:
            log.warning("the slash commands could not be registered: %s", error)

    async def _withdraw(self, client: Client, call: rest.Caller) -> None:
        """What was registered elsewhere (for one server, now for all, or the other way round) would stand twice."""
        application, where = client.application_id, str(self._settings.guild or 0)
        key = f"discord:commands:{application}:where"
        before = await self._memory.get(key)
        if before and before != where and application is not None:
            app, server = application, int(before)

            async def withdraw() -> None:
                if server:
                    await client.http.bulk_upsert_guild_commands(app, server, payload=[])
                else:
                    await client.http.bulk_upsert_global_commands(app, payload=[])

            await call(withdraw, what="withdraw the former commands")
            await self._memory.set(f"discord:commands:{application}:{before}", "")
        await self._memory.set(key, where)
