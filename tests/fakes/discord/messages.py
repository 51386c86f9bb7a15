"""REST of channels and messages."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tests.fakes.discord.faults import Refused, answer
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.world import DM, FORUM, PERMISSIONS, PUBLIC_THREAD, Bot, Json, World, public

Files = dict[str, tuple[str, bytes]]


@dataclass
class Rest:
    """What every handler needs. `on_posted` runs between a post and its answer."""

    world: World
    gateway: Gateway
    on_posted: Callable[[Json], Awaitable[None]] | None = None
    typed: int = 0

    def bot(self, request: web.Request) -> Bot:
        found = self.world.bots.get(request.headers.get("Authorization", "").removeprefix("Bot "))
        if found is None:
            raise Refused(401, 0, "401: Unauthorized")
        return found

    def channel(self, request: web.Request) -> Json:
        found = self.world.channels.get(request.match_info["channel"])
        if found is None:
            raise Refused(404, 10003, "Unknown Channel")
        return found

    def may(self, bot: Bot, channel: Json, *permissions: str) -> None:
        have = self.world.permissions(channel, bot.id)
        if "send_messages" in permissions and channel["type"] == PUBLIC_THREAD:
            permissions = ("send_messages_in_threads", *(p for p in permissions if p != "send_messages"))
        for permission in ("view_channel", *permissions):
            if not have & PERMISSIONS[permission]:
                code = 50001 if permission == "view_channel" else 50013
                raise Refused(403, code, "Missing Access" if code == 50001 else "Missing Permissions")

    def found(self, channel: Json, message_id: str) -> Json:
        message = self.world.messages[channel["id"]].get(message_id)
        if message is None:
            raise Refused(404, 10008, "Unknown Message")
        return message

    async def post(self, channel: Json, message: Json) -> None:
        await self.gateway.emit("MESSAGE_CREATE", self.placed(channel, message), channel=channel)
        if self.on_posted is not None:
            await self.on_posted(message)

    def placed(self, channel: Json, message: Json) -> Json:
        """As the gateway tells it: with the guild, and the author's membership."""
        payload = public(message)
        if channel["type"] != DM:
            payload["guild_id"] = channel["guild_id"]
            user = self.world.users.get(message["author"]["id"])
            if user is not None and "webhook_id" not in message:
                payload["member"] = self.world.member(self.world.guilds[channel["guild_id"]], user)
        return payload

    async def change(self, channel: Json, message: Json, body: Json) -> Json:
        if "content" in body:
            check(body["content"], message["attachments"])
            message["content"] = body["content"] or ""
            self.world.versions[message["id"]].append(message["content"])
        message["edited_timestamp"] = message["timestamp"]
        await self.gateway.emit("MESSAGE_UPDATE", self.placed(channel, message), channel=channel)
        return public(message)

    async def remove(self, channel: Json, message_id: str) -> None:
        self.found(channel, message_id)
        del self.world.messages[channel["id"]][message_id]
        gone = {"id": message_id, "channel_id": channel["id"], "guild_id": channel.get("guild_id")}
        gone = {k: v for k, v in gone.items() if v is not None}
        await self.gateway.emit("MESSAGE_DELETE", gone, channel=channel)


def check(content: str | None, attachments: list[Json]) -> None:
    """Discord's own limits on a message."""
    if len(content or "") > 2_000:
        raise Refused(400, 50035, "Must be 2000 or fewer in length.")
    if not (content or "").strip() and not attachments:
        raise Refused(400, 50006, "Cannot send an empty message")


async def body_of(request: web.Request) -> tuple[Json, Files]:
    """The JSON of a request and the files that came with it."""
    if not request.content_type.startswith("multipart/"):
        return (await request.json() if request.body_exists else {}), {}
    payload: Json = {}
    files: Files = {}
    async for part in await request.multipart():
        if part.name == "payload_json":  # type: ignore[union-attr]
            payload = json.loads(await part.text())  # type: ignore[union-attr]
        else:
            files[str(part.name)] = (str(part.filename), await part.read())  # type: ignore[union-attr]
    request["body"] = payload
    return payload, files


def mentions_allowed(body: Json) -> bool:
    allowed = body.get("allowed_mentions")
    return allowed is None or bool(allowed.get("parse", ["users"]) or allowed.get("replied_user"))


