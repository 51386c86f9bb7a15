"""What is seen in the wild, one by one: mended, told, and kept."""

import json
from typing import Any

import pytest

from agent.cards import read_card, write_card
from agent.cards.normal import normalise
from agent.character import Kind, Position
from tests.agent.cards import make


def read(obj: Any, **options: Any) -> Any:
    return read_card(make.dump(obj), **options)


def told(card: Any, words: str) -> bool:
    return any(words in r for r in card.repairs)


def test_a_sound_card_needs_no_repair() -> None:
    for obj in (make.V1, make.v2(), make.v3()):
        card = read(obj)
        assert card.repairs == ()
        assert card.character.kind is Kind.FICTIONAL


def test_every_field_arrives() -> None:
    c = read(make.v3()).character
    assert (c.id, c.name, c.nickname, c.spoken_name) == ("ada", "Ada", "Countess", "Countess")
    assert c.profile.introduction == "Ada is a mathematician."
    assert c.profile.personality == "Precise and playful."
    assert c.scene == "A study in London."
    assert c.greeting == "Good evening, {{user}}."
    assert c.other_greetings == ("Hello.", "Good day.")
    assert c.examples == ("{{user}}: Hello.\n{{char}}: Hello.", "{{char}}: Numbers!")
    assert c.system_prompt == "Be {{char}}. {{original}}"
    assert c.post_history == "Stay Ada."
    assert (c.tags, c.creator, c.creator_notes) == (("History", "math"), "somebody", "Notes.")
    assert c.lorebook is not None
    assert c.lorebook.entries[0].keys == ("engine",)
    assert not c.adult


def test_book_null() -> None:
    card = read(make.v2(character_book=None))
    assert card.character.lorebook is None
    assert told(card, "character_book was null")


@pytest.mark.parametrize("value", [5, "text", True, {"entries": None}, {"entries": 3}, {}])
def test_odd_books(value: Any) -> None:
    card = read(make.v2(character_book=value))
    assert card.character.lorebook is None or card.character.lorebook.entries == ()
    assert told(card, "character_book")


def test_greetings_a_string() -> None:
    card = read(make.v2(alternate_greetings="Hello."))
    assert card.character.other_greetings == ("Hello.",)
    assert told(card, "alternate_greetings was a string")


def test_entries_a_map() -> None:
    card = read(make.v2(character_book={"entries": {"0": make.ENTRY, "5": make.ENTRY}}))
    assert [e.id for e in card.character.lorebook.entries] == ["0", "5"]
    assert told(card, "a map")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("", Position.BEFORE),
        (0, Position.BEFORE),
        (1, Position.AFTER),
        (4, Position.AFTER),
        ("x", Position.BEFORE),
    ],
)
def test_position(value: Any, where: Position) -> None:
    entry = {**make.ENTRY, "position": value}
    card = read(make.v2(character_book={"extensions": {}, "entries": [entry]}))
    found = card.character.lorebook.entries[0]
    assert found.position is where
    assert told(card, "position")
    assert found.decorators == ({"depth": ("4",)} if value == 4 else {})


def test_empty_name() -> None:
    assert read(make.v2(name=""), name_hint="my_ada").character.id == "my-ada"
    card = read(make.v2(name=" \n"))
    assert (card.character.name, card.character.id) == ("nameless", "nameless")
    assert told(card, "no name")


@pytest.mark.parametrize(
    "name", ["夏目漱石", "Ünïcödé", "🤖", "../../etc/passwd", "a\u202eb", "x" * 500, "\0\1"]
)
def test_names_make_safe_ids(name: str) -> None:
    from agent.cast.names import is_id

    character = read(make.v2(name=name)).character
    assert is_id(character.id)
    assert character.name
    assert character.name.isprintable()
    assert character.card["data"]["name"] == name


def test_v1_fields_mirrored_at_the_top_level() -> None:
    obj = {**make.v2(), **dict.fromkeys(make.V1, "other")}
    assert read(obj).character.name == "Ada"
    del obj["data"]["description"]
    card = read(obj)
    assert card.character.profile.introduction == "other"
    assert told(card, "taken from the top level")


def test_spec_oddities() -> None:
    assert read({**make.v2(), "spec": None}).spec == "v2"
    assert read({"data": make.v2()["data"]}).spec == "v2"
    assert told(read({**make.v3(), "spec_version": "3.5"}), "newer")
    assert told(read({**make.v3(), "spec_version": 4}), "newer")
    assert told(read({**make.v3(), "spec": "chara_card_v9"}), "v9")
    flat = {"spec": "chara_card_v2", **make.V1}
    assert told(read(flat), "data was missing")


@pytest.mark.parametrize(
    "field", [*make.V1, "creator_notes", "tags", "extensions", "alternate_greetings", "creator"]
)
@pytest.mark.parametrize("value", [None, 3, 2.5, True, [], ["a", 1, None], {"a": 1}, "", "x"])
def test_any_field_of_any_kind(field: str, value: Any) -> None:
    obj = make.v2()
    obj["data"][field] = value
    card = read(obj)
    assert card.character.card == obj
    assert len(card.character.version) == 12
    del obj["data"][field]
    assert read(obj).character.name


@pytest.mark.parametrize("field", ["keys", "content", "enabled", "insertion_order", "extensions", "use_regex",
                                   "constant", "selective", "secondary_keys", "case_sensitive", "priority",
                                   "position", "id", "name", "comment"])  # fmt: skip
