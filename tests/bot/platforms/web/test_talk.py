"""Messages, pictures, commands and reactions on their way in."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from agent.errors import Busy
from agent.settings import IntakeSettings
from tests.bot.platforms.web.conftest import visitor
from tests.bot.platforms.web.stand import MemoryCast, Stand, character, stand

PLACE = "c-0123456789abcdef"
URL = f"/api/conversations/{PLACE}/messages"


def form(body: object, *pictures: bytes, name: str = "a.png", kind: str = "image/png") -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("body", json.dumps(body))
    for data in pictures:
        made.add_field("picture", io.BytesIO(data), filename=name, content_type=kind)
    return made


async def test_words_and_pictures_become_one_message(
    here: Stand, guest: aiohttp.ClientSession, png: bytes
) -> None:
    body = {
        "id": "b1",
        "words": "Look",
        "characters": ["sherlock-holmes", "sherlock-holmes"],
        "call_me": "Ann",
    }
    async with guest.post(URL, data=form(body, png, png)) as answer:
        assert answer.status == 202
        id = (await answer.json())["id"]
    (message,) = here.inbox.messages()
    assert (message.id, message.text, message.addressed) == (id, "Look", ("sherlock-holmes",))
    assert (message.author.name, message.author.manager, message.place.key) == ("Ann", True, f"web:{PLACE}")
    assert message.place.private
    first, second = message.attachments
    assert first == second
    async with guest.get(f"/api/pictures/{first.sha256}") as answer:
        assert answer.content_type == "image/png"
        assert "immutable" in answer.headers["Cache-Control"]
        data = await answer.read()
    assert hashlib.sha256(data).hexdigest() == first.sha256


async def test_a_repeat_is_the_same_message(here: Stand, guest: aiohttp.ClientSession) -> None:
    ids = []
    for place in (PLACE, PLACE, "c-another-conversation"):
        body = {"id": "b1", "words": "Once"}
        async with guest.post(f"/api/conversations/{place}/messages", json=body) as answer:
            ids.append((await answer.json())["id"])
    assert ids[0] == ids[1] != ids[2]
    shown = [e for e in here.platform.hub.log(PLACE).events if e.name == "human-turn"]
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "b1", "words": "  "}, 400),
        ({"words": "no id"}, 400),
        ({"id": "b1", "words": "x" * 8_001}, 400),
        ({"id": "b1", "words": 5}, 400),
        ({"id": "b1", "words": "x", "more": 1}, 400),
        ({"id": "b1\n", "words": "x"}, 400),
        ({"id": "b1", "words": "x", "characters": ["nobody"]}, 404),
        ({"id": "b1", "words": "x", "characters": ["../x"]}, 400),
        ([], 400),
        ("x" * 70_000, 413),
    ],
)
async def test_bad_bodies_are_named_and_not_taken(
    here: Stand, guest: aiohttp.ClientSession, body: object, status: int
) -> None:
    async with guest.post(URL, json=body) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["what"]
    assert not here.inbox.events


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"words", "text/plain", 415),
        (b"", "multipart/form-data", 400),
        (b"garbage", "multipart/form-data; boundary=x", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="picture"\r\n\r\nx\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\n{"id":"b',
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
async def test_broken_requests(
    here: Stand, guest: aiohttp.ClientSession, data: bytes, kind: str, status: int
) -> None:
    async with guest.post(URL, data=data, headers={"Content-Type": kind}) as answer:
        assert answer.status == status, await answer.text()
    assert not here.inbox.events


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a.svg"),
        (b"<!doctype html><script>alert(1)</script>", "a.png"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "a.png"),
        (b"", "empty.png"),
    ],
)
async def test_what_is_no_picture_is_refused(
    here: Stand, guest: aiohttp.ClientSession, data: bytes, name: str
) -> None:
    body = {"id": "b1", "words": "Look"}
    async with guest.post(URL, data=form(body, data, name=name, kind="image/svg+xml")) as answer:
        assert answer.status == 422
        assert (await answer.json())["error"]["what"]
    assert not here.inbox.events
    async with guest.get(f"/api/pictures/{hashlib.sha256(data).hexdigest()}") as answer:
        assert answer.status == 404


async def test_a_polyglot_loses_its_other_half(here: Stand, guest: aiohttp.ClientSession, png: bytes) -> None:
    script = b"<script>alert(1)</script>"
    async with guest.post(
        URL, data=form({"id": "b1"}, png + script, name="a.html", kind="text/html")
    ) as answer:
        assert answer.status == 202
    (message,) = here.inbox.messages()
    async with guest.get(f"/api/pictures/{message.attachments[0].sha256}") as answer:
        assert answer.content_type == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert script not in await answer.read()


async def test_uploads_have_limits(tmp_path: Path, png: bytes) -> None:
    limits = IntakeSettings(max_bytes=50_000, per_turn=2)
    noise = io.BytesIO()
    Image.effect_noise((400, 400), 100).save(noise, "PNG")
    assert len(noise.getvalue()) > 50_000
    async with stand(tmp_path, limits=limits) as here, visitor(here) as guest:
        async with guest.post(URL, data=form({"id": "b1"}, noise.getvalue())) as answer:
            assert answer.status == 413
        async with guest.post(URL, data=form({"id": "b2"}, png, png, png)) as answer:
            assert answer.status == 413
            assert "at most 2" in (await answer.json())["error"]["what"]
        assert not here.inbox.events


async def test_a_large_photograph_passes(here: Stand, guest: aiohttp.ClientSession) -> None:
    photo = io.BytesIO()
    Image.effect_noise((2_000, 1_600), 100).save(photo, "PNG")
    assert 2_000_000 < len(photo.getvalue()) < 20_000_000
    async with guest.post(URL, data=form({"id": "b1"}, photo.getvalue())) as answer:
        assert answer.status == 202, await answer.text()
    assert here.inbox.messages()[0].attachments


async def test_a_command_carries_its_pictures(here: Stand, guest: aiohttp.ClientSession, png: bytes) -> None:
    arguments = {"first": "sherlock-holmes", "second": "ada-lovelace", "turns": 2, "about": "light"}
    body = {"id": "b1", "place": PLACE, "name": "duet", "arguments": arguments}
    async with guest.post("/api/commands", data=form(body, png)) as answer:
        assert (await answer.json())["private"] is False
    (command,) = here.inbox.commands
    assert command.arguments == arguments
    assert len(command.attachments) == 1
    names = [e.name for e in here.platform.hub.log(PLACE).events]
    assert names.index("human-turn") < names.index("notice")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "b1", "place": PLACE, "name": "Bad Name"},
        {"id": "b1", "place": "somewhere", "name": "new"},
        {"id": "b1", "place": PLACE, "name": "new", "arguments": {"x": ["list"]}},
        {"id": "b1", "place": PLACE, "name": "new", "arguments": {str(n): 1 for n in range(30)}},
    ],
)
async def test_bad_commands(here: Stand, guest: aiohttp.ClientSession, body: object) -> None:
    async with guest.post("/api/commands", json=body) as answer:
        assert answer.status == 400
    assert not here.inbox.commands


async def test_a_refused_command_takes_its_pictures_back(
    here: Stand, guest: aiohttp.ClientSession, png: bytes
) -> None:
    arguments = {"first": "ada-lovelace", "second": "ada-lovelace", "turns": 2}
    body = {"id": "b1", "place": PLACE, "name": "duet", "arguments": arguments}
    async with guest.post("/api/commands", data=form(body, png)) as answer:
        assert (await answer.json())["private"] is True
    assert [e.name for e in here.platform.hub.log(PLACE).events] == ["human-turn", "human-withdrawn"]
    async with guest.get(f"/api/conversations/{PLACE}") as answer:
        assert (await answer.json())["heard"] == []


async def test_reactions(here: Stand, guest: aiohttp.ClientSession) -> None:
    for removed in (False, True):
        body = {"place": PLACE, "emoji": "👍", "removed": removed}
        async with guest.post("/api/turns/t0001/reactions", json=body) as answer:
            assert answer.status == 202
    first, second = here.inbox.reactions()
    assert (first.id, first.emoji, first.removed, second.removed) == ("t0001", "👍", False, True)


async def test_a_busy_house_says_when(here: Stand, guest: aiohttp.ClientSession) -> None:
    here.inbox.failure = Busy("too many at once", retry_after=3.2, mend="wait")
    async with guest.post(URL, json={"id": "b1", "words": "Hi"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert (await answer.json())["error"] == {"what": "too many at once", "mend": "wait"}


async def test_an_endless_upload_ends(
    here: Stand, guest: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.web.uploads.SECONDS", 0.2)

    async def drip() -> AsyncIterator[bytes]:
        yield b'{"id":'
        await asyncio.sleep(5)
        yield b'"b1"}'

    async with guest.post(URL, data=drip(), headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 408


async def test_the_cast_without_the_age_restricted(tmp_path: Path) -> None:
    people = {
        "a": character("a", "Ann", "Here", "Hello"),
        "b": character("b", "Bea", "Here", "Hello", adult=True),
    }
    async with stand(tmp_path, cast=MemoryCast(people)) as here, visitor(here) as guest:
        async with guest.get("/api/characters") as answer:
            assert [c["id"] for c in (await answer.json())["characters"]] == ["a"]
        async with guest.get("/api/faces/a.png") as answer:
            assert answer.content_type == "image/png"
            tag = answer.headers["ETag"]
        async with guest.get("/api/faces/a.png", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_a_card_speaks_to_whoever_reads_it(tmp_path: Path) -> None:
    cast = MemoryCast({"ada": character("ada", "Ada", "London", "Good day, {{user}}; {{char}} is here.")})
    async with stand(tmp_path, cast=cast) as here, visitor(here) as guest:
        for called, name in (("", "you"), ("?call_me=Kim%0A" + "m" * 60, "Kim" + "m" * 36)):
            async with guest.get(f"/api/characters{called}") as answer:
                told = (await answer.json())["characters"][0]["greeting"]
            assert told == f"Good day, {name}; Ada is here."
