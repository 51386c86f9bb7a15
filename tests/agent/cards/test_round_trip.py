"""Import, export, import: nothing is lost."""

import base64
import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cards import left_behind, read_card, write_card
from agent.cards.write import Format, Spec
from agent.character import Character, Kind, Lorebook, LoreEntry, Position, Profile
from agent.errors import CardError
from tests.agent.cards import make

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)
FIELD = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
FACE = make.picture()
FORMATS: list[tuple[Format, Spec]] = [
    ("json", "v3"), ("json", "v2"), ("json", "v1"), ("png", "v3"), ("png", "v2"), ("png", "v1"), ("charx", "v3"),
]  # fmt: skip


def again(character: Character, format: Format, spec: Spec) -> Character:
    return read_card(write_card(character, format, spec=spec, portrait=FACE, clock=lambda: 7.0)).character


def data_of(character: Character) -> dict[str, Any]:
    """The V3 data of a character as exported."""
    data: dict[str, Any] = json.loads(write_card(character, "json", clock=lambda: 7.0))["data"]
    return data


@given(
    fields=st.dictionaries(FIELD.filter(lambda k: k not in ("character_book", "assets")), JSON, max_size=4),
    extensions=st.dictionaries(WORDS.filter(lambda k: k != "vignette"), JSON, max_size=4),
    top=st.dictionaries(WORDS.filter(lambda k: k not in ("spec", "data", "spec_version")), JSON, max_size=3),
    how=st.sampled_from(FORMATS),
)
@settings(max_examples=120, deadline=None)
def test_unknown_fields_survive(
    fields: dict[str, Any], extensions: dict[str, Any], top: dict[str, Any], how: tuple[Format, Spec]
) -> None:
    obj = {**top, **make.v3(**{**fields, "extensions": extensions})}
    first = read_card(make.dump(obj)).character
    assert first.card == obj
    second = again(first, *how)
    assert second.version == first.version
    assert replace(second, card={}, portrait=None) == replace(first, card={}, portrait=None)
    exported = json.loads(write_card(second, "json"))
    known = {"modification_date", "extensions", *make.v3()["data"]}
    for key, value in fields.items():
        if key not in known and key not in ("creation_date", "creator_notes_multilingual"):
            assert exported["data"][key] == value
    for key, value in extensions.items():
        assert exported["data"]["extensions"][key] == value
    for key, value in top.items():
        if key not in make.V1:
            assert exported[key] == value


@given(
    data=st.dictionaries(
        st.sampled_from([*make.v3()["data"], "assets", "creation_date", "creator_notes_multilingual"]), JSON
    ),
    entry=st.dictionaries(
        st.sampled_from(
            [*make.ENTRY, "constant", "selective", "secondary_keys", "priority", "position", "id"]
        ),
        JSON,
    ),
    how=st.sampled_from(FORMATS),
)
@settings(max_examples=150, deadline=None)
def test_broken_fields_mean_the_same_after_a_round_trip(
    data: dict[str, Any], entry: dict[str, Any], how: tuple[Format, Spec]
) -> None:
    obj = make.v3(**{"character_book": {"extensions": {}, "entries": [{**make.ENTRY, **entry}]}, **data})
    first = read_card(make.dump(obj), name_hint="hint").character
    second = again(first, *how)
    assert second.version == first.version
    assert replace(second, card={}, portrait=None) == replace(first, card={}, portrait=None)
    third = read_card(write_card(second, "json", clock=lambda: 7.0))
    assert not any("set aside" in r or "was no" in r for r in third.repairs)


ENTRIES = st.builds(
    LoreEntry,
    content=WORDS,
    keys=st.lists(WORDS, max_size=2).map(tuple),
    secondary_keys=st.lists(WORDS, max_size=2).map(tuple),
    enabled=st.booleans(),
    constant=st.booleans(),
    use_regex=st.booleans(),
    insertion_order=st.integers(-5, 200) | st.floats(0, 9),
    priority=st.integers(-5, 200),
    position=st.sampled_from(Position),
    decorators=st.dictionaries(
        st.sampled_from(["depth", "activate", "odd_one", "exclude_keys"]), st.just(("4",))
    ),
    id=WORDS,
)
BOOKS = st.none() | st.builds(
    Lorebook,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
    scan_depth=st.none() | st.integers(0, 50),
    recursive=st.booleans(),
    name=WORDS,
)
PROFILES = st.builds(
    Profile,
    introduction=WORDS,
    personality=WORDS,
    life_story=WORDS,
    relationships=WORDS,
    catchphrases=st.lists(WORDS, max_size=3).map(tuple),
)
NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=12)
CHARACTERS = st.builds(
    Character,
    id=st.from_regex(r"[a-z]{1,8}(-[a-z0-9]{1,5})?", fullmatch=True),
    name=NAMES,
    origin=WORDS,
    kind=st.sampled_from(Kind),
    profile=PROFILES,
    language=st.sampled_from(["English", "Chinese", "Latin"]),
    greeting=WORDS,
    other_greetings=st.lists(WORDS, max_size=2).map(tuple),
    nickname=NAMES | st.just(""),
    scene=WORDS,
    examples=st.lists(WORDS, max_size=2).map(tuple),
    system_prompt=WORDS,
    post_history=WORDS,
    lorebook=BOOKS,
    adult=st.booleans(),
    tags=st.lists(NAMES, max_size=2).map(tuple),
    creator=WORDS,
    creator_notes=WORDS,
    face=st.dictionaries(WORDS, WORDS, max_size=2),
)


