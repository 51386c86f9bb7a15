"""Files to characters and back; one bad file never hides the others."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agent.cast import Cast, dump_toml, is_id, load_character, read_toml, slug
from agent.character import Character, Kind, Lorebook, LoreEntry, Position, Profile
from agent.errors import CharacterError

GOOD = """id = "ama-serwaa"
name = "Ama Serwaa"
nickname = "Náná"
origin = "Elmina"
kind = "hypothetical"
tags = ["nets"]

[profile]
introduction = \"\"\"
Ama mends [nets] \\
on the beach.\"\"\"
personality = "Teasing."
life_story = "Born there."
relationships = "Kofi."
catchphrases = ["Not on the net!"]
"""


def put(folder: Path, name: str, text: str = GOOD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    put(tmp_path / "shipped", "ama-serwaa.toml")
    other = GOOD.replace("ama-serwaa", "kofi").replace("Ama Serwaa", "Kofi Mensah").replace("Náná", "")
    put(tmp_path / "shipped", "kofi.toml", other)
    return tmp_path / "shipped", tmp_path / "own"


def test_toml_is_read(tmp_path: Path) -> None:
    c = load_character(put(tmp_path, "x.toml"))
    assert c.id == "ama-serwaa"
    assert c.kind is Kind.HYPOTHETICAL
    assert c.profile.introduction == "Ama mends [nets] on the beach."
    assert c.profile.catchphrases == ("Not on the net!",)
    assert c.language == "English"


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ('origin = "Elmina"', 'orign = "Elmina"', 1, "origin is missing"),
        ('tags = ["nets"]', 'tagz = ["nets"]', 6, "unknown key tagz"),
        ('tags = ["nets"]', "tags = [1]", 6, "a number"),
        ('tags = ["nets"]', 'tags = "nets"', 6, "tags is a text"),
        ('kind = "hypothetical"', 'kind = "real"', 5, "kind is 'real'"),
        ('kind = "hypothetical"', "kind = true", 5, "kind is true or false"),
        ('id = "ama-serwaa"', 'id = "Ama Serwaa"', 1, "cannot be an id"),
        ('name = "Ama Serwaa"', 'name = " "', 2, "name is empty"),
        ('personality = "Teasing."', "personality = 4", 12, "personality is a number"),
        ('personality = "Teasing."\n', "", 8, "[profile] personality is missing"),
        ('life_story = "Born there."', 'lifestory = "Born there."', 8, "life_story is missing"),
        ("[profile]", "[profil]", 1, "the section [profile] is missing"),
        ('personality = "Teasing."', "personality = Teasing", 12, "not TOML"),
        ('name = "Ama Serwaa"', 'name = "Ama Serwaa"\nadult = "no"', 3, "adult is a text"),
    ],
)
def test_complaints_name_the_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = put(tmp_path, "x.toml", GOOD.replace(old, new, 1))
    with pytest.raises(CharacterError) as caught:
        load_character(path)
    assert what in caught.value.what
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.mend


def test_a_slip_of_the_pen_is_recognised() -> None:
    with pytest.raises(CharacterError, match="did you mean greeting") as caught:
        read_toml('greetin = "x"\n' + GOOD, "x.toml")
    assert caught.value.where == "x.toml:1"


def test_lorebook_lines_are_found() -> None:
    lore = '\n[lorebook]\n\n[[lorebook.entries]]\ncontent = "a"\n\n[[lorebook.entries]]\ncontent = 3\n'
    with pytest.raises(CharacterError) as caught:
        read_toml(GOOD + lore, "x.toml")
    assert caught.value.where == f"x.toml:{(GOOD + lore).split(chr(10)).index('content = 3') + 1}"


def test_not_utf8_and_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'id = "x"\nname = "\xff"\n')
    with pytest.raises(CharacterError, match="UTF-8") as caught:
        load_character(path)
    assert caught.value.where.endswith(":2")
    with pytest.raises(CharacterError, match="cannot be read"):
        load_character(tmp_path / "none.toml")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.text(
    " \t\n\\\"'ab\r\x00\x7f", max_size=250
)
lists = st.lists(texts, max_size=3).map(tuple)
numbers = st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False, width=32)
entries = st.builds(
    LoreEntry, content=texts, keys=lists, secondary_keys=lists, enabled=st.booleans(), constant=st.booleans(),
    selective=st.booleans(), use_regex=st.booleans(), case_sensitive=st.booleans(), insertion_order=numbers,
    priority=numbers, position=st.sampled_from(Position), id=texts, name=texts,
    decorators=st.dictionaries(texts, lists, max_size=2),
)  # fmt: skip
counts = st.none() | st.integers(0, 9000)
books = st.builds(
    Lorebook, entries=st.lists(entries, max_size=2).map(tuple), scan_depth=counts, token_budget=counts,
    recursive=st.booleans(), name=texts,
)  # fmt: skip
characters = st.builds(
    Character, id=st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True),
    name=texts.filter(lambda t: bool(t.strip())), origin=texts, kind=st.sampled_from(Kind),
    profile=st.builds(Profile, introduction=texts, personality=texts, life_story=texts, relationships=texts,
                      catchphrases=lists),
    language=texts, greeting=texts, other_greetings=lists, nickname=texts, scene=texts, examples=lists,
    system_prompt=texts, post_history=texts, lorebook=st.none() | books, adult=st.booleans(), tags=lists,
    creator=texts, creator_notes=texts, face=st.dictionaries(texts, texts, max_size=3),
    portrait=st.none(), card=st.just({}),
)  # fmt: skip


@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(characters)
def test_toml_round_trip(character: Character) -> None:
    written = dump_toml(character)
    again = read_toml(written, "x.toml")
    assert again == character
    assert again.version == character.version
    assert dump_toml(again) == written


def test_long_prose_is_wrapped() -> None:
    prose = "Words and more words. " * 40
    c = dataclasses.replace(read_toml(GOOD, "x"), greeting=prose)
    written = dump_toml(c)
    assert max(map(len, written.split("\n"))) <= 110
    assert read_toml(written, "x").greeting == prose


def test_a_lone_surrogate_does_not_stop_the_pen() -> None:
    c = dataclasses.replace(read_toml(GOOD, "x"), greeting="a\ud800b")
    assert read_toml(dump_toml(c), "x").greeting == "a\ufffdb"


@given(st.text(max_size=100))
def test_a_slug_is_an_id(name: str) -> None:
    assert is_id(slug(name))
    assert slug(name) == slug(name)


def test_slugs() -> None:
    assert slug("Éowyn O'Hara, the 2nd") == "eowyn-ohara-the-2nd"
    assert slug("李白") != slug("杜甫")
    assert len(slug("x" * 500)) <= 64


def test_bad_files_do_not_hide_good_ones(folders: tuple[Path, Path]) -> None:
    shipped, own = folders
    put(shipped, "broken.toml", "id = ")
    put(shipped, "twice.toml")
    put(own, "garbage.png", "no picture")
    put(own, "garbage.json", "{")
    cast = Cast.load(shipped, own)
    assert sorted(cast.characters) == ["ama-serwaa", "kofi"]
    assert len(cast.problems) == 4
    assert all(isinstance(p, CharacterError) and p.where for p in cast.problems)


def test_no_folders(tmp_path: Path) -> None:
    cast = Cast.load(tmp_path / "a", tmp_path / "b")
    assert not cast.characters
    assert len(cast.problems) == 1


def test_own_overrides_shipped(folders: tuple[Path, Path]) -> None:
    shipped, own = folders
    put(own, "mine.toml", GOOD.replace("Elmina", "Accra"))
    cast = Cast.load(shipped, own)
    assert cast.get("ama-serwaa").origin == "Accra"
    assert cast.path("Ama Serwaa") == own / "mine.toml"


@pytest.mark.parametrize("typed", ["ama-serwaa", "AMA SERWAA", "ama serwaa", "Amá Sérwaa", "nana", " Nana "])
def test_get(folders: tuple[Path, Path], typed: str) -> None:
    assert Cast.load(*folders).get(typed).id == "ama-serwaa"


def test_get_suggests(folders: tuple[Path, Path]) -> None:
    cast = Cast.load(*folders)
    with pytest.raises(CharacterError) as caught:
        cast.get("Ama Serwa")
    assert "did you mean Ama Serwaa (ama-serwaa)" in caught.value.mend
    assert str(folders[0]) in caught.value.mend
    for nothing in ("", "   ", "!!"):
        with pytest.raises(CharacterError):
            cast.get(nothing)


def test_two_of_one_name(folders: tuple[Path, Path]) -> None:
    put(folders[1], "b.toml", GOOD.replace('"ama-serwaa"', '"ama-two"'))
    cast = Cast.load(*folders)
    with pytest.raises(CharacterError, match="2 characters") as caught:
        cast.get("Nana")
    assert "ama-two" in caught.value.mend
    assert cast.get("ama-two").id == "ama-two"


def test_search(folders: tuple[Path, Path]) -> None:
    cast = Cast.load(*folders)
    assert [c.id for c in cast.search("")] == ["ama-serwaa", "kofi"]
    assert [c.id for c in cast.search("men")] == ["kofi"]
    assert [c.id for c in cast.search("serwa")] == ["ama-serwaa"]
    assert [c.id for c in cast.search("kofy")] == ["kofi"]
    assert cast.search("zzz") == []
    assert len(cast.search("", limit=1)) == 1


def test_add_never_overwrites_another(folders: tuple[Path, Path]) -> None:
    shipped, own = folders
    cast = Cast.load(shipped, own)
    other = dataclasses.replace(cast.get("kofi"), origin="elsewhere")
    with pytest.raises(CharacterError, match="belongs to another"):
        cast.add(other)
    assert not own.exists()
    path = cast.add(other, replace=True)
    assert path == own / "kofi.toml"
    assert cast.get("kofi").origin == "elsewhere"
    assert cast.add(other) == path  # the same again is no conflict
    put(own, "lost.toml", "broken")
    with pytest.raises(CharacterError, match="belongs to another"):
        cast.add(dataclasses.replace(other, id="lost"))
    with pytest.raises(CharacterError, match="cannot be an id"):
        cast.add(dataclasses.replace(other, id="../evil"))
    assert sorted(p.name for p in own.iterdir()) == ["kofi.toml", "lost.toml"]


def test_portrait_card_and_original_are_kept(folders: tuple[Path, Path]) -> None:
    cast = Cast.load(*folders)
    card: dict[str, Any] = {"data": {"name": "Z", "extensions": {"odd": [1, None, "ü"]}}}
    made = dataclasses.replace(cast.get("kofi"), id="zed", portrait=b"\x89PNG...", card=card)
    path = cast.add(made, original=b"the file", ext=".json")
    again = Cast.load(*folders).get("zed")
    assert again == made
    assert (path.with_suffix(".files") / "original.json").read_bytes() == b"the file"
    cast.add(dataclasses.replace(made, portrait=None, card={}), replace=True)
    assert cast.get("zed").portrait is None
    assert not list(path.with_suffix(".files").iterdir())


def test_reload_sees_changes_and_reads_only_those(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, own = folders
    cast = Cast.load(shipped, own)
    read: list[str] = []

    def noted(path: Path) -> Character:
        read.append(path.name)
        return load_character(path)

    monkeypatch.setattr("agent.cast.cast.load_character", noted)
    assert not cast.reload()
    assert read == []
    path = put(shipped, "kofi.toml", (shipped / "kofi.toml").read_text().replace("Elmina", "Tema"))
    os.utime(path, ns=(1, 1))
    assert cast.reload()
    assert read == ["kofi.toml"]
    assert cast.get("kofi").origin == "Tema"
    path.unlink()
    assert cast.reload()
    assert re.fullmatch("ama-serwaa", ",".join(cast.characters))
