"""Which voice a reply has: the character's own account, a webhook, or the main account with a name in front."""

import asyncio
import contextlib
import logging
from collections import OrderedDict

import discord

from agent.errors import PlatformError
from bot.events import Outgoing, Place
from bot.platforms.discord import rest, search
from bot.platforms.discord.accounts import Account, Accounts
from bot.platforms.discord.faces import Faces
from bot.platforms.discord.names import message_id, webhook_name
from bot.platforms.discord.permissions import WEBHOOK_HINTS, may_post, refusal
from bot.platforms.discord.voices import SILENT, AccountVoice, Voice, WebhookVoice
from bot.platforms.discord.webhooks import Webhooks

log = logging.getLogger(__name__)

MOST_PLACES = 10_000


class Speaking:
    def __init__(
        self,
        accounts: Accounts,
        faces: Faces,
        ours: search.Ours,
        call: rest.Caller,
        *,
        webhooks: bool,
        patience: float,
    ) -> None:
        """`patience`: seconds to wait for a connection that is being made again."""
        self._accounts, self._faces, self._ours, self._call = accounts, faces, ours, call
        self._webhooks, self._patience = webhooks, patience
        self._private: OrderedDict[str, Account] = OrderedDict()
        self._last: OrderedDict[str, int] = OrderedDict()

    def heard(self, place: Place, message: int, account: Account) -> None:
        """Remembers a channel's last message by a person, and whom direct messages were sent to: no other
        account can answer them."""
        self._last[place.id] = max(message, self._last.pop(place.id, 0))
        if place.private:
            self._private[place.id] = account
        for kept in (self._last, self._private):
            if len(kept) > MOST_PLACES:
                kept.popitem(last=False)

    def account_for(self, place: Place) -> Account:
        """Who speaks and listens there when no character is meant."""
        return self._private.get(place.id, self._accounts.main) if place.private else self._accounts.main

    async def voice(self, turn: Outgoing) -> Voice:
        """Raises PlatformError where nothing can be posted."""
        place = turn.place
        if place.private:
            account = (
                self._private.get(place.id) or self._accounts.of(turn.character_id) or self._accounts.main
            )
            return self._by_account(account, await self.channel(account, place), turn)
        channel = await self.channel(self._accounts.main, place)
        stands = await self._standing(channel, turn)
        own = self._accounts.of(turn.character_id)
        if own is not None and stands in (None, own.user_id):
            theirs = await self._reachable(own, place)
            if theirs is not None:
                return self._by_account(own, theirs, turn)
        main = self._accounts.main
        if stands == main.user_id:
            return self._by_account(main, channel, turn)
        return await self._by_webhook(channel, turn) or self._by_account(main, channel, turn)

    async def find(self, turn: Outgoing) -> list[str]:
        """Where the turn stands already. Raises what discord.py raises where that cannot be read."""
        place, ours = turn.place, self._ours
        account = self._private.get(place.id) if place.private else None
        account = account or self._accounts.of(turn.character_id)
        found: list[str] = []
        if account is not None:
            channel = await self.channel(account, place)
            head = self._head(account, turn)
            found = await search.by_account(channel, ours, account.user_id, head, turn)
        main = self._accounts.main
        if found or (place.private and account is not None):
            return found
        channel = await self.channel(main, place)
        if not place.private and self._webhooks and main.hooks is not None:
            parent = _parent(channel)
            webhook = await main.hooks.get(parent) if parent is not None else None
            if webhook is not None:
                name, after = webhook_name(turn.character_name), search.since(turn)
                found = await search.by_webhook(channel, ours, webhook.id, name, after=after)
        if not found and account is not main:
            head = self._head(main, turn)
            found = await search.by_account(channel, ours, main.user_id, head, turn)
        return found

    async def channel(self, account: Account, place: Place) -> discord.abc.Messageable:
        """The channel as that account sees it; raises PlatformError if it does not."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(account.ready.wait(), self._patience)
        client = account.client
        if client is None or not account.ready.is_set():
            raise PlatformError(
                "Discord is not connected",
                where=account.label,
                mend="wait until it is, or see the log for why not",
            )
        identity = message_id(place.id)
        found: object = client.get_channel(identity)
        if found is None:
            try:
                found = await self._call(lambda: client.fetch_channel(identity), what="open a channel")
            except discord.HTTPException as error:
                raise refusal(error, None, "open a channel") from error
        if not isinstance(found, discord.abc.Messageable):
            raise PlatformError("nothing can be posted in this kind of channel", where=place.name or place.id)
        return found

    async def _reachable(self, account: Account, place: Place) -> discord.abc.Messageable | None:
        try:
            channel = await self.channel(account, place)
        except PlatformError as error:
            log.info("%s cannot speak in %s: %s", account.label, place.key, error)
            return None
        return channel if may_post(channel) else None

    async def _standing(self, channel: discord.abc.Messageable, turn: Outgoing) -> int | None:
        """Whose the turn's messages are that stand already: an account's user id, 0 a webhook's, None nobody's."""
        if not turn.posted:
            return None
        identity = message_id(turn.posted[0])
        try:
            message = await self._call(lambda: channel.fetch_message(identity), what="look at a reply")
        except discord.HTTPException:
            return None
        return 0 if message.webhook_id is not None else message.author.id

    def _by_account(self, account: Account, channel: discord.abc.Messageable, turn: Outgoing) -> AccountVoice:
        return AccountVoice(channel, self._call, turn, head=self._head(account, turn))

    def _head(self, account: Account, turn: Outgoing) -> str:
        if account.character == turn.character_id:
            return ""
        return f"**{discord.utils.escape_markdown(webhook_name(turn.character_name))}:** "

    async def _by_webhook(self, channel: discord.abc.Messageable, turn: Outgoing) -> WebhookVoice | None:
        main, parent = self._accounts.main, _parent(channel)
        if not self._webhooks or main.hooks is None or main.client is None or parent is None:
            return None
        if not may_post(
            channel
        ):  # a webhook could; whoever took that right from the bot meant its characters
            return None
        if await main.hooks.get(parent) is None:
            await self._hint(main.hooks, channel, parent)
            return None
        face = await self._faces.url(main.client, turn.character_id)
        link = self._link(turn)
        return WebhookVoice(channel, parent, main.hooks, self._ours, self._call, turn, face=face, head=link)

    def _link(self, turn: Outgoing) -> str:
        """A webhook cannot reply: where people have spoken since, a small link says what is answered."""
        answered, place = message_id(turn.after), turn.place
        if not answered or self._last.get(place.id, 0) <= answered:
            return ""
        return f"-# ↪ https://discord.com/channels/{place.server}/{place.id}/{answered}\n"

    async def _hint(
        self, hooks: Webhooks, channel: discord.abc.Messageable, parent: discord.abc.GuildChannel
    ) -> None:
        """Why characters have no faces there: said once, and what passes is no reason to leave it unsaid."""
        hint = await hooks.hint_due(parent.id)
        if not hint:
            return
        try:
            await channel.send(WEBHOOK_HINTS[hint], allowed_mentions=SILENT)
        except (discord.HTTPException, *rest.PASSING) as error:
            log.warning("why there is no webhook in %s could not be said there: %s", parent, error)
            if isinstance(error, discord.HTTPException) and error.status < 500 and error.status != 429:
                hooks.unhinted(parent.id, hint)
        else:
            await hooks.hinted(parent.id, hint)


def _parent(channel: object) -> discord.abc.GuildChannel | None:
    """The channel that holds the webhook: a thread's parent, or the channel itself."""
    if isinstance(channel, discord.Thread):
        return channel.parent
    return channel if isinstance(channel, discord.abc.GuildChannel) else None