@given(character=CHARACTERS, how=st.sampled_from(FORMATS))
@settings(max_examples=150, deadline=None)
def test_a_character_of_ours_comes_back_identical(character: Character, how: tuple[Format, Spec]) -> None:
    back = again(character, *how)
    assert back.version == character.version
    assert replace(back, card={}, portrait=None) == character
    assert again(back, *how).version == character.version


@given(other=CHARACTERS)
@settings(max_examples=60, deadline=None)
def test_an_edited_card_comes_back_as_edited(other: Character) -> None:
    card = read_card(make.dump(make.v3(custom={"kept": 1}))).character
    edited = replace(other, card=card.card)
    back = again(edited, "json", "v3")
    assert replace(back, card={}, portrait=None) == replace(edited, card={}, portrait=None)
    assert back.card["data"]["custom"] == {"kept": 1}


def test_the_exported_object_is_canonical() -> None:
    whole = json.loads(write_card(read_card(make.dump(make.V1)).character, "json", clock=lambda: 7.9))
    assert (whole["spec"], whole["spec_version"]) == ("chara_card_v3", "3.0")
    assert whole["data"]["modification_date"] == 7
    assert whole["data"]["group_only_greetings"] == []
    assert "vignette" not in whole["data"]["extensions"]
    old = json.loads(write_card(read_card(make.dump(make.v3())).character, "json", spec="v2"))
    assert (old["spec"], old["spec_version"]) == ("chara_card_v2", "2.0")
    flat = json.loads(write_card(read_card(make.dump(make.v3())).character, "json", spec="v1"))
    assert {k: flat[k] for k in make.V1} == make.V1


def test_png_has_both_chunks_and_no_old_ones() -> None:
    book = {"extensions": {}, "entries": [{**make.ENTRY, "content": "@@depth 2\n\nDeep lore."}]}
    character = read_card(make.png_card(make.v3(character_book=book), "ccv3")).character
    old = make.png(make.text("chara", b"AAAA"), make.text("ccv3", b"BBBB"), make.text("Title", b"kept"))
    made = write_card(character, "png", portrait=old)
    assert (made.count(b"tEXtchara\0"), made.count(b"tEXtccv3\0")) == (1, 1)
    assert b"AAAA\0" not in made
    assert b"Title\0kept" in made
    assert made.endswith(make.chunk(b"IEND", b""))
    start = made.index(b"tEXtchara\0") + 10
    backfilled = json.loads(base64.b64decode(made[start : made.index(b"=", start) + 1] + b"==="))["data"]
    assert backfilled["creator_notes"].startswith("This character card is Character Card V3")
    assert backfilled["character_book"]["entries"][0]["content"] == "Deep lore."
    entry = read_card(made).character.lorebook
    assert entry is not None
    assert entry.entries[0].decorators == {"depth": ("2",)}


def test_decorators_survive_v2() -> None:
    book = {"extensions": {}, "entries": [{**make.ENTRY, "content": "@@depth 2\n@@odd\nDeep lore."}]}
    first = read_card(make.dump(make.v3(character_book=book))).character
    second = again(first, "json", "v2")
    assert second.version == first.version
    assert data_of(second)["character_book"] == data_of(first)["character_book"]
    raw = second.card["data"]["character_book"]["entries"][0]
    assert raw["extensions"]["vignette"]["content"] == "@@depth 2\n@@odd\nDeep lore."


def test_assets_travel_between_containers() -> None:
    face, sad = make.picture(color="red"), make.picture(color="blue")
    listed = [
        {"type": "icon", "uri": "embeded://a/main.png", "name": "main", "ext": "png"},
        {"type": "emotion", "uri": "embeded://a/sad.png", "name": "sad", "ext": "png"},
    ]
    card = read_card(make.charx(make.v3(assets=listed), {"a/main.png": face, "a/sad.png": sad}))
    as_png = read_card(write_card(card.character, "png", assets=card.assets))
    assert as_png.assets == card.assets
    assert as_png.character.portrait == face
    assert as_png.character.card["data"]["assets"][1]["uri"] == "__asset:a/sad.png"
    back = read_card(write_card(as_png.character, "charx", assets=as_png.assets))
    assert back.assets == card.assets
    assert back.character.card["data"]["assets"] == listed


