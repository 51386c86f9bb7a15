"""Lorebooks that come alone: kept as they came, attached, and at work beside a character's own."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from agent import lore
from agent.cards import read_lorebook, write_lorebook
from agent.cast.lorebooks import Lorebooks
from agent.character import Character, Kind, Lorebook, LoreEntry, Profile
from agent.errors import CardError, CharacterError
from agent.lore.joining import joined
from tests.agent.cards.test_dialects import FILES

OWN = Lorebook((LoreEntry("own", ("owl",)),), scan_depth=2)
LI = Character("li-bai", "Li Bai", "Tang", Kind.HISTORICAL, Profile("A poet."), lorebook=OWN)


def world(*keys: str, content: str = "birds", **more: Any) -> bytes:
    return json.dumps({"entries": {"0": {"uid": 0, "key": list(keys), "content": content}}, **more}).encode()


def told(book: Lorebook | None, *recent: str) -> list[str]:
    assert book is not None
    found = lore.triggered(
        book, recent, count=len, token_budget=99, scan_depth=4, rng=random.Random(0), turn_count=1
    )
    return [e.content for e in found]


def test_a_book_is_kept_as_it_came(tmp_path: Path) -> None:
    books = Lorebooks(tmp_path / "lorebooks")
    assert books.ids() == []
    assert books.attached() == {"characters": {}, "channels": {}}
    assert books.add(world("owl", name="Night Birds", odd=[1]))[0] == "night-birds"
    assert books.add(world("owl"), name_hint="Day Birds")[0] == "day-birds"
    assert books.add(world("owl"), name_hint="Day Birds")[0] == "day-birds"
    assert books.ids() == ["day-birds", "night-birds"]
    assert books.get("night-birds").raw["odd"] == [1]
    assert told(books.get("day-birds").book, "an owl") == ["birds"]
    with pytest.raises(CharacterError, match="belongs to another"):
        books.add(world("hawk"), "day-birds")
    books.add(world("hawk"), "day-birds", force=True)
    assert told(books.get("day-birds").book, "an owl") == []


@pytest.mark.parametrize("book_id", ["attached", "../x", "A B"])
def test_an_id_is_a_safe_name(tmp_path: Path, book_id: str) -> None:
    with pytest.raises(CharacterError, match="cannot be a lorebook's id"):
        Lorebooks(tmp_path).add(world("owl"), book_id)
    with pytest.raises(CharacterError, match="there is no lorebook"):
        Lorebooks(tmp_path).get(book_id)


def test_attached_books_work_beside_the_own_one(tmp_path: Path) -> None:
    books = Lorebooks(tmp_path)
    books.add(world("owl"), "birds")
    books.add(world("owl", content="here"), "place")
    assert books.equip(LI, "discord:1") is LI
    books.attach("birds", "characters", "li-bai")
    books.attach("place", "channels", "discord:1")
    here, there = books.equip(LI, "discord:1"), books.equip(LI, "discord:2")
    assert told(here.lorebook, "an owl") == ["own", "birds", "here"]
    assert told(there.lorebook, "an owl") == ["own", "birds"]
    assert len({LI.version, here.version, there.version}) == 3
    assert books.equip(LI, "discord:1") is here
    assert LI.lorebook == OWN
    books.attach("birds", "characters", "li-bai", on=False)
    assert told(books.equip(LI, "discord:1").lorebook, "an owl") == ["own", "here"]
    books.remove("place")
    assert books.attached() == {"characters": {}, "channels": {}}
    assert books.equip(LI, "discord:1") is LI
    with pytest.raises(CharacterError, match="there is no lorebook 'place'"):
        books.attach("place", "channels", "discord:1")


def test_a_changed_book_is_read_again(tmp_path: Path) -> None:
    books = Lorebooks(tmp_path)
    books.add(world("owl"), "birds")
    books.attach("birds", "characters", "li-bai")
    books.equip(LI, "")
    books.add(world("owl", content="other birds"), "birds", force=True)
    assert told(books.equip(LI, "").lorebook, "owl") == ["own", "other birds"]


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"characters": 3}', b'{"characters": {"li-bai": 3}}'])
def test_a_damaged_list_silences_nobody(tmp_path: Path, damage: bytes) -> None:
    books = Lorebooks(tmp_path)
    (tmp_path / "attached.json").write_bytes(damage)
    assert books.equip(LI, "discord:1") is LI
    with pytest.raises(CharacterError, match="damaged"):
        books.attached()


def test_a_damaged_book_is_left_out(tmp_path: Path) -> None:
    books = Lorebooks(tmp_path)
    for book_id in ("birds", "beasts"):
        books.add(world("owl", content=book_id), book_id)
        books.attach(book_id, "characters", "li-bai")
    (tmp_path / "birds.json").write_text("{")
    assert told(books.equip(LI, "").lorebook, "owl") == ["own", "beasts"]


def test_joined_books_behave_as_each_did_alone() -> None:
    shallow = Lorebook((LoreEntry("a", ("owl",)),), scan_depth=1, token_budget=10)
    calling = Lorebook(
        (LoreEntry("the moon", ("owl",)), LoreEntry("tide", ("moon",))), recursive=True, token_budget=20
    )
    quiet = Lorebook(
        (LoreEntry("the sun", ("owl",)), LoreEntry("no", ("moon",)), LoreEntry("never", ("sun",)))
    )
    both = joined([shallow, calling, quiet])
    assert told(both, "owl") == ["a", "the moon", "tide", "the sun"]
    assert told(both, "owl", "x") == ["the moon", "tide", "the sun"]
    assert both is not None
    assert both.token_budget is None
    assert (joined([shallow, calling]) or quiet).token_budget == 30
    assert joined([quiet]) is quiet
    assert joined([]) is None


@pytest.mark.parametrize("tool", FILES)
def test_an_exported_book_means_the_same(tool: str) -> None:
    first = read_lorebook(json.dumps(FILES[tool]).encode())
    made = write_lorebook(first.raw)
    assert made["spec"] == "lorebook_v3"
    again = read_lorebook(json.dumps(made).encode())
    assert again.book.entries == first.book.entries
    assert again.repairs == ()


def test_what_mending_replaced_is_exported_too() -> None:
    raw = {
        "entries": [{"keys": "owl", "content": 3, "enabled": "yes"}],
        "extensions": {"vignette": {"mine": 1}},
    }
    ours = write_lorebook(raw)["data"]["extensions"]["vignette"]
    assert ours["mine"] == 1
    assert set(ours["originals"].values()) == {"owl", 3, "yes"}
    with pytest.raises(CardError, match="no lorebook"):
        write_lorebook({"entries": 3})
