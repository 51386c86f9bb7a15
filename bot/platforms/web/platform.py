"""The web page as a Platform: a small aiohttp server that translates, and nothing else."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from agent.errors import PlatformError, VignetteError
from agent.settings import IntakeSettings
from bot.events import Incoming, Outgoing, Place
from bot.platforms.base import Inbox, PlatformLimits, Posted
from bot.platforms.web.delivery import WebDelivery
from bot.platforms.web.desk import Desk
from bot.platforms.web.guard import HEADERS, Guard, choose_token, is_loopback
from bot.platforms.web.hub import Hub
from bot.platforms.web.needs import Archive, BringsModels, ShowsCast, TakesPictures, TellsModel
from bot.platforms.web.page import Page
from bot.platforms.web.people import People
from bot.platforms.web.read import Read
from bot.platforms.web.shop import Shop
from bot.platforms.web.stream import Stream
from bot.platforms.web.talk import Talk
from bot.platforms.web.wire import Refused, error_answer, refusal
from bot.settings import WebSettings

log = logging.getLogger(__name__)


class WebPlatform:
    """A page where one talks with characters.

    `token` is the configured one (VIGNETTE_WEB_TOKEN); empty on loopback, where one is made. `told` is
    called with the link once the server listens. `adult` shows age-restricted characters. Raises
    PlatformError where a token is demanded and missing, or too short.
    """

    name = "web"
    limits = PlatformLimits()

    def __init__(
        self,
        settings: WebSettings,
        token: str = "",
        *,
        intake: TakesPictures,
        cast: ShowsCast,
        archive: Archive,
        model: TellsModel,
        intake_settings: IntakeSettings | None = None,
        supply: BringsModels | None = None,
        adult: bool = False,
        heartbeat: float = 15.0,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._settings, self._token = settings, choose_token(token, settings.host)
        self._intake, self._cast, self._archive, self._model = intake, cast, archive, model
        self._intake_settings = intake_settings or IntakeSettings()
        self._supply = supply
        self._adult, self._heartbeat, self._told = adult, heartbeat, told
        self.hub = Hub()
        self.address = ""
        self.ready = asyncio.Event()

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        sock = await _listen(self._settings.host, self._settings.port)
        port: int = sock.getsockname()[1]
        host = self._settings.host.strip("[]")
        runner = web.AppRunner(
            self._app(self._desk(inbox, port)), access_log=None, shutdown_timeout=2.0, handle_signals=False
        )
        try:
            await runner.setup()
            await web.SockSite(runner, sock).start()
            shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            self.address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={self._token}"
            self.ready.set()
            if self._told:
                self._told(self.address)
            await inbox.joined(self)
            await asyncio.Event().wait()
        finally:
            self.hub.close()
            await runner.cleanup()
            sock.close()

    async def open(self, turn: Outgoing) -> WebDelivery:
        return WebDelivery(self.hub, turn)

    async def find(self, turn: Outgoing) -> Sequence[str]:
        """Always []. The web keeps nothing of its own: what a page shows comes from the journal, so no turn
        can stand here that the journal does not know. For the same reason a reply counts as delivered when
        nobody looks: a later load reads it from the journal."""
        return ()

    async def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        """Nothing: a message reaches the journal in the very request that brings it, so none is missed."""
        none: Sequence[Incoming] = ()
        for message in none:
            yield message

    async def notice(self, place: Place, words: str) -> None:
        self.hub.publish(place.id, "notice", {"words": words})

    async def duet(self, place: Place, running: bool) -> None:
        self.hub.publish(place.id, "duet", {"running": running})

    def _desk(self, inbox: Inbox, port: int) -> Desk:
        settings = self._settings
        return Desk(
            inbox=inbox,
            hub=self.hub,
            guard=Guard(self._token, settings.host, port, settings.allowed_hosts),
            people=People(alone=is_loopback(settings.host), port=port),
            intake=self._intake,
            cast=self._cast,
            archive=self._archive,
            model=self._model,
            limits=self._intake_settings,
            supply=self._supply,
            adult=self._adult,
            heartbeat=self._heartbeat,
        )

    def _app(self, desk: Desk) -> web.Application:
        app = web.Application(middlewares=[_edge(desk)])
        for part in (Page(desk), Talk(desk), Read(desk), Shop(desk), Stream(desk)):
            app.add_routes(part.routes())
        app.on_response_prepare.append(_add_headers)
        return app


def _edge(desk: Desk) -> Middleware:
    """Every request passes here: first the guard, then the handler; what they raise becomes an answer."""

    @web.middleware
    async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            desk.guard.check_host(request)
            public = request.path == "/" or request.path.startswith("/static/")
            if not (public and request.method in ("GET", "HEAD")):
                desk.guard.check_origin(request, strict=request.method not in ("GET", "HEAD"))
            if not public and request.path != "/favicon.ico" and not desk.guard.knows(request):
                return error_answer(
                    401, "this page's link has expired", "open the link that was printed at the last start"
                )
            return await handler(request)
        except Refused as error:
            return error_answer(error.status, error.what, error.mend)
        except VignetteError as error:
            log.warning("%s %s: %s", request.method, request.path, error)
            return refusal(error)
        except web.HTTPException as error:
            return error_answer(error.status, error.reason)
        except ConnectionError:
            raise
        except Exception:  # an edge: one broken request must not become a blank page
            log.exception("%s %s failed", request.method, request.path)
            return error_answer(500, "something went wrong here; it was logged")

    return edge


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


async def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PlatformError naming what is wrong."""
    where, name = f"bot.web.{'port' if port else 'host'}", host.strip("[]")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PlatformError(
                f"port {port} is in use",
                where=where,
                mend=f"end what listens on {name}:{port}, or choose another port (0: any free one)",
            ) from error
        raise PlatformError(
            f"the web page cannot listen on {name}:{port}: {error.strerror or error}",
            where=where,
            mend="set host to 127.0.0.1, or to an address of this machine, and port above 1023",
        ) from error