def test_an_asset_whose_name_is_too_long_for_a_png_gets_another() -> None:
    long, clash = f"assets/emotion/images/{'very-' * 20}happy.png", "renamed/0.png"
    listed = [
        {"type": "emotion", "uri": f"embeded://{p}", "name": "x", "ext": "png"} for p in (long, clash, "no")
    ]
    files = {long: make.picture(color="red"), clash: make.picture(color="blue"), "猫": b"bytes"}
    card = read_card(make.charx(make.v3(assets=listed), files))
    made = read_card(write_card(card.character, "png", assets=card.assets, portrait=FACE))
    assert made.assets == {"renamed/1.png": files[long], clash: files[clash], "renamed/0": files["猫"]}
    uris = [a["uri"] for a in made.character.card["data"]["assets"]]
    assert uris == ["__asset:renamed/1.png", "__asset:renamed/0.png", "embeded://no"]
    back = read_card(write_card(made.character, "charx", assets=made.assets))
    assert dict(back.assets).items() >= dict(made.assets).items()


def test_what_json_cannot_carry_is_told() -> None:
    card = read_card(make.charx(make.v3(), {f"a/{n}.png": b"x" for n in range(7)}))
    for form in ("png", "charx"):
        assert left_behind(card.character, form, card.assets) == ()
    assert left_behind(card.character, "json", {}) == ()
    (told,) = left_behind(card.character, "json", card.assets)
    assert told.startswith("7 assets (a/0.png, ")
    with_face = read_card(make.png_card(make.v3())).character
    assert left_behind(with_face, "json", {}) == ("the portrait",)


def test_a_portrait_becomes_the_main_icon_of_a_charx() -> None:
    character = read_card(make.png_card(make.v3())).character
    made = write_card(character, "charx", clock=lambda: 7.0)
    assert made == write_card(character, "charx", clock=lambda: 7.0)
    card = read_card(made)
    assert card.character.portrait == character.portrait
    assert card.repairs == ()
    new = read_card(write_card(card.character, "charx", portrait=make.picture("JPEG"), assets=card.assets))
    assert new.character.portrait == make.picture("JPEG")
    assert sum(a["name"] == "main" for a in new.character.card["data"]["assets"]) == 1


def test_any_picture_can_be_the_portrait_of_a_png() -> None:
    for kind in ("JPEG", "WEBP", "GIF"):
        portrait = read_card(
            write_card(read_card(make.dump(make.V1)).character, "png", portrait=make.picture(kind))
        )
        assert portrait.character.portrait is not None


@pytest.mark.parametrize("portrait", [None, b"", b"nothing", make.picture()[:20], b"\x89PNG\r\n\x1a\n"])
def test_png_without_a_picture_is_refused(portrait: bytes | None) -> None:
    with pytest.raises(CardError, match=r"picture|portrait"):
        write_card(read_card(make.dump(make.V1)).character, "png", portrait=portrait)


def test_unsafe_asset_paths_are_not_written() -> None:
    character = read_card(make.dump(make.V1)).character
    for path in ("../x", "card.json", "/x"):
        with pytest.raises(CardError):
            write_card(character, "charx", assets={path: b"x"})


def test_an_edit_elsewhere_wins() -> None:
    mine = Character("x", "X", "Y", Kind.HISTORICAL, Profile("In.", life_story="Long."))
    obj = json.loads(write_card(mine, "json"))
    obj["data"]["description"] = "Somebody else's words."
    card = read_card(make.dump(obj))
    assert card.character.profile == Profile("Somebody else's words.")
    assert card.character.kind is Kind.HISTORICAL
    assert any("edited elsewhere" in r for r in card.repairs)


def test_edits_keep_what_is_unknown_in_a_lorebook() -> None:
    book = {
        "extensions": {"a": 1},
        "odd": 2,
        "entries": [{**make.ENTRY, "id": 1, "odd": 3}, {**make.ENTRY, "x": 4}],
    }
    character = read_card(make.dump(make.v3(character_book=book))).character
    assert character.lorebook is not None
    entries = character.lorebook.entries
    changed = replace(character.lorebook, entries=(replace(entries[0], content="New."), entries[1]))
    data = data_of(replace(character, lorebook=changed))
    assert (data["character_book"]["odd"], data["character_book"]["extensions"]) == (2, {"a": 1})
    first, second = data["character_book"]["entries"]
    assert (first["content"], first["odd"], first["extensions"]) == ("New.", 3, {"depth": 4})
    assert second == {**make.ENTRY, "x": 4}
