"""Fetching from real servers on loopback, reached by names that a resolver of ours makes up."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from agent.addresses import Address, AddressPolicy, Allow, PublicOnly
from agent.errors import FetchError
from agent.fetch import Fetcher
from agent.settings import IntakeSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Names(AbstractResolver):
    """Answers with each name's next list of addresses (the last one for ever after), and counts."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): lists for name, lists in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError(f"no such name: {host}")
        lists = self.answers[host]
        addresses = lists.pop(0) if len(lists) > 1 else lists[0]
        kind = socket.AF_INET
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Loopback:
    """A policy for tests: exactly this address, recording what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def permits(self, host: str, port: int, address: Address) -> bool:
        self.asked.append((host, str(address)))
        return str(address) == "127.0.0.1"


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handler))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def fetcher(
    policy: AddressPolicy | None = None, names: AbstractResolver | None = None, **limits: Any
) -> Fetcher:
    names = names or Names(pictures_test=[["127.0.0.1"]])
    return Fetcher(IntakeSettings(**limits), policy or Loopback(), resolver=names)


async def picture(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"bytes of " + request.path_qs.encode(), content_type="image/png")


async def test_gets_bytes_and_sends_nothing_needless() -> None:
    seen: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.headers))
        response = web.Response(body=b"picture")
        response.set_cookie("track", "me")
        return response

    async with serving(handler) as port:
        one = fetcher()
        for _ in range(2):
            assert await one.get(f"http://pictures.test:{port}/a.png?x=1#part") == b"picture"
    assert seen[1]["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(seen[1])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
    ],
)
async def test_the_default_policy_reaches_nothing_here(host: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        raise AssertionError("reached")

    async with serving(handler) as port:
        with pytest.raises(FetchError):
            await Fetcher(IntakeSettings(), PublicOnly()).get(f"http://{host}:{port}/secret")


async def test_a_name_with_a_private_address_is_refused() -> None:
    names = Names(evil_test=[["169.254.169.254"]])
    with pytest.raises(FetchError, match="may not be fetched") as caught:
        await fetcher(PublicOnly(), names).get("http://evil.test/latest/meta-data/?token=abc")
    assert "169.254" not in str(caught.value)
    assert "token" not in str(caught.value)


async def test_of_several_addresses_only_the_permitted_is_used() -> None:
    names = Names(mixed_test=[["10.0.0.1", "127.0.0.1", "192.168.0.1"]])
    async with serving(picture) as port:
        assert await fetcher(names=names).get(f"http://mixed.test:{port}/a") == b"bytes of /a"


async def test_rebinding_gains_nothing() -> None:
    """The name is public when checked and would be private when asked again: it is asked once."""
    names = Names(rebind_test=[["127.0.0.1"], ["10.0.0.1"]])
    policy = Loopback()
    async with serving(picture) as port:
        assert await fetcher(policy, names).get(f"http://rebind.test:{port}/a") == b"bytes of /a"
    assert names.asked == ["rebind.test"]
    assert policy.asked == [("rebind.test", "127.0.0.1")]
    with pytest.raises(FetchError, match="may not"):
        await fetcher(policy, names).get(f"http://rebind.test:{port}/a")


@pytest.mark.parametrize(
    "target", ["http://inner.test/", "http://10.0.0.1/", "http://[::1]/", "//10.0.0.1/x"]
)
async def test_redirects_are_checked_too(target: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    names = Names(pictures_test=[["127.0.0.1"]], inner_test=[["10.0.0.1"]])
    async with serving(handler) as port:
        with pytest.raises(FetchError, match="may not be fetched"):
            await fetcher(names=names).get(f"http://pictures.test:{port}/")


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://pictures.test/",
        "gopher://x/",
        "data:image/png,x",
        "",
        "http://u:p@pictures.test/",
    ],
)
async def test_redirects_keep_to_the_web(target: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": target})

    async with serving(handler) as port:
        with pytest.raises(FetchError):
            await fetcher().get(f"http://pictures.test:{port}/")


async def test_redirects_are_followed_and_counted() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        left = int(request.path.strip("/"))
        return (
            web.Response(status=301, headers={"Location": f"/{left - 1}"})
            if left
            else web.Response(body=b"there")
        )

    async with serving(handler) as port:
        one = fetcher(max_redirects=3)
        assert await one.get(f"http://pictures.test:{port}/3") == b"there"
        with pytest.raises(FetchError, match="more than 3 redirects"):
            await one.get(f"http://pictures.test:{port}/4")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pictures.test/a.png",
        "file:///etc/passwd",
        "ftp://pictures.test/a",
        "http://",
        "http:///a",
        "http://user:secret@pictures.test/a",
        "http://user@pictures.test/a",
        "http://[::1/a",
        "http://pictures.test:99999/",
        "http://pictures.test:0/",
        "http://pictures.test/\r\nHost: x",
        "javascript:alert(1)",
        "http://" + "a" * 5000,
    ],
)
async def test_bad_addresses(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        await fetcher().get(url)
    assert "secret" not in str(caught.value)


async def test_size_is_bounded_by_head_and_by_stream() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        if request.path == "/head":
            return web.Response(body=bytes(5000))
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(bytes(1000))
            sent += 1000
        return response

    async with serving(handler) as port:
        for path in ("head", "stream"):
            with pytest.raises(FetchError, match="larger than 2,000 bytes"):
                await fetcher(max_bytes=2000).get(f"http://pictures.test:{port}/{path}")
        assert len(await fetcher(max_bytes=5000).get(f"http://pictures.test:{port}/head")) == 5000
    assert sent < 5_000_000


async def test_time_is_bounded_however_it_drips() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async with serving(handler) as port, asyncio.timeout(60):
        with pytest.raises(FetchError, match="within 0"):
            await fetcher(seconds=0.5).get(f"http://pictures.test:{port}/")


async def test_compressed_answers_are_refused() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"})

    async with serving(handler) as port:
        with pytest.raises(FetchError, match="compressed"):
            await fetcher().get(f"http://pictures.test:{port}/")


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (404, "image/png", b"x", "404"),
        (500, "image/png", b"x", "500"),
        (206, "image/png", b"x", "206"),
        (200, "text/html", b"<!DOCTYPE html><title>x</title>", "web page"),
        (200, "image/png", b"\n<html><body>Not found</body></html>", "web page"),
    ],
)
async def test_answers_that_are_no_picture(status: int, kind: str, body: bytes, words: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type=kind)

    async with serving(handler) as port:
        with pytest.raises(FetchError, match=words):
            await fetcher().get(f"http://pictures.test:{port}/")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
)
async def test_broken_servers(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(FetchError):
            await fetcher().get(f"http://pictures.test:{port}/")


async def test_unknown_names_and_closed_ports() -> None:
    with pytest.raises(FetchError, match="cannot be reached"):
        await fetcher().get("http://nowhere.test/")
    with pytest.raises(FetchError, match="cannot be reached"):
        await fetcher().get("http://pictures.test:1/")


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with serving(picture) as port:
        assert await fetcher().get(f"http://pictures.test:{port}/a") == b"bytes of /a"


async def test_certificates_are_verified() -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("pictures.test").configure_cert(server)
    authority.configure_trust(client)

    def connector(resolver: AbstractResolver) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, ssl=client)

    names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    async with serving(picture, server) as port:
        trusting = Fetcher(IntakeSettings(), Loopback(), resolver=names, connector_factory=connector)
        assert await trusting.get(f"https://pictures.test:{port}/a") == b"bytes of /a"
        with pytest.raises(FetchError):
            await trusting.get(f"https://other.test:{port}/a")
        with pytest.raises(FetchError):
            await fetcher(names=names).get(f"https://pictures.test:{port}/a")


async def test_configured_endpoints_are_reached_and_only_they() -> None:
    async with serving(picture) as port, serving(picture) as other:
        one = Fetcher(IntakeSettings(), Allow.of([("127.0.0.1", port)]))
        assert await one.get(f"http://127.0.0.1:{port}/a") == b"bytes of /a"
        with pytest.raises(FetchError):
            await one.get(f"http://127.0.0.1:{other}/a")