@pytest.mark.parametrize("value", [None, 3, True, [], ["a", 1], {"a": 1}, "", "x, y", "true", "1e999"])
def test_any_entry_field_of_any_kind(field: str, value: Any) -> None:
    obj = make.v2(character_book={"extensions": {}, "entries": [{**make.ENTRY, field: value}, 7]})
    card = read(obj)
    assert card.character.card == obj
    assert len(card.character.lorebook.entries) == 1
    again = normalise(normalise(obj).obj)
    assert again.repairs == ()


def test_what_mending_replaced_survives_an_export() -> None:
    obj = make.v2(description={"a": [1]}, tags={"x": {"y": 1}}, character_book={"entries": [9]})
    whole = json.loads(write_card(read(obj).character, "json"))
    originals = whole["data"]["extensions"]["vignette"]["originals"]
    assert originals["data.description"] == {"a": [1]}
    assert originals["data.tags"] == {"x": {"y": 1}}
    assert originals["data.character_book.entries[0]"] == 9


def test_odd_numbers_surrogates_and_bytes() -> None:
    text = make.dump(make.v2()).replace(b'"1.2"', rb'"a\ud83d", "n": [NaN, 1e999, ' + b"9" * 5000 + b"]")
    card = read_card(text)
    data = card.character.card["data"]
    assert data["n"] == ["NaN", "1e999", "9" * 5000]
    assert data["character_version"] == "a\ufffd"
    json.dumps(card.character.card, allow_nan=False).encode()
    assert told(card, "surrogates")
    assert told(read_card(make.dump(make.V1).replace(b"Ada", b"A\xff", 1)), "not valid text")
    assert told(read_card(b'{"name": "A", "name": "B"}'), "twice")
    assert read_card(b'{"name": "A", "description": "one\ntwo"}').character.profile.introduction == "one\ntwo"
    assert "\0" not in read(make.v2(first_mes="a\0b")).character.greeting


def test_html_stays_text() -> None:
    html = '<img src=x onerror="alert(1)"> <b>{{char}}</b>'
    assert read(make.v2(first_mes=html)).character.greeting == html


def test_pygmalion_names() -> None:
    card = read({"char_name": "Eve", "char_persona": "p", "char_greeting": "hi", "example_dialogue": "x"})
    assert (card.character.name, card.character.greeting) == ("Eve", "hi")
    assert told(card, "char_name")


@pytest.mark.parametrize(
    ("more", "adult"),
    [
        ({"tags": ["NSFW"]}, True),
        ({"tags": ["#R18"]}, True),
        ({"tags": "cute, smut"}, True),
        ({"tags": ["wholesome"]}, False),
        ({"nsfw": True}, True),
        ({"extensions": {"chub": {"nsfw": True}}}, True),
        ({"tags": ["nsfw"], "extensions": {"vignette": {"character": {"adult": False}, "seen": {}}}}, True),
    ],
)
def test_adult(more: dict[str, Any], adult: bool) -> None:
    assert read(make.v2(**more)).character.adult is adult


@pytest.mark.parametrize(
    ("data", "language"),
    [
        ({"first_mes": "こんにちは、世界。今日はいい天気ですね。", "description": "ひとです"}, "Japanese"),
        ({"first_mes": "你好，我是孙悟空。", "description": "齐天大圣"}, "Chinese"),
        ({"first_mes": "안녕하세요 반갑습니다", "description": "사람입니다"}, "Korean"),
        ({"first_mes": "สวัสดีค่ะ ยินดีต้อนรับ", "description": "ครู"}, "Thai"),
        ({"first_mes": "Здравствуйте, товарищ", "description": "Человек"}, ""),
        ({"first_mes": "Guten Tag, was hast du da?", "description": "Eine Lehrerin."}, ""),
        ({"creator_notes_multilingual": {"de": "Hallo"}}, ""),
        ({"creator_notes_multilingual": {"xx": 3}}, ""),
        ({"language": "pt-BR"}, "Portuguese"),
        ({"extensions": {"language": "Esperanto"}}, "Esperanto"),
        ({"extensions": {"language": ["en"]}}, ""),
        ({"language": "xx"}, ""),
        ({}, ""),
    ],
)
def test_language(data: dict[str, Any], language: str) -> None:
    assert read(make.v3(**{"personality": "", **data})).character.language == language


@pytest.mark.parametrize(
    "data",
    [
        {"source": ["https://a.test/b", "The Lost World"]},
        {"source": ["chub/anon/abc-1234"]},
        {"extensions": {"world": "Eldoria"}},
        {"creator": "Eldoria", "tags": ["Eldoria"]},
    ],
)
def test_no_origin_is_made_up(data: dict[str, Any]) -> None:
    assert read(make.v3(**data)).character.origin == ""


def test_multilingual_notes() -> None:
    assert read(make.v3(creator_notes_multilingual={"en": "E"})).character.creator_notes == "E"
    assert read(make.v3(creator_notes_multilingual={"de": "D"})).character.creator_notes == "Notes."


def test_our_own_fields_are_checked() -> None:
    bad = {"id": "../x", "kind": "robot", "profile": 3, "face": {"a": "b" * 9999}, "examples": [1], "name": "a\nb",
           "lorebook": {"entries": [{}]}, "origin": None, "else": 1}  # fmt: skip
    for ours in (bad, 3, {"x": bad}):
        extensions = {"vignette": {"character": ours, "seen": {}}}
        card = read({**make.V1, "extensions": extensions})
        assert card.character.id == "ada"
        assert card.character.face == {}
