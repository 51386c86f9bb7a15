"""REST of a bot's own account: who it is, its commands, its emojis; and the files of the CDN."""

import base64
import re

from aiohttp import web

from tests.fakes.discord.faults import Refused, answer
from tests.fakes.discord.messages import Rest
from tests.fakes.discord.world import Bot, Json


class ApplicationRoutes:
    """`/users`, `/oauth2`, `/applications` and the CDN."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    def routes(self) -> list[web.RouteDef]:
        commands = "/applications/{application}/commands"
        in_guild = "/applications/{application}/guilds/{guild}/commands"
        return [
            web.get("/users/@me", self.me),
            web.get("/users/{user}", self.user),
            web.get("/oauth2/applications/@me", self.application),
            web.put(commands, self.put_commands),
            web.put(in_guild, self.put_commands),
            web.get(commands, self.get_commands),
            web.get(in_guild, self.get_commands),
            web.get("/applications/{application}/emojis", self.emojis),
            web.post("/applications/{application}/emojis", self.add_emoji),
            web.get("/{path:(?:attachments|emojis)/.*}", self.file),
        ]

    async def me(self, request: web.Request) -> web.Response:
        return answer({**self.rest.bot(request).user, "mfa_enabled": False, "locale": "en-US"})

    async def application(self, request: web.Request) -> web.Response:
        return answer(_application(self.rest.bot(request)))

    async def user(self, request: web.Request) -> web.Response:
        self.rest.bot(request)
        found = self.rest.world.users.get(request.match_info["user"])
        if found is None:
            raise Refused(404, 10013, "Unknown User")
        return answer(found)

    async def put_commands(self, request: web.Request) -> web.Response:
        bot = self.rest.bot(request)
        bot.command_syncs += 1
        guild = request.match_info.get("guild")
        told = [_command(bot, c, self.rest.world.snowflake(), guild) for c in await request.json()]
        bot.registered[guild or ""] = told
        return answer(told)

    async def get_commands(self, request: web.Request) -> web.Response:
        return answer(self.rest.bot(request).registered.get(request.match_info.get("guild", ""), []))

    async def emojis(self, request: web.Request) -> web.Response:
        return answer({"items": self.rest.bot(request).emojis})

    async def add_emoji(self, request: web.Request) -> web.Response:
        bot, body = self.rest.bot(request), await request.json()
        if not re.fullmatch(r"\w{2,32}", body["name"], re.ASCII):
            raise Refused(400, 50035, "name: Must be 2 to 32 letters, digits or underscores.")
        if any(e["name"] == body["name"] for e in bot.emojis):
            raise Refused(400, 50035, "name: An emoji with this name already exists.")
        head, data = body["image"].split(",", 1)
        raw = base64.b64decode(data)
        if len(raw) > 256 * 1024:
            raise Refused(400, 50138, "File cannot be larger than 256.0 kb.")
        emoji = {"id": self.rest.world.snowflake(), "name": body["name"], "roles": [], "animated": False}
        emoji |= {"require_colons": True, "managed": False, "available": True, "user": bot.user}
        self.rest.world.files[f"emojis/{emoji['id']}.png"] = (head.removeprefix("data:").split(";")[0], raw)
        bot.emojis.append(emoji)
        return answer(emoji, status=201)

    async def file(self, request: web.Request) -> web.Response:
        found = self.rest.world.files.get(request.match_info["path"])
        if found is None or request.path_qs in self.rest.world.expired:
            return web.Response(status=404)
        return web.Response(body=found[1], content_type=found[0])


def _application(bot: Bot) -> Json:
    return {
        "id": bot.id,
        "name": bot.user["global_name"],
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 1 << 19 if bot.content_intent else 0,
        "flags_new": str(1 << 19 if bot.content_intent else 0),
        "type": None,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "owner": bot.user,
        "team": None,
        "summary": "",
    }


def _command(bot: Bot, command: Json, identity: str, guild: str | None) -> Json:
    made = {"description": "", **command, "id": identity, "application_id": bot.id, "version": "1"}
    return {**made, "guild_id": guild} if guild else made
