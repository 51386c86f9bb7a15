"""The page's own files, read once, and the door where a token becomes a cookie."""

from pathlib import Path

from aiohttp import web

from bot.platforms.web.desk import Desk
from bot.platforms.web.read import cached
from bot.platforms.web.wire import Refused

WRONG = b'<p class="wrong" role="alert">That token is not, or no longer, the right one.</p>'
STATIC = Path(__file__).parent / "static"
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class Page:
    """Serves exactly the files that lay in `static/` at the start: a path from outside is only looked up in
    a table, so there is nothing to climb out of."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._files = {
            path.relative_to(STATIC).as_posix(): (path.read_bytes(), KINDS[path.suffix])
            for path in STATIC.rglob("*")
            if path.suffix in KINDS
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/favicon.ico", self.icon),
            web.get("/static/{name:.+}", self.static),
        ]

    async def index(self, request: web.Request) -> web.StreamResponse:
        offered = request.query.get("token")
        if offered is not None and self._desk.guard.knows_token(offered):
            # The redirect drops the token from the address bar and the history.
            response = web.Response(status=303, headers={"Location": "/"})
            self._desk.guard.admit(response, secure=request.secure)
            self._desk.people.remember(request, response)
            return response
        if not self._desk.guard.knows(request):
            body, kind = self._files["door.html"]
            if offered is not None:
                body = body.replace(b"<!-- wrong -->", WRONG)
            return web.Response(body=body, content_type=kind, charset="utf-8", status=401)
        response = self._answer(request, "index.html")
        self._desk.people.remember(request, response)
        return response

    async def icon(self, request: web.Request) -> web.Response:
        return self._answer(request, "icon.svg")

    async def static(self, request: web.Request) -> web.Response:
        return self._answer(request, request.match_info["name"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        if name not in self._files:
            raise Refused(404, "there is nothing here")
        body, kind = self._files[name]
        return cached(request, body, kind, None if kind == "image/png" else "utf-8")
