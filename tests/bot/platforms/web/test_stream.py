"""Events of a conversation: in order, replayed after a gap, and never a burden for the bot."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from agent.errors import Busy
from bot.events import Outgoing, Place
from bot.platforms.web import hub as hub_module
from bot.platforms.web.hub import LOG, QUEUE, Hub
from bot.platforms.web.stream import encode
from tests.bot.platforms.web.stand import Stand
from tests.waiting import eventually

PLACE = "c-0123456789abcdef"
URL = f"/api/conversations/{PLACE}/events"
Event = tuple[str, str, dict[str, Any]]


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """(id, name, data) of each event, by the specification's rules."""
    fields: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "data" in fields:
            yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
            fields = {}


async def some(answer: aiohttp.ClientResponse, number: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(60):
        async with contextlib.aclosing(events(answer)) as stream:  # type: ignore[type-var]
            async for event in stream:
                found.append(event)
                if len(found) == number:
                    break
    return found


def outgoing(id: str = "t1") -> Outgoing:
    return Outgoing(id, Place("web", PLACE), "sherlock-holmes", "Sherlock Holmes")


async def test_a_reply_streams(here: Stand, guest: aiohttp.ClientSession) -> None:
    async with guest.get(URL) as answer:
        assert answer.content_type == "text/event-stream"
        delivery = await here.platform.open(outgoing())
        await delivery.update("Du")
        await delivery.update("Dust")
        await delivery.update("Sand")
        assert await delivery.finish("Sand.") == ("t1",)
        got = await some(answer, 5)
    assert [name for _, name, _ in got] == ["turn-open", *["turn-update"] * 3, "turn-finish"]
    assert [d.get("more", d.get("text")) for _, _, d in got] == ["", "Du", "st", "Sand", "Sand."]


async def test_after_a_gap_only_what_was_missed(here: Stand, guest: aiohttp.ClientSession) -> None:
    async with guest.get(URL) as answer:
        await here.platform.notice(Place("web", PLACE), "one")
        ((id, _, _),) = await some(answer, 1)
    for words in ("two", "three"):
        await here.platform.notice(Place("web", PLACE), words)
    async with guest.get(URL, headers={"Last-Event-ID": id}) as answer:
        assert [d["words"] for _, _, d in await some(answer, 2)] == ["two", "three"]
    async with guest.get(URL, params={"after": id}) as answer:
        assert [d["words"] for _, _, d in await some(answer, 2)] == ["two", "three"]


@pytest.mark.parametrize("id", ["deadbeef-3", "nonsense", "-", "x" * 5_000])
async def test_an_unknown_id_means_resync(here: Stand, guest: aiohttp.ClientSession, id: str) -> None:
    await here.platform.notice(Place("web", PLACE), "one")
    async with guest.get(URL, headers={"Last-Event-ID": id}) as answer:
        assert [name for _, name, _ in await some(answer, 1)] == ["resync"]
        assert await answer.content.read() == b""


async def test_a_snapshot_and_the_stream_leave_no_gap(here: Stand, guest: aiohttp.ClientSession) -> None:
    delivery = await here.platform.open(outgoing())
    await delivery.update("Half")
    await guest.post(f"/api/conversations/{PLACE}/messages", json={"id": "b1", "words": "Hello"})
    async with guest.get(f"/api/conversations/{PLACE}") as answer:
        state = await answer.json()
    assert [t["text"] for t in state["live"]] == ["Half"]
    assert [t["text"] for t in state["heard"]] == ["Hello"]
    assert [t["text"] for t in state["turns"]] == ["Hello"]
    assert state["heard"][0]["id"] == state["turns"][0]["message_id"]
    await delivery.finish("Half of it.")
    async with guest.get(URL, params={"after": state["after"]}) as answer:
        ((_, name, data),) = await some(answer, 1)
    assert (name, data["text"]) == ("turn-finish", "Half of it.")


async def test_a_page_knows_of_a_duet_that_began_before_it_was_opened(
    here: Stand, guest: aiohttp.ClientSession
) -> None:
    place = outgoing().place
    for running in (True, False):
        await here.platform.duet(place, running)
        async with guest.get(f"/api/conversations/{place.id}") as answer:
            assert (await answer.json())["duet"] is running
    assert [e.data for e in here.platform.hub.log(place.id).events] == [{"running": True}, {"running": False}]


async def test_heartbeats(guest: aiohttp.ClientSession) -> None:
    async with guest.get(URL) as answer, asyncio.timeout(60):
        await answer.content.readuntil(b": still here\n\n")


async def test_a_reader_that_does_not_read_burdens_nobody(here: Stand, guest: aiohttp.ClientSession) -> None:
    """A real socket whose other end takes nothing: the bot does not wait for it, others are served."""
    host, _, port = here.origin.removeprefix("http://").partition(":")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the system would take megabytes in its place
    deaf.setblocking(False)
    await asyncio.get_running_loop().sock_connect(deaf, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=deaf, limit=1)
    cookie = "; ".join(f"{c.key}={c.value}" for c in guest.cookie_jar)
    writer.write(f"GET {URL} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    log = here.platform.hub.log(PLACE)
    await eventually(lambda: log.watchers)
    (watcher,) = log.watchers
    delivery = await here.platform.open(outgoing())
    text = ""
    for n in range(30_000):
        text = f"{text}{'x' * 2_000}" if n % 50 else "again "
        await delivery.update(text)
        if n % 100 == 0:
            await asyncio.sleep(0)
        if not log.watchers:
            break
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    del reader
    assert watcher.lost, "cut loose because its queue was full: nobody waited until a write to it timed out"
    async with guest.get(URL) as answer:
        await delivery.finish("All.")
        assert [(name, data["text"]) for _, name, data in await some(answer, 1)] == [("turn-finish", "All.")]


def test_a_slow_watcher_is_cut_loose_and_told() -> None:
    hub = Hub()
    slow = hub.watch(PLACE, "")
    for n in range(QUEUE + 1):
        hub.publish(PLACE, "notice", {"words": str(n)})
    assert slow.lost
    assert slow.queue.get_nowait() is None
    assert slow.queue.empty()
    late = hub.watch(PLACE, hub.log(PLACE).cursor)
    hub.publish(PLACE, "notice", {"words": "on"})
    event = late.queue.get_nowait()
    assert event is not None
    assert event.data == {"words": "on"}


def test_the_log_is_bounded_and_says_what_it_forgot() -> None:
    hub = Hub()
    start = hub.log(PLACE).cursor
    for n in range(LOG + 10):
        hub.publish(PLACE, "notice", {"words": str(n)})
    log = hub.log(PLACE)
    assert len(log.events) == LOG
    assert log.since(start) is None
    assert log.since(log.events[0].id) is not None
    assert log.since(f"{log.epoch}-999999") is None


def test_updates_of_a_finished_turn_are_forgotten() -> None:
    hub = Hub()
    start = hub.log(PLACE).cursor
    for name in ("turn-open", "turn-update", "turn-update", "turn-finish"):
        hub.publish(PLACE, name, {"turn": "t1", "after": "", "more": "x"})
    missed = hub.log(PLACE).since(start)
    assert missed is not None
    assert [e.name for e in missed] == ["turn-open", "turn-finish"]


def test_quiet_places_are_forgotten_busy_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PLACES", 3)
    hub = Hub()
    hub.watch("c-watched", "")
    hub.log("c-live").live["t1"] = {}
    for n in range(10):
        hub.publish(f"c-{n}", "notice", {})
    assert {"c-watched", "c-live"} <= set(hub._logs)
    assert len(hub._logs) <= 5


def test_streams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "WATCHERS", 2)
    hub = Hub()
    first = hub.watch(PLACE, "")
    hub.watch(PLACE, "")
    with pytest.raises(Busy):
        hub.watch(PLACE, "")
    hub.leave(first)
    hub.leave(first)
    hub.watch(PLACE, "")


def test_words_cannot_forge_an_event() -> None:
    hub = Hub()
    hub.publish(PLACE, "notice", {"words": "a\n\nevent: turn-finish\ndata: {}\r\u2028\n\n"})
    raw = encode(hub.log(PLACE).events[0]).decode()
    assert raw.count("\n") == 4
    assert "\r" not in raw
    assert "\u2028" not in raw


async def test_what_was_answered_is_no_longer_waiting(here: Stand, guest: aiohttp.ClientSession) -> None:
    body = {"id": "b1", "words": "Hello", "characters": ["ada-lovelace"]}
    async with guest.get(URL) as answer:
        await guest.post(f"/api/conversations/{PLACE}/messages", json=body)
        names = [name for _, name, _ in await some(answer, 3)]
    assert names[:2] == ["human-turn", "turn-open"]
    assert here.platform.hub.log(PLACE).heard() == []


async def test_stopping_ends_open_streams_at_once(here: Stand, guest: aiohttp.ClientSession) -> None:
    async with guest.get(URL) as answer:
        here.platform.hub.close()
        async with asyncio.timeout(60):
            await answer.content.read()


async def test_forgetting_reaches_the_logs(here: Stand, guest: aiohttp.ClientSession) -> None:
    await guest.post(f"/api/conversations/{PLACE}/messages", json={"id": "b1", "words": "my secret"})
    log = here.platform.hub.log(PLACE)
    seen = log.cursor
    body = {"id": "b2", "place": PLACE, "name": "forget", "arguments": {"confirm": "yes"}}
    await guest.post("/api/commands", json=body)
    assert not [e for e in log.events if "secret" in str(e.data)]
    assert log.heard() == []
    assert log.since(seen) is None
