"""REST of webhooks: made, listed, deleted, and what is posted, edited and deleted through them."""

from aiohttp import web

from tests.fakes.discord.faults import Refused, answer
from tests.fakes.discord.messages import Rest, body_of, check, mentions_allowed
from tests.fakes.discord.world import FORUM, Json, public

FORBIDDEN_NAMES = ("discord", "clyde")


def routes(rest: Rest) -> list[web.RouteDef]:
    world = rest.world

    def hook(request: web.Request) -> Json:
        found = world.webhooks.get(request.match_info["hook"])
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if found["token"] != request.match_info["token"]:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return found

    def target(request: web.Request, webhook: Json) -> Json:
        thread = request.query.get("thread_id")
        channel = world.channels[thread or webhook["channel_id"]]
        if thread and channel["parent_id"] != webhook["channel_id"]:
            raise Refused(404, 10003, "Unknown Channel")
        if channel["type"] == FORUM:
            raise Refused(
                400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"
            )
        return channel

    async def listing(request: web.Request) -> web.Response:
        bot, channel = rest.bot(request), rest.channel(request)
        rest.may(bot, channel, "manage_webhooks")
        found = [w for w in world.webhooks.values() if w["channel_id"] == channel["id"]]
        return answer([w if w["user"]["id"] == bot.id else {**w, "token": None} for w in found])

    async def create(request: web.Request) -> web.Response:
        bot, channel = rest.bot(request), rest.channel(request)
        rest.may(bot, channel, "manage_webhooks")
        if sum(w["channel_id"] == channel["id"] for w in world.webhooks.values()) >= 15:
            raise Refused(400, 30007, "Maximum number of webhooks reached (15)")
        body = await request.json()
        identity = world.snowflake()
        webhook = {
            "id": identity,
            "type": 1,
            "name": body["name"],
            "avatar": None,
            "channel_id": channel["id"],
            "guild_id": channel["guild_id"],
            "application_id": bot.id,
            "user": bot.user,
            "token": f"{identity}-" + "k" * 60,
        }
        world.webhooks[identity] = webhook
        return answer(webhook)

    async def execute(request: web.Request) -> web.Response:
        webhook = hook(request)
        channel = target(request, webhook)
        body, files = await body_of(request)
        name = body.get("username") or webhook["name"]
        if not 1 <= len(name) <= 80 or any(word in name.lower() for word in FORBIDDEN_NAMES):
            raise Refused(400, 50035, "username: not allowed")
        attachments = [world.attach(channel, n, data) for n, data in files.values()]
        check(body.get("content"), attachments)
        author = {
            "id": webhook["id"],
            "username": name,
            "global_name": None,
            "discriminator": "0000",
            "avatar": None,
            "bot": True,
        }
        message = world.message(
            channel,
            author,
            body.get("content") or "",
            webhook_id=webhook["id"],
            attachments=attachments,
            _avatar_url=body.get("avatar_url", ""),
            _mentions_allowed=mentions_allowed(body),
        )
        await rest.post(channel, message)
        return answer(public(message)) if request.query.get("wait") == "1" else web.Response(status=204)

    def ours(request: web.Request) -> tuple[Json, Json]:
        webhook = hook(request)
        channel = target(request, webhook)
        message = rest.found(channel, request.match_info["message"])
        if message.get("webhook_id") != webhook["id"]:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return channel, message

    async def edit(request: web.Request) -> web.Response:
        channel, message = ours(request)
        body, _ = await body_of(request)
        return answer(await rest.change(channel, message, body))

    async def fetch(request: web.Request) -> web.Response:
        return answer(public(ours(request)[1]))

    async def delete(request: web.Request) -> web.Response:
        channel, message = ours(request)
        await rest.remove(channel, message["id"])
        return web.Response(status=204)

    at = "/webhooks/{hook}/{token}"
    return [
        web.get("/channels/{channel}/webhooks", listing),
        web.post("/channels/{channel}/webhooks", create),
        web.post(at, execute),
        web.get(at + "/messages/{message}", fetch),
        web.patch(at + "/messages/{message}", edit),
        web.delete(at + "/messages/{message}", delete),
    ]
