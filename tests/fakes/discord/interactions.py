"""Slash commands, context menus, autocomplete and modals, from a person's click to what the bot shows."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.discord.faults import Refused, answer
from tests.fakes.discord.messages import Rest, body_of, check
from tests.fakes.discord.world import DM, Bot, Json, public
from tests.waiting import eventually

EPHEMERAL = 1 << 6


@dataclass
class Shown:
    """Something a bot said in answer to an interaction."""

    content: str
    private: bool


@dataclass
class Interaction:
    id: str
    token: str
    bot: Bot
    channel: Json
    kind: int = 0
    data: Json = field(default_factory=dict)
    deferred_private: bool | None = None
    original: Json | None = None
    shown: dict[str, Shown] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def visible(self) -> list[Shown]:
        return [s for i, s in self.shown.items() if i not in self.deleted]

    async def says(self, words: str = "", seconds: float = 60.0) -> Shown:
        """What is said and visible, once it has these words in it."""

        def texts() -> list[Shown]:
            return [s for s in self.visible if s.content.strip() and words in s.content]

        return (await eventually(texts, seconds))[-1]


class Interactions:
    """Interactions under way, and their REST routes (`/interactions`, `/webhooks/<application>`)."""

    def __init__(self, rest: Rest) -> None:
        self.rest, self.open = rest, dict[str, Interaction]()
        self.with_channel = (
            True  # the description demands `channel_id` alone: every third has no more in any case
        )

    async def start(self, bot: Bot, user: Json, channel: Json, kind: int, data: Json) -> Interaction:
        """Sends INTERACTION_CREATE; `kind` 2 command, 4 autocomplete, 5 modal submitted."""
        world = self.rest.world
        identity = world.snowflake()
        interaction = Interaction(identity, f"token-{identity}", bot, channel)
        self.open[interaction.token] = interaction
        payload: Json = {
            "id": identity,
            "application_id": bot.id,
            "type": kind,
            "token": interaction.token,
            "version": 1,
            "data": data,
            **({"channel": channel} if self.with_channel and len(self.open) % 3 else {}),
            "channel_id": channel["id"],
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10_485_760,
            "app_permissions": str(world.permissions(channel, bot.id)),
            "context": 1 if channel["type"] == DM else 0,
        }
        if channel["type"] == DM:
            payload["user"] = user
        else:
            guild = world.guilds[channel["guild_id"]]
            payload |= {"guild_id": guild["id"], "guild_locale": "en-US"}
            rights = str(world.permissions(channel, user["id"]))
            payload["member"] = {**world.member(guild, user), "user": user, "permissions": rights}
        await self.rest.gateway.emit_to(bot, "INTERACTION_CREATE", payload)
        return interaction

    def routes(self) -> list[web.RouteDef]:
        at = "/webhooks/{application}/{token:token-[0-9]+}"
        return [
            web.post("/interactions/{id}/{token}/callback", self._callback),
            web.post(at, self._follow_up),
            web.get(at + "/messages/{message}", self._fetch),
            web.patch(at + "/messages/{message}", self._edit),
            web.delete(at + "/messages/{message}", self._delete),
        ]

    def _find(self, request: web.Request) -> Interaction:
        found = self.open.get(request.match_info["token"])
        if found is None:
            raise Refused(404, 10062, "Unknown interaction")
        return found

    async def _callback(self, request: web.Request) -> web.Response:
        interaction = self._find(request)
        if interaction.answered.is_set():
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        body, _ = await body_of(request)
        interaction.kind, interaction.data = body["type"], body.get("data") or {}
        private = bool(interaction.data.get("flags", 0) & EPHEMERAL)
        told: Json = {"interaction": {"id": interaction.id, "type": 2}}
        if body["type"] == 5:
            interaction.deferred_private = private
        if body["type"] in (4, 5):
            message = self._show(interaction, interaction.data.get("content") or "", private)
            interaction.original = message
            if body["type"] == 4:  # a mere "is thinking" is described as no message
                told["resource"] = {"type": 4, "message": public(message)}
        interaction.answered.set()
        return answer(told)

    def _show(self, interaction: Interaction, content: str, private: bool) -> Json:
        world, channel = self.rest.world, interaction.channel
        message = world.message(channel, interaction.bot.user, content, webhook_id=interaction.bot.id)
        if private or not content:  # what only one person sees, or a bare "is thinking", is not history
            del world.messages[channel["id"]][message["id"]]
        interaction.shown[message["id"]] = Shown(content, private)
        message["flags"] = EPHEMERAL if private else 0
        return message

    async def _follow_up(self, request: web.Request) -> web.Response:
        interaction = self._find(request)
        if not interaction.answered.is_set():
            raise Refused(404, 10015, "Unknown Webhook")
        body, _ = await body_of(request)
        check(body.get("content"), [])
        private = bool(body.get("flags", 0) & EPHEMERAL)
        if interaction.deferred_private is not None:  # the first one stands in for the deferred answer
            private, interaction.deferred_private = interaction.deferred_private, None
            assert interaction.original is not None
            interaction.deleted.add(interaction.original["id"])
        message = self._show(interaction, body["content"], private)
        if not private:
            await self.rest.post(interaction.channel, message)
        return answer(public(message))

    def _message(self, request: web.Request, interaction: Interaction) -> tuple[str, Any]:
        identity = request.match_info["message"]
        if identity == "@original" and interaction.original is not None:
            identity = interaction.original["id"]
        if identity not in interaction.shown or identity in interaction.deleted:
            raise Refused(404, 10008, "Unknown Message")
        return identity, interaction.shown[identity]

    async def _edit(self, request: web.Request) -> web.Response:
        interaction = self._find(request)
        identity, shown = self._message(request, interaction)
        body, _ = await body_of(request)
        check(body.get("content"), [])
        shown.content = body["content"]
        interaction.deferred_private = None
        assert interaction.original is not None
        return answer(public({**interaction.original, "id": identity, "content": shown.content}))

    async def _fetch(self, request: web.Request) -> web.Response:
        interaction = self._find(request)
        identity, shown = self._message(request, interaction)
        assert interaction.original is not None
        return answer(public({**interaction.original, "id": identity, "content": shown.content}))

    async def _delete(self, request: web.Request) -> web.Response:
        interaction = self._find(request)
        identity, _ = self._message(request, interaction)
        interaction.deleted.add(identity)
        return web.Response(status=204)
