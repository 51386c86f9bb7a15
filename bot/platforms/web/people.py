"""Who is at the page. On loopback it is the owner of the machine; elsewhere each browser is a person."""

import hashlib
import secrets
import unicodedata

from aiohttp import web

from bot.events import Author

CALLED = 40  # characters of a name
YEAR = 365 * 24 * 3600


class People:
    """Tells persons apart by a cookie of their own that outlives the token. The journal keeps a hash of it:
    who reads the journal cannot speak as them."""

    def __init__(self, *, alone: bool, port: int) -> None:
        self.alone, self._cookie = alone, f"vignette_person_{port}"

    def remember(self, request: web.Request, response: web.StreamResponse) -> None:
        """Gives a browser its cookie, once."""
        if self.alone or request.cookies.get(self._cookie):
            return
        response.set_cookie(
            self._cookie,
            secrets.token_urlsafe(),
            max_age=YEAR,
            httponly=True,
            samesite="Strict",
            path="/",
            secure=request.secure,
        )

    def name(self, call_me: str) -> str:
        """What somebody who asks to be called so is called; empty where they do not ask."""
        return _plain(call_me[:CALLED])

    def author(self, request: web.Request, call_me: str = "") -> Author:
        return Author("web", self._id(request), _plain(call_me) or "Visitor", manager=self.alone)

    def viewer(self, request: web.Request) -> str:
        """Whose dialogues may be read: the key of an Author, empty for the owner, who may read all."""
        return "" if self.alone else self.author(request).key

    def _id(self, request: web.Request) -> str:
        if self.alone:
            return "owner"
        secret = request.cookies.get(self._cookie, "")
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:20] if secret else "stranger"


def _plain(name: str) -> str:
    """One line without control or formatting characters."""
    kept = "".join(" " if unicodedata.category(c).startswith("Z") else c for c in name)
    return " ".join("".join(c for c in kept if unicodedata.category(c)[0] != "C").split())
