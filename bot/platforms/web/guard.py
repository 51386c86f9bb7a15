"""Who may come in. Checked on every request before anything else looks at it.

The page runs in a browser beside pages of strangers, so: the Host header must be ours (a stranger's name
that was rebound to our address is not), requests that another page caused are refused (Origin and
Sec-Fetch-Site; another port of this machine counts as another page), and everything but the door itself
needs the cookie that was given for the token.
"""

import hashlib
import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from aiohttp import web

from agent.errors import PlatformError
from bot.platforms.web.wire import Refused

SHORTEST_TOKEN = 16

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def choose_token(configured: str, host: str) -> str:
    """On loopback a fresh token where none is configured; anywhere else one must be. Raises PlatformError."""
    if configured:
        if len(configured) < SHORTEST_TOKEN:
            raise PlatformError(
                f"the web token has fewer than {SHORTEST_TOKEN} characters",
                where="VIGNETTE_WEB_TOKEN",
                mend="make a longer one: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        return configured
    if is_loopback(host):
        return secrets.token_urlsafe()
    raise PlatformError(
        f"the page would be open to everyone who reaches {host}",
        where="bot.web.host",
        mend="put a long random word into the environment as VIGNETTE_WEB_TOKEN, or bind to 127.0.0.1",
    )


class Guard:
    """`port` is the one really listened on; `allowed` further values of the Host header, with their port or
    (then any port will do) without."""

    def __init__(self, token: str, host: str, port: int, allowed: tuple[str, ...]) -> None:
        self._token = token.encode()
        self._anywhere = host.strip("[]") in ("0.0.0.0", "::")
        ours = (
            {"127.0.0.1", "localhost", "[::1]"} if is_loopback(host) or self._anywhere else {_bracketed(host)}
        )
        self._hosts = {f"{name}:{port}" for name in ours} | {name.lower() for name in allowed}
        if port in (80, 443):
            self._hosts |= ours
        self.cookie = f"vignette_{port}"
        # The cookie is made from the token but is not the token, and is the same after a reload.
        self._pass = hmac.new(self._token, b"vignette web session", hashlib.sha256).hexdigest()

    def check_host(self, request: web.Request) -> None:
        host = request.headers.get("Host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if host in self._hosts or name in self._hosts:
            return
        # Bound to every address, we cannot list them; but a rebound name is a name, never an address.
        if self._anywhere and _is_address(name):
            return
        raise Refused(
            421, "this address is not served here", mend="add it to allowed_hosts in [bot.web] of config.toml"
        )

    def check_origin(self, request: web.Request, *, strict: bool) -> None:
        """Refuses what another page caused. `strict`: a request that changes something must say where it
        comes from."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none"):
            raise Refused(403, "requests of other pages are refused")
        origin = request.headers.get("Origin")
        if origin is None:
            if strict and site != "same-origin":
                raise Refused(403, "a request that changes something needs an Origin header")
            return
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != request.headers["Host"].lower():
            raise Refused(403, "requests of other pages are refused")

    def knows_token(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self._token)

    def knows(self, request: web.Request) -> bool:
        offered = request.cookies.get(self.cookie, "")
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self._pass.encode())

    def admit(self, response: web.StreamResponse, *, secure: bool) -> None:
        """Gives the cookie that the token was exchanged for."""
        response.set_cookie(
            self.cookie, self._pass, httponly=True, samesite="Strict", path="/", secure=secure
        )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
