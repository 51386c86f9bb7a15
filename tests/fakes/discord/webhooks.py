"""REST of webhooks: made, listed, deleted, and what is posted, edited and deleted through them."""

import unicodedata

from aiohttp import web

from tests.fakes.discord.faults import Refused, answer
from tests.fakes.discord.messages import Rest, body_of, check, mentions_allowed
from tests.fakes.discord.world import FORUM, Json, public

FORBIDDEN_NAMES = ("discord", "clyde")


class WebhookRoutes:
    """`/webhooks` and a channel's list of them."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    def routes(self) -> list[web.RouteDef]:
        at = "/webhooks/{hook}/{token}"
        return [
            web.get("/channels/{channel}/webhooks", self.listing),
            web.post("/channels/{channel}/webhooks", self.create),
            web.post(at, self.execute),
            web.get(at + "/messages/{message}", self.fetch),
            web.patch(at + "/messages/{message}", self.edit),
            web.delete(at + "/messages/{message}", self.delete),
        ]

    def hook(self, request: web.Request) -> Json:
        found = self.rest.world.webhooks.get(request.match_info["hook"])
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if found["token"] != request.match_info["token"]:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return found

    def target(self, request: web.Request, webhook: Json) -> Json:
        thread = request.query.get("thread_id")
        channel = self.rest.world.channels[thread or webhook["channel_id"]]
        if thread and channel["parent_id"] != webhook["channel_id"]:
            raise Refused(404, 10003, "Unknown Channel")
        if channel["type"] == FORUM:
            raise Refused(
                400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"
            )
        return channel

    async def listing(self, request: web.Request) -> web.Response:
        bot, channel = self.rest.bot(request), self.rest.channel(request)
        self.rest.may(bot, channel, "manage_webhooks")
        found = [w for w in self.rest.world.webhooks.values() if w["channel_id"] == channel["id"]]
        return answer(
            [w if w["user"]["id"] == bot.id else {k: v for k, v in w.items() if k != "token"} for w in found]
        )

    async def create(self, request: web.Request) -> web.Response:
        bot, channel = self.rest.bot(request), self.rest.channel(request)
        self.rest.may(bot, channel, "manage_webhooks")
        if sum(w["channel_id"] == channel["id"] for w in self.rest.world.webhooks.values()) >= 15:
            raise Refused(400, 30007, "Maximum number of webhooks reached (15)")
        body = await request.json()
        return answer(self.rest.world.add_webhook(channel, bot.user, body["name"], bot.id))

    async def execute(self, request: web.Request) -> web.Response:
        webhook = self.hook(request)
        channel = self.target(request, webhook)
        body, files = await body_of(request)
        name = "".join(c for c in body.get("username") or webhook["name"] if unicodedata.category(c) != "Cf")
        if not 1 <= len(name) <= 80 or any(word in name.lower() for word in FORBIDDEN_NAMES):
            raise Refused(400, 50035, "username: not allowed")
        attachments = [self.rest.world.attach(channel, n, data) for n, data in files.values()]
        check(body.get("content"), attachments)
        author = {**self.rest.world.user(webhook["id"], name), "discriminator": "0000", "bot": True}
        message = self.rest.world.message(
            channel,
            author,
            body.get("content") or "",
            webhook_id=webhook["id"],
            attachments=attachments,
            _avatar_url=body.get("avatar_url", ""),
            _mentions_allowed=mentions_allowed(body),
        )
        await self.rest.post(channel, message)
        return answer(public(message)) if request.query.get("wait") == "1" else web.Response(status=204)

    def ours(self, request: web.Request) -> tuple[Json, Json]:
        webhook = self.hook(request)
        channel = self.target(request, webhook)
        message = self.rest.found(channel, request.match_info["message"])
        if message.get("webhook_id") != webhook["id"]:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return channel, message

    async def edit(self, request: web.Request) -> web.Response:
        channel, message = self.ours(request)
        body, _ = await body_of(request)
        return answer(await self.rest.change(channel, message, body))

    async def fetch(self, request: web.Request) -> web.Response:
        return answer(public(self.ours(request)[1]))

    async def delete(self, request: web.Request) -> web.Response:
        channel, message = self.ours(request)
        await self.rest.remove(channel, message["id"])
        return web.Response(status=204)