class MessageRoutes:
    """`/channels` and what is in them."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    def routes(self) -> list[web.RouteDef]:
        at, one = "/channels/{channel}", "/channels/{channel}/messages/{message}"
        return [
            web.get(at, self.get_channel),
            web.get(at + "/messages", self.history),
            web.post(at + "/messages", self.post),
            web.get(one, self.get_message),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
            web.post(at + "/typing", self.typing),
            web.post("/users/@me/channels", self.open_dm),
        ]

    async def get_channel(self, request: web.Request) -> web.Response:
        channel = self.rest.channel(request)
        self.rest.may(self.rest.bot(request), channel)
        return answer(channel)

    async def history(self, request: web.Request) -> web.Response:
        channel = self.rest.channel(request)
        self.rest.may(self.rest.bot(request), channel, "read_message_history")
        found = sorted(self.rest.world.messages[channel["id"]].values(), key=lambda m: -int(m["id"]))
        limit = int(request.query.get("limit", 50))
        if "after" in request.query:
            later = [m for m in found if int(m["id"]) > int(request.query["after"])]
            found = later[-limit:]
        elif "before" in request.query:
            found = [m for m in found if int(m["id"]) < int(request.query["before"])]
        return answer([public(m) for m in found[:limit]])

    async def post(self, request: web.Request) -> web.Response:
        bot, channel = self.rest.bot(request), self.rest.channel(request)
        self.rest.may(bot, channel, "send_messages")
        if channel["type"] == FORUM:
            raise Refused(400, 50008, "Cannot send messages in a non-text channel")
        body, files = await body_of(request)
        nonce = str(body.get("nonce", ""))
        if body.get("enforce_nonce") and (bot.id, nonce) in self.rest.world.nonces:
            return answer(public(self.rest.found(channel, self.rest.world.nonces[bot.id, nonce])))
        if len(nonce) > 25:
            raise Refused(400, 50035, "nonce: Must be 25 or fewer in length.")
        attachments = [self.rest.world.attach(channel, name, data) for name, data in files.values()]
        check(body.get("content"), attachments)
        more: Json = {"attachments": attachments, "_mentions_allowed": mentions_allowed(body)}
        if nonce:
            more["nonce"] = nonce
        if "message_reference" in body:
            if not self.rest.world.permissions(channel, bot.id) & PERMISSIONS["read_message_history"]:
                raise Refused(403, 160_002, "Cannot reply without permission to read message history")
            asked = body["message_reference"].items()  # ids come as numbers too, but never go so
            more |= {
                "type": 19,
                "message_reference": {k: str(v) if k.endswith("_id") else v for k, v in asked},
            }
            more["referenced_message"] = None
        message = self.rest.world.message(channel, bot.user, body.get("content") or "", **more)
        if nonce:
            self.rest.world.nonces[bot.id, nonce] = message["id"]
        await self.rest.post(channel, message)
        return answer(public(message))

    async def get_message(self, request: web.Request) -> web.Response:
        channel = self.rest.channel(request)
        self.rest.may(self.rest.bot(request), channel, "read_message_history")
        return answer(public(self.rest.found(channel, request.match_info["message"])))

    async def edit(self, request: web.Request) -> web.Response:
        bot, channel = self.rest.bot(request), self.rest.channel(request)
        message = self.rest.found(channel, request.match_info["message"])
        if message["author"]["id"] != bot.id:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        body, _ = await body_of(request)
        return answer(await self.rest.change(channel, message, body))

    async def delete(self, request: web.Request) -> web.Response:
        bot, channel = self.rest.bot(request), self.rest.channel(request)
        message = self.rest.found(channel, request.match_info["message"])
        if message["author"]["id"] != bot.id:
            self.rest.may(bot, channel, "manage_messages")
        await self.rest.remove(channel, message["id"])
        return web.Response(status=204)

    async def typing(self, request: web.Request) -> web.Response:
        self.rest.may(self.rest.bot(request), self.rest.channel(request), "send_messages")
        self.rest.typed += 1
        return web.Response(status=204)

    async def open_dm(self, request: web.Request) -> web.Response:
        bot, body = self.rest.bot(request), await request.json()
        return answer(dm(self.rest.world, bot, self.rest.world.users[str(body["recipient_id"])]))


def dm(world: World, bot: Bot, user: Json) -> Json:
    """The direct messages of a user and a bot, found or made."""
    for channel in world.channels.values():
        if channel["type"] == DM and channel["bot"] == bot.id and channel["recipients"][0] is user:
            return channel
    return world.add_channel(DM, "", recipients=[user], bot=bot.id)
