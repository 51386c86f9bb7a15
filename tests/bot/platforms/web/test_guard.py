"""Who may come in, and what a stranger's page cannot make the browser do."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from agent.errors import PlatformError
from bot.platforms.web.guard import HEADERS, choose_token
from bot.settings import WebSettings
from tests.bot.platforms.web.conftest import visitor
from tests.bot.platforms.web.stand import Stand, stand

ASKED = [
    ("GET", "/api/characters"),
    ("GET", "/api/faces/sherlock-holmes.png"),
    ("POST", "/api/conversations"),
    ("GET", "/api/conversations/c-0123456789abcdef"),
    ("GET", "/api/conversations/c-0123456789abcdef/events"),
    ("POST", "/api/conversations/c-0123456789abcdef/messages"),
    ("POST", "/api/commands"),
    ("GET", "/api/dialogues"),
    ("GET", "/api/dialogues/x"),
    ("GET", "/api/pictures/" + "0" * 64),
    ("POST", "/api/turns/t1/reactions"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_without_the_token_nothing_opens(
    here: Stand, stranger: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with stranger.request(method, path) as answer:
        assert answer.status == 401
        assert "link" in (await answer.json())["error"]["what"]
    assert not here.inbox.events
    assert not here.inbox.commands


async def test_the_token_becomes_a_cookie_and_leaves_the_address(here: Stand) -> None:
    async with visitor(here, known=False) as session:
        async with session.get(here.platform.address, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            given = answer.headers["Set-Cookie"]
        assert "HttpOnly" in given
        assert "SameSite=Strict" in given
        token = URL(here.platform.address).query["token"]
        assert token not in given
        async with session.get("/") as answer:
            assert answer.status == 200
            assert token not in await answer.text()


async def test_a_wrong_token_shows_the_door(stranger: aiohttp.ClientSession) -> None:
    async with stranger.get("/?token=wrong") as answer:
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers
        assert 'name="token"' in await answer.text()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""]
)
async def test_a_rebound_name_is_refused(here: Stand, guest: aiohttp.ClientSession, host: str) -> None:
    port = urlsplit(here.origin).port
    for path in ("/", "/static/main.js", "/api/characters"):
        async with guest.get(path, headers={"Host": host.format(port=port)}) as answer:
            assert answer.status == 421, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_pages_cannot_drive_it(
    here: Stand, guest: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    for method, path in ASKED[:-1]:
        async with guest.request(method, path, headers=headers) as answer:
            assert answer.status == 403, path
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert not here.inbox.events
    assert not here.inbox.commands


async def test_a_change_must_say_where_it_comes_from(here: Stand, guest: aiohttp.ClientSession) -> None:
    cookies = {c.key: c.value for c in guest.cookie_jar}
    async with (
        aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as bare,
        bare.post(f"{here.origin}/api/conversations", cookies=cookies) as answer,
    ):
        assert answer.status == 403


async def test_every_answer_carries_the_headers(guest: aiohttp.ClientSession) -> None:
    for path in ("/", "/static/main.js", "/api/characters", "/api/dialogues/none", "/static/none.js"):
        async with guest.get(path) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
            assert "Access-Control-Allow-Origin" not in answer.headers
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/static/../platform.py",
        "/static/..%2fplatform.py",
        "/static/%2e%2e/platform.py",
        "/static/....//platform.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/.",
        "/api/pictures/..%2f..%2f..%2fetc%2fpasswd",
        "/api/pictures/" + "A" * 64,
        "/api/pictures/" + "0" * 63 + "%0a",
        "/api/faces/..%2f..%2fx.png",
        "/api/conversations/..%2fx",
        "/api/dialogues/..%2f..%2fx",
    ],
)
async def test_there_is_nothing_to_climb_out_of(guest: aiohttp.ClientSession, path: str) -> None:
    async with guest.get(URL(path, encoded=True)) as answer:
        assert answer.status == 404, path
        assert "import" not in await answer.text()


def test_tokens() -> None:
    assert choose_token("", "127.0.0.1") != choose_token("", "localhost")
    assert len(choose_token("", "::1")) >= 32
    assert choose_token("a-token-of-some-length", "0.0.0.0") == "a-token-of-some-length"
    for host in ("0.0.0.0", "::", "192.168.1.5", "vignette.example"):
        with pytest.raises(PlatformError, match="open to everyone") as caught:
            choose_token("", host)
        assert "VIGNETTE_WEB_TOKEN" in str(caught.value)
    with pytest.raises(PlatformError, match="fewer than 16"):
        choose_token("short", "127.0.0.1")


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlatformError, match=f"port {port} is in use") as caught:
            async with stand(tmp_path, settings=WebSettings(port=port)):
                pass
    assert caught.value.where == "bot.web.port"


async def test_further_hosts_can_be_allowed(tmp_path: Path) -> None:
    settings = WebSettings(port=0, allowed_hosts=("vignette.example", "other.example:8443"))
    async with stand(tmp_path, settings=settings) as here, visitor(here) as guest:
        for host, status in (("vignette.example", 200), ("other.example:8443", 200), ("other.example", 421)):
            async with guest.get(
                "/api/characters", headers={"Host": host, "Origin": f"https://{host}"}
            ) as answer:
                assert answer.status == status, host


async def test_strangers_elsewhere_are_told_apart(tmp_path: Path) -> None:
    """Bound to every address (tried over loopback), each browser is a person who sees only their own."""
    settings, token = WebSettings(port=0, host="0.0.0.0"), "a-token-of-some-length"
    async with stand(tmp_path, settings=settings, token=token) as here:
        people = []
        for _ in range(2):
            async with visitor(here) as guest:
                url = "/api/conversations/c-0123456789abcdef/messages"
                await guest.post(url, json={"id": "m1", "words": "Hello", "call_me": " Ann\n\u202e"})
                await guest.get("/api/dialogues")
            author = here.inbox.messages()[-1].author
            people.append(author.key)
            assert (author.name, author.manager) == ("Ann", False)
        assert people[0] != people[1]
        assert here.archive.asked == people
        refused = {"Host": "evil.example"}
        async with visitor(here) as guest, guest.get("/api/characters", headers=refused) as answer:
            assert answer.status == 421


async def test_a_broken_handler_is_an_answer_and_a_log(
    here: Stand, guest: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    here.inbox.failure = RuntimeError("secret detail")
    url = "/api/conversations/c-0123456789abcdef/messages"
    async with guest.post(url, json={"id": "m1", "words": "Hello"}) as answer:
        assert answer.status == 500
        assert "secret" not in await answer.text()
    assert "secret detail" in caplog.text
    await asyncio.sleep(0)
    names = [e.name for e in here.platform.hub.log("c-0123456789abcdef").events]
    assert names == ["human-turn", "human-withdrawn"]
