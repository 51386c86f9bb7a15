"""An address is asked for byte for byte, and what comes back is judged by its bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.errors import FetchError
from agent.fetch import joined, written
from tests.agent.test_fetch import fetcher

PNG = b"\x89PNG\r\n\x1a\n and pixels"


@asynccontextmanager
async def server(head: bytes, location: bytes = b"") -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers with `head` and a picture's bytes; /start redirects to `location`. Yields port and paths asked for."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        asked.append(path)
        if path == b"/start":
            writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize(
    "path",
    [
        "/a%3Ab%2Fc.png",
        "/a%3fwidth=1.png",
        "/%41%7e%2e.png",
        "/it's(1).png",
        "/a.png?sig=A%2FB%2bC%3D&t=%20+x",
        "/a/../b/./c.png",
        "//double//slash.png",
        "?only=query",
    ],
)
async def test_an_address_is_asked_for_as_written(path: str) -> None:
    async with server(b"") as (port, asked):
        assert await fetcher().get(f"http://pictures.test:{port}{path}") == PNG
        assert asked == [path.encode() if path.startswith("/") else b"/" + path.encode()]


@pytest.mark.parametrize(
    ("location", "then"),
    [
        (b"/a%2Fb%3a.png?k=%2B", b"/a%2Fb%3a.png?k=%2B"),
        (b"/caf\xe9.png", b"/caf%E9.png"),
        ("/猫 1.png".encode(), b"/%E7%8C%AB%201.png"),
        (b"next.png#part", b"/next.png"),
        (b"?page=%32", b"/start?page=%32"),
    ],
)
async def test_a_redirect_is_followed_as_written(location: bytes, then: bytes) -> None:
    async with server(b"", location) as (port, asked):
        assert await fetcher().get(f"http://pictures.test:{port}/start") == PNG
        assert asked == [b"/start", then]


async def test_letters_that_no_request_may_hold_are_escaped() -> None:
    async with server(b"") as (port, asked):
        await fetcher().get(f"http://pictures.test:{port}/a b/é.png#x")
        assert asked == [b"/a%20b/%C3%A9.png"]


@pytest.mark.parametrize("word", ["UTF-8", "aws-chunked", "binary", "none", "identity", "", "utf-8, binary"])
async def test_words_that_are_no_content_coding_do_not_count(word: str) -> None:
    async with server(f"Content-Encoding: {word}\r\n".encode()) as (port, _):
        assert await fetcher().get(f"http://pictures.test:{port}/") == PNG


@pytest.mark.parametrize("word", ["gzip", "BR", "zstd", "deflate", "UTF-8, gzip", "aws-chunked,x-gzip"])
async def test_content_codings_are_refused(word: str) -> None:
    async with server(f"Content-Encoding: {word}\r\n".encode()) as (port, _):
        with pytest.raises(FetchError, match="compressed"):
            await fetcher().get(f"http://pictures.test:{port}/")


@pytest.mark.parametrize("label", ["text/html", "application/octet-stream", "nonsense", "text/plain"])
async def test_bytes_decide_what_came(label: str) -> None:
    async with server(f"Content-Type: {label}\r\n".encode()) as (port, _):
        assert await fetcher().get(f"http://pictures.test:{port}/") == PNG


@pytest.mark.parametrize(
    "url",
    ["http://a\ud800.test/\ud800", "http://a\\b.test/", "http://a b.test/", "http://a.test/\t", "http://#"],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(FetchError):
        await fetcher().get(url)


def test_a_relative_redirect_starts_from_where_it_came() -> None:
    assert joined("http://a.test/x/y?q", "z") == "http://a.test/x/z"
    assert joined("http://a.test/x/y", "//b.test/z") == "http://b.test/z"
    assert joined("http://a.test/x", "HTTP://b.test/%2f?") == "HTTP://b.test/%2f?"
    assert written("http://ä.test/ä") == "http://ä.test/%C3%A4"
