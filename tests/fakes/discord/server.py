"""The loopback Discord as tests hold it: start it, put people and pictures in, see what a person would see.

async with LoopbackDiscord() as d:
    guild = d.guild("Baker Street")
    channel = d.channel(guild, "general")
    john = d.user("John")
    client = discord.Client(intents=..., connector=d.connector())   # or proxy=d.proxy_url and d.ca_file
    await d.say(john, channel, "What do you make of this?", files=[png])
    d.messages(channel)
"""

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fakes.discord import messages
from tests.fakes.discord.application import ApplicationRoutes
from tests.fakes.discord.description import Description
from tests.fakes.discord.faults import Fault, Faults, Kind, refusals
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.interactions import Interactions
from tests.fakes.discord.people import People
from tests.fakes.discord.proxy import ConnectProxy
from tests.fakes.discord.webhooks import WebhookRoutes
from tests.fakes.discord.world import FORUM, PERMISSIONS, TEXT, Bot, Json, Seen, World
from tests.waiting import eventually

HOSTS = frozenset({"discord.com", "gateway.discord.gg", "cdn.discordapp.com", "media.discordapp.net"})


class LoopbackResolver(AbstractResolver):
    """Discord's hosts are 127.0.0.1 and the loopback's port; nothing else resolves."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host not in HOSTS:
            raise OSError(f"{host} is not on the loopback Discord")
        found = ResolveResult(
            hostname=host, host="127.0.0.1", port=self._port, family=socket.AF_INET, proto=0, flags=0
        )
        return [found]

    async def close(self) -> None:
        pass


class LoopbackDiscord(People):
    def __init__(self, *, token: str = "main-token", content_intent: bool = True) -> None:
        self.world = World()
        self.gateway = Gateway(self.world)
        self.faults = Faults()
        self.description = Description()
        self.rest = messages.Rest(self.world, self.gateway)
        self.interactions = Interactions(self.rest)
        self.bot = self.world.add_bot("Vignette", token, content_intent)
        self.proxy_url = ""
        self.ca_file = ""
        self.port = 0
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "LoopbackDiscord":
        authority = trustme.CA()
        self.ca_file = str(Path(tempfile.mkdtemp(prefix="loopback-")) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*sorted(HOSTS)).configure_cert(tls)
        self._client_tls = ssl.create_default_context(cafile=self.ca_file)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._exit.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = runner.addresses[0][1]
        proxy = ConnectProxy(self.port, HOSTS)
        self.proxy_url = await proxy.start()
        self._exit.push_async_callback(proxy.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gateway.drop()
        await self._exit.aclose()
        await asyncio.to_thread(shutil.rmtree, Path(self.ca_file).parent)
        if kind is None:
            assert not self.description.breaches, "\n".join(dict.fromkeys(self.description.breaches))

    def _app(self) -> web.Application:
        layers = [self.description.middleware(), refusals, self.faults.middleware()]
        app = web.Application(middlewares=layers, client_max_size=32 << 20)
        parts = (ApplicationRoutes(self.rest), messages.MessageRoutes(self.rest), self.interactions)
        api = [route for part in (*parts, WebhookRoutes(self.rest)) for route in part.routes()]
        for route in api:
            at = route.path if route.path.startswith("/{path") else "/api/v10" + route.path
            app.router.add_route(route.method, at, route.handler)
        app.router.add_get("/", self.gateway.handle)
        return app

    def connector(self, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
        """A new connector to this Discord, for discord.Client or an aiohttp session. `resolver` is one that
        stands before this Discord's own (a policy's)."""
        resolver = resolver or self.resolver()
        return aiohttp.TCPConnector(resolver=resolver, ssl=self._client_tls, use_dns_cache=False)

    def resolver(self) -> LoopbackResolver:
        return LoopbackResolver(self.port)

    def tls_connector(self) -> aiohttp.TCPConnector:
        """Trusts this Discord but resolves nothing: for use with `proxy_url`."""
        return aiohttp.TCPConnector(ssl=self._client_tls)

    # places

    def account(self, name: str, token: str) -> Bot:
        """A further bot account, in every guild made so far."""
        bot = self.world.add_bot(name, token, True)
        for guild in self.world.guilds.values():
            guild["bots"].append(bot.id)
        return bot

    def guild(self, name: str = "Baker Street") -> Json:
        return self.world.add_guild(name)

    def channel(self, guild: Json, name: str = "general", *, nsfw: bool = False, forum: bool = False) -> Json:
        kind = FORUM if forum else TEXT
        return self.world.add_channel(kind, name, guild_id=guild["id"], nsfw=nsfw, available_tags=[])

    def thread(self, parent: Json, name: str = "a thread") -> Json:
        """A thread that exists before the bot connects."""
        return self.world.add_thread(parent, name)

    def user(self, name: str, *, manager: bool = False) -> Json:
        user = self.world.add_user(name)
        if manager:
            self.world.managers.add(user["id"])
        return user

    def dm(self, user: Json, bot: Bot | None = None) -> Json:
        return messages.dm(self.world, bot or self.bot, user)

    def deny(self, channel: Json, *permissions: str, bot: Bot | None = None) -> None:
        """Takes permissions from a bot in a channel: by an overwrite (seen by clients that connect
        afterwards) and in what REST lets it do (at once)."""
        bits = sum(PERMISSIONS[p] for p in permissions)
        identity = (bot or self.bot).id
        self.world.denied[channel["id"], identity] = bits
        overwrite = {"id": identity, "type": 1, "allow": "0", "deny": str(bits)}
        channel["permission_overwrites"] = [overwrite] if bits else []

    def foreign_webhooks(self, channel: Json, count: int) -> None:
        """Webhooks that somebody else made there."""
        maker = self.user("Somebody Else")
        for _ in range(count):
            self.world.add_webhook(channel, maker, "theirs", None)

    # what is seen

    def messages(self, channel: Json) -> list[Seen]:
        return self.world.seen(channel["id"])

    async def until(
        self, channel: Json, ready: Callable[[Sequence[Seen]], Any], seconds: float = 60.0
    ) -> list[Seen]:
        """The channel's messages, once they are as wanted; AssertionError with them if they never are."""
        try:
            await eventually(lambda: ready(self.messages(channel)), seconds)
        except AssertionError as never:
            raise AssertionError(f"{never} {self.messages(channel)}") from None
        return self.messages(channel)

    # what goes wrong

    def fault(
        self,
        method: str,
        path: str,
        kind: Kind,
        *,
        times: int = 1,
        status: int = 500,
        seconds: float = 0.05,
        code: int = 0,
    ) -> Fault:
        """The next `times` requests with this method (or `*`) whose path matches suffer."""
        return self.faults.add(Fault(method, re.compile(path), kind, times, status, seconds, code))

    @property
    def on_posted(self) -> Callable[[Json], Awaitable[None]] | None:
        return self.rest.on_posted

    @on_posted.setter
    def on_posted(self, hook: Callable[[Json], Awaitable[None]] | None) -> None:
        """Runs after a message by a bot or webhook stands, before the bot is told."""
        self.rest.on_posted = hook
