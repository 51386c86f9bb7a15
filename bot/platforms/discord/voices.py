"""How a reply reaches a channel: through a webhook under the character's name, or by a bot account."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import discord

from agent.errors import PlatformError
from bot.events import Outgoing
from bot.platforms.discord import rest, search
from bot.platforms.discord.names import message_id, nonce, webhook_name
from bot.platforms.discord.permissions import refusal
from bot.platforms.discord.webhooks import UNKNOWN_WEBHOOK, Webhooks

NO_HISTORY = 160_002  # "Cannot reply without permission to read message history"
SILENT = discord.AllowedMentions.none()


class Voice(Protocol):
    """`head` stands before the reply's first message. `post`, `edit` and `delete` raise PlatformError;
    `serial` counts the posts of the turn from 0; `edit` returns False where the message is gone."""

    head: str

    async def post(self, text: str, serial: int) -> str: ...

    async def edit(self, identity: str, text: str) -> bool: ...

    async def delete(self, identity: str) -> None: ...

    async def typing(self) -> None: ...


class AccountVoice:
    """A bot account speaks: a character's own (no head), or the main one with the name in front.

    Posts carry a nonce made of the turn, which Discord enforces: the same post sent twice stands once."""

    def __init__(
        self, channel: discord.abc.Messageable, call: rest.Caller, turn: Outgoing, *, head: str = ""
    ) -> None:
        self.head = head
        self._channel, self._call, self._turn = channel, call, turn

    async def post(self, text: str, serial: int) -> str:
        try:
            sent = await self._sent(text, serial, message_id(self._turn.after) if serial == 0 else 0)
        except discord.HTTPException as error:
            raise refusal(error, self._channel, "post a reply") from error
        if sent.content.strip() != text.strip():  # it stood already, from before a crash, with other words
            await self.edit(str(sent.id), text)
        return str(sent.id)

    async def _sent(self, text: str, serial: int, answered: int) -> discord.Message:
        """`answered`: the message that it answers; 0: it answers none, or may not say so."""
        more: dict[str, Any] = {"nonce": nonce(self._turn.turn_id, serial), "allowed_mentions": SILENT}
        if answered:
            more["reference"] = discord.MessageReference(
                message_id=answered, channel_id=int(self._turn.place.id), fail_if_not_exists=False
            )
        try:
            return await self._call(lambda: self._channel.send(text, **more), what="post a reply")
        except discord.HTTPException as error:
            if not answered or not (error.code == NO_HISTORY or isinstance(error, discord.Forbidden)):
                raise
        return await self._sent(text, serial, 0)  # replying takes Read Message History, speaking does not

    async def edit(self, identity: str, text: str) -> bool:
        message = self._partial(identity)
        return await _edited(
            self._call,
            lambda: message.edit(content=text, allowed_mentions=SILENT),
            self._channel,
        )

    async def delete(self, identity: str) -> None:
        await _deleted(self._call, self._partial(identity).delete, self._channel)

    async def typing(self) -> None:
        await self._channel.typing()

    def _partial(self, identity: str) -> discord.PartialMessage:
        get = getattr(self._channel, "get_partial_message")  # noqa: B009  (every kind of channel has it)
        found: discord.PartialMessage = get(int(identity))
        return found


class WebhookVoice:
    """The character speaks under their own name, with their own face. Webhooks have no nonce: a post that may
    have arrived is looked for before it is sent again."""

    def __init__(
        self,
        channel: discord.abc.Messageable,
        parent: discord.abc.GuildChannel,
        hooks: Webhooks,
        ours: search.Ours,
        call: rest.Caller,
        turn: Outgoing,
        *,
        face: str | None,
        head: str = "",
    ) -> None:
        self.head = head
        self._channel, self._parent, self._hooks, self._ours = channel, parent, hooks, ours
        self._call, self._turn, self._face = call, turn, face
        self._name = webhook_name(turn.character_name)
        self._thread = channel if isinstance(channel, discord.Thread) else discord.utils.MISSING

    async def post(self, text: str, serial: int) -> str:
        for attempt in range(3):
            webhook = await self._hooks.get(self._parent)
            if webhook is None:
                break
            try:
                return await self._post(webhook, text)
            except discord.HTTPException as error:
                if error.code not in UNKNOWN_WEBHOOK or attempt == 2:
                    raise refusal(error, self._channel, "post through the webhook") from error
                await self._hooks.forget(self._parent.id)
        raise PlatformError(
            "there is no webhook to post through any more",
            where=f"#{self._parent.name}",
            mend="give the bot Manage Webhooks",
        )

    async def _post(self, webhook: discord.Webhook, text: str) -> str:
        async def send() -> str:
            sent = await webhook.send(
                text,
                username=self._name,
                avatar_url=self._face or discord.utils.MISSING,
                thread=self._thread,
                allowed_mentions=SILENT,
                wait=True,
            )
            return str(sent.id)

        async def arrived() -> str | None:
            after = search.since(self._turn)
            found = await search.by_webhook(
                self._channel, self._ours, webhook.id, self._name, after=after, text=text
            )
            return found[-1] if found else None

        return await self._call(send, what="post a reply", arrived=arrived)

    async def edit(self, identity: str, text: str) -> bool:
        webhook = await self._hooks.get(self._parent)
        if webhook is None:
            return False
        return await _edited(
            self._call,
            lambda: webhook.edit_message(
                int(identity), content=text, thread=self._thread, allowed_mentions=SILENT
            ),
            self._channel,
        )

    async def delete(self, identity: str) -> None:
        webhook = await self._hooks.get(self._parent)
        if webhook is not None:
            await _deleted(
                self._call, lambda: webhook.delete_message(int(identity), thread=self._thread), self._channel
            )

    async def typing(self) -> None:
        await self._channel.typing()


async def _edited(call: rest.Caller, edit: Callable[[], Awaitable[object]], channel: object) -> bool:
    try:
        await call(edit, what="edit a reply")
    except discord.NotFound:
        return False
    except discord.HTTPException as error:
        raise refusal(error, channel, "edit a reply") from error
    return True


async def _deleted(call: rest.Caller, delete: Callable[[], Awaitable[object]], channel: object) -> None:
    try:
        await call(delete, what="take back a reply")
    except discord.NotFound:
        return
    except discord.HTTPException as error:
        raise refusal(error, channel, "take back a reply") from error
