"""Fetches a picture from an address that a stranger may have written.

Each name is resolved once per connection, each address it yields is put to the policy, and the connection
goes to an address that passed: a name that changes its answer in between (DNS rebinding) gains nothing.
Redirects are followed by hand, so that each is checked like the first.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from agent import kinds
from agent.addresses import Address, AddressPolicy
from agent.errors import FetchError, GoneError
from agent.settings import IntakeSettings

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, TCPConnector
    from aiohttp.abc import AbstractResolver
    from yarl import URL

_log = logging.getLogger(__name__)
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {403, 404, 410}  # addresses that expire are refused when they are old
_URL_LIMIT = 4_096
# Content codings (RFC 9110, section 8.4.1). Stores put other words there for plain bytes, such as UTF-8.
_PACKED = {"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz"}
_HEADERS = {
    "Accept": "image/*,*/*;q=0.1",
    "Accept-Encoding": "identity",
    "User-Agent": "Vignette/0.1 (picture fetcher of a chat bot)",
}
_CONTROL = re.compile("[\0-\x1f\x7f]")

ConnectorFactory = Callable[["AbstractResolver"], "TCPConnector"]


class Fetcher:
    """Fetches bytes under limits. Holds no connections: nothing to close.

    `resolver` replaces the system's name resolution, `connector_factory` the whole connector; it gets the
    policy's resolver and must use it (a test server with its own certificate needs its own TLS context).
    """

    def __init__(
        self,
        settings: IntakeSettings,
        policy: AddressPolicy,
        *,
        resolver: "AbstractResolver | None" = None,
        connector_factory: ConnectorFactory | None = None,
    ) -> None:
        self._settings, self._policy = settings, policy
        self._resolver = resolver
        self._connector = connector_factory or _connector

    async def get(self, url: str) -> bytes:
        """At most `max_bytes` bytes. Raises FetchError, whose words may be shown to anybody."""
        import aiohttp

        from agent.resolving import PolicyResolver

        target = _parsed(url)
        resolver = PolicyResolver(self._policy, self._resolver or aiohttp.ThreadedResolver())
        session = aiohttp.ClientSession(
            connector=self._connector(resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,  # a small compressed answer must not become a large one
            trust_env=False,  # a proxy would resolve and connect out of the policy's sight
            timeout=aiohttp.ClientTimeout(total=None),
        )
        try:
            async with asyncio.timeout(self._settings.seconds), session:
                return await self._follow(session, target)
        except TimeoutError:
            raise _failed(target, f"no complete answer within {self._settings.seconds:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _log.info("fetching from %s failed: %r", target.host, error)
            if _refused(error):
                raise _failed(target, "this address may not be fetched") from None
            raise _failed(target, "the server cannot be reached or breaks the connection") from None

    async def _follow(self, session: "ClientSession", url: "URL") -> bytes:
        for _ in range(self._settings.max_redirects + 1):
            self._check_literal(url)
            async with session.get(url, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await self._body(response, url)
                location = response.headers.get("Location", "").strip()
            if not location:
                raise _failed(url, "the server redirects to nowhere")
            url = _parsed(joined(str(url), location))
        raise _failed(url, f"more than {self._settings.max_redirects} redirects")

    def _check_literal(self, url: "URL") -> None:
        """aiohttp connects to written-out addresses without asking the resolver, so they are checked here."""
        address = _literal(url.host or "")
        odd = address is None and ":" in (url.host or "")
        if odd or (address and not self._policy.permits(_name(url), url.port or 0, address)):
            _log.info("refused %s by policy", url.host)
            raise _failed(url, "this address may not be fetched")

    async def _body(self, response: "ClientResponse", url: "URL") -> bytes:
        if response.status in _GONE:
            raise _failed(url, f"the server answered {response.status}", kind=GoneError)
        if response.status != 200:
            raise _failed(url, f"the server answered {response.status}")
        codings = ",".join(response.headers.getall("Content-Encoding", ())).split(",")
        if _PACKED & {coding.strip().lower() for coding in codings}:
            raise _failed(url, "the server sends a compressed answer, which was not asked for")
        limit = self._settings.max_bytes
        too_large = _failed(url, f"the picture is larger than {limit:,} bytes", "Send a smaller version.")
        if (response.content_length or 0) > limit:
            raise too_large
        body = bytearray()
        async for chunk in response.content.iter_chunked(1 << 16):
            if (
                not body and kinds.markup(chunk) == "html"
            ):  # whatever its label says; the rest is not worth reading
                mend = "Send the address of the picture itself."
                raise _failed(url, "this is a web page, not a picture", mend)
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body)


def _connector(resolver: "AbstractResolver") -> "TCPConnector":
    import aiohttp

    return aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)


def _parsed(url: str) -> "URL":
    """An absolute http(s) URL without credentials and fragment, path and query as they were written. Raises
    FetchError."""
    from yarl import URL

    url = url.strip()
    if len(url) > _URL_LIMIT or _CONTROL.search(url):
        raise FetchError("this is no web address", mend="Use the full address of a picture.")
    try:
        url = written(url)
        parsed = URL(url)  # splits as the one below does, and makes a host's other letters ASCII
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        raise FetchError("this is no web address", mend="Use the full address of a picture.") from None
    if parsed.scheme not in ("http", "https") or not host or not port:
        mend = "Use an address that begins with https://."
        raise FetchError("only http and https addresses are fetched", mend=mend)
    if parsed.user is not None or parsed.password is not None:
        mend = "Take the name and password out of it."
        raise FetchError("addresses with credentials are not fetched", where=host, mend=mend)
    where = f"[{host}]" if ":" in host else host
    where += "" if parsed.is_default_port() else f":{port}"
    return URL(f"{parsed.scheme}://{where}{_asked(url)}", encoded=True)


def _asked(url: str) -> str:
    """Path and query of an absolute URL, as written."""
    rest = url.partition("#")[0].partition("://")[2]
    asked = rest[len(re.split("[/?]", rest, maxsplit=1)[0]) :]
    return asked if asked.startswith("/") else f"/{asked}"


def written(url: str) -> str:
    """The address with only what no request may hold escaped: blanks, and bytes that are not ASCII (UTF-8, or as
    they came in a header). The host's letters stay: they are not escaped but spelt otherwise."""
    head, colons, rest = url.partition("://")
    end = len(re.split("[/?#]", rest, maxsplit=1)[0]) if colons else 0
    host, asked = (f"{head}://{rest[:end]}", rest[end:]) if colons else ("", url)
    return host + "".join(c if "!" <= c <= "~" else _escaped(c) for c in asked)


def _escaped(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))


def joined(base: str, location: str) -> str:
    """Where a redirect leads: an absolute address stays as it is written."""
    from urllib.parse import urljoin

    if re.match("[A-Za-z][A-Za-z0-9+.-]*:", location):
        return location
    return urljoin(base, written(location))


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _name(url: "URL") -> str:
    return (url.host or "").lower().rstrip(".")


def _refused(error: BaseException) -> bool:
    from agent.resolving import NotPermitted

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotPermitted):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _failed(
    url: "URL",
    what: str,
    mend: str = "Check the address, or send the picture itself.",
    *,
    kind: type[FetchError] = FetchError,
) -> FetchError:
    # Without path and query: the signature in a link to a private file is as good as a password.
    return kind(what, where=f"{url.scheme}://{url.host}", mend=mend)
