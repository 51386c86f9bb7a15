"""Lorebooks of every tool mean the same here, wherever and however they spell it; what means nothing is told."""

import random
from typing import Any

import pytest

from agent import lore
from agent.cards import read_card, read_lorebook, write_card
from agent.character import Lorebook
from tests.agent.cards import make

SILLY = {"display_index": 0}


def book(*entries: dict[str, Any], **more: Any) -> Lorebook:
    found = read_card(make.dump(make.v2(character_book={"extensions": {}, "entries": list(entries), **more})))
    assert found.character.lorebook is not None
    return found.character.lorebook


def entry(*keys: str, content: str = "x", **more: Any) -> dict[str, Any]:
    base = {"keys": list(keys), "content": content, "enabled": True, "insertion_order": 1, "use_regex": False}
    return {**base, "extensions": {}, **more}


def silly(
    *keys: str, content: str = "x", secondary: tuple[str, ...] = (), **extensions: Any
) -> dict[str, Any]:
    """As SillyTavern writes it: expressions and optional keys are always allowed."""
    flags: dict[str, Any] = {"use_regex": True, "selective": True, "secondary_keys": list(secondary)}
    return entry(*keys, content=content, **flags, extensions={**SILLY, **extensions})


def told(found: Lorebook, *recent: str, seed: int = 0) -> list[str]:
    entries = lore.triggered(
        found, recent, count=len, token_budget=9_999, scan_depth=4, rng=random.Random(seed), turn_count=1
    )
    return [e.content for e in entries]


@pytest.mark.parametrize(
    ("keys", "text", "matches"),
    [
        (("/to+wer/i",), "the TOOOWER", True),
        (("/to+wer/",), "the TOOOWER", False),
        (("/to+wer/i", "a+b"), "aab", False),
        (("/to+wer/i", "a+b"), "what is A+B?", True),
        (("/srv/data",), "srv", False),
        (("/srv/data",), "see /srv/data", True),
        (("/a/b/i",), "a", False),
        ((r"/a\/b/i",), "A/B", True),
        (("/tower/x",), "tower", False),
        (("//",), "anything", False),
        (("/^b$/m",), "a\nb\nc", True),
        (("/[unclosed/",), "[unclosed", False),
    ],
)
def test_each_key_is_for_itself(keys: tuple[str, ...], text: str, matches: bool) -> None:
    assert bool(told(book(silly(*keys)), text)) is matches


def test_with_use_regex_of_the_specification_all_keys_are_expressions() -> None:
    made = book(entry("to+wer", use_regex=True))
    assert told(made, "TOOWER") == ["x"]
    assert told(book(entry("/srv/data", use_regex=True)), "srv") == []
    assert told(book(entry("/tower/", use_regex=False)), "tower") == []


@pytest.mark.parametrize(
    ("logic", "wanted"),
    [(0, "-ab+"), (1, "-a+."), (2, "-..."), (3, "...+"), ("3", "...+"), (None, ".ab+"), (9, ".ab+")],
)
def test_optional_keys_have_four_rules(logic: Any, wanted: str) -> None:
    texts = {"-": "king", "a": "old king", "b": "mad king", "+": "old mad king"}
    rules = {0: {"a", "b", "+"}, 1: {"-", "a", "b"}, 2: {"-"}, 3: {"+"}}
    expected = rules.get(int(logic) if str(logic).isdigit() else 0, rules[0])
    made = book(silly("king", secondary=("old", "/ma+d/"), selectiveLogic=logic))
    assert {name for name, text in texts.items() if told(made, text)} == expected


@pytest.mark.parametrize(
    ("key", "text", "matches"),
    [
        ("owl", "a bowl", False),
        ("owl", "an owl!", True),
        ("月", "満月の夜", True),
        ("ナイト", "今夜のナイトは", True),
        ("มังกร", "มีมังกรตัวใหญ่", True),
        ("용", "용이 왔다", True),
        ("owl", "夜のowlが", True),
        ("é", "café", False),
    ],
)
def test_whole_words_also_in_scripts_without_blanks(key: str, text: str, matches: bool) -> None:
    assert bool(told(book(silly(key, match_whole_words=True)), text)) is matches


@pytest.mark.parametrize("name", ["match_whole_words", "matchWholeWords", "risu_fullWordMatching"])
def test_whole_words_of_entry_and_book(name: str) -> None:
    assert told(book(entry("owl", extensions={name: True})), "a bowl") == []
    assert told(book({**entry("owl"), name: True}), "a bowl") == []
    assert told(book(entry("owl"), extensions={name: True}), "a bowl") == []
    assert told(book(entry("owl", extensions={name: False}), extensions={name: True}), "a bowl") == ["x"]


@pytest.mark.parametrize(
    ("name", "value", "recent", "wanted"),
    [
        ("scan_depth", 1, ("owl", "a"), False),
        ("scanDepth", 9, ("owl", *"abcdefg"), True),
        ("scan_depth", None, ("owl", "a"), True),
        ("delay", 3, ("owl", "owl"), False),
        ("delay", 3, ("a", "b", "owl"), True),
        ("sticky", 3, ("owl", *"abcdefg"), False),
        ("sticky", 5, ("a", "owl", *"cdefg"), True),
        ("probability", 0, ("owl",), False),
        ("risu_activationPercent", 0, ("owl",), False),
        ("risu_activationPercent", 100, ("owl",), True),
        ("case_sensitive", True, ("OWL",), False),
        ("caseSensitive", True, ("OWL",), False),
        ("risu_case_sensitive", True, ("OWL",), False),
    ],
)
def test_settings_by_any_spelling(name: str, value: Any, recent: tuple[str, ...], wanted: bool) -> None:
    assert bool(told(book(entry("owl", extensions={name: value})), *recent)) is wanted
    assert bool(told(book({**entry("owl"), name: value}), *recent)) is wanted


def test_a_chance_that_is_switched_off_is_none() -> None:
    assert told(book(silly("owl", probability=0, useProbability=False)), "owl") == ["x"]


def test_recursion_is_steered_by_each_entry() -> None:
    def run(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
        made = book(
            entry("sun", content="the moon", extensions=first),
            entry("moon", content="the tide", extensions=second),
            recursive_scanning=True,
        )
        return told(made, "sun")

    assert run({}, {}) == ["the moon", "the tide"]
    assert run({"prevent_recursion": True}, {}) == ["the moon"]
    assert run({}, {"excludeRecursion": True}) == ["the moon"]
    assert run({}, {"delay_until_recursion": True}) == ["the moon", "the tide"]
    assert run({"delayUntilRecursion": 1}, {}) == []


def test_an_entry_that_chance_held_back_calls_no_others() -> None:
    quiet = entry("sun", content="the moon", extensions={"probability": 0})
    assert told(book(quiet, entry("moon"), recursive_scanning=True), "sun") == []


def test_of_a_group_one_speaks() -> None:
    def group(content: str, key: str = "owl", **more: Any) -> dict[str, Any]:
        return entry(key, content=content, extensions={"group": "birds", **more})

    many = book(*(group(c) for c in "abc"))
    drawn = [told(many, "owl", seed=n) for n in range(40)]
    assert {c for (c,) in drawn} == set("abc")
    weighed = book(group("a", groupWeight=0), group("b", group_weight=5))
    assert all(told(weighed, "owl", seed=n) == ["b"] for n in range(20))
    pressing = book(group("a"), group("b", group_override=True), group("c"))
    assert all(told(pressing, "owl", seed=n) == ["b"] for n in range(20))
    later = book(group("a hawk"), group("b", key="hawk"), recursive_scanning=True)
    assert told(later, "owl") == ["a hawk"]
    two = book(
        entry("owl", content="a", extensions={"group": "birds, night"}), group("b"), entry("owl", content="c")
    )
    assert all(len(told(two, "owl", seed=n)) == 2 for n in range(10))


def test_the_budget_can_be_ignored() -> None:
    made = book(silly("owl", content="a" * 50, ignoreBudget=True), silly("owl", content="b"), token_budget=1)
    assert told(made, "owl") == ["a" * 50, "b"]


FILES: dict[str, dict[str, Any]] = {
    "SillyTavern": {"entries": {"0": {"uid": 0, "key": ["owl", "/ha+wk/"], "keysecondary": [], "content": "x",
                    "constant": False, "selective": True, "selectiveLogic": 0, "addMemo": True, "order": 7,
                    "position": 0, "disable": False, "probability": 100, "useProbability": True}}},
    "KoboldAI": {"entries": {"5": {"key": ["owl", "haawk"], "keysecondary": [], "content": "x", "order": 7}}},
    "KoboldAI Lite": {"worldinfo": [{"key": "owl, haawk", "keysecondary": "", "content": "x", "order": 7}]},
    "RisuAI": {"type": "risu", "ver": 1, "data": [{"key": "owl, haawk", "secondkey": "", "comment": "n", "content": "x",
               "mode": "normal", "insertorder": 7, "alwaysActive": False, "selective": False, "useRegex": False}]},
    "NovelAI": {"lorebookVersion": 5, "entries": [{"text": "x", "displayName": "n", "keys": ["owl", "/ha+wk/"],
                "enabled": True, "forceActivation": False, "searchRange": 1000, "insertion_order": 7}]},
    "Agnai": {"kind": "memory", "name": "b", "entries": [{"name": "n", "entry": "x", "keywords": ["owl", "haawk"],
              "priority": 1, "weight": 7, "enabled": True}]},
    "V3 alone": {"spec": "lorebook_v3", "data": {"name": "b", "extensions": {}, "entries": [
                 {**make.ENTRY, "keys": ["owl", "haawk"], "content": "x", "insertion_order": 7}]}},
}  # fmt: skip


@pytest.mark.parametrize("tool", FILES)
def test_a_book_alone_of_every_tool(tool: str) -> None:
    found = read_lorebook(make.dump(FILES[tool]))
    assert told(found.book, "an owl") == ["x"]
    assert told(found.book, "the haawk") == ["x"]
    assert told(found.book, "nothing") == []
    assert found.book.entries[0].insertion_order == 7
    assert found.raw == FILES[tool]


def test_what_is_not_heeded_is_told_once() -> None:
    entries = [
        silly("a", cooldown=3, vectorized=True),
        silly("b", cooldown=1, automationId=""),
        entry("c", odd=[1]),
    ]
    entries.append(silly("d", position=2))
    entries.append(silly("e", position=4, depth=2, role=1))
    card = read_card(make.dump(make.v2(character_book={"extensions": {"other": 1}, "entries": entries})))
    lines = "\n".join(card.unused)
    assert "lorebook: cooldown is kept, but nothing here uses it (2 entries)" in lines
    for name in ("vectorized", "odd", "position 2", "role", "other"):
        assert sum(name in line for line in card.unused) == 1
    for name in ("automation", "display_index", "useProbability", "position 4"):
        assert name not in lines


def test_what_a_card_carries_is_used_or_named() -> None:
    extensions = {
        "talkativeness": "0.9",
        "fav": True,
        "chub": {"id": 7},
        "regex_scripts": [],
        "world": "Night",
    }
    card = read_card(make.dump(make.v3(extensions=extensions, voice="low", character_book=None)))
    lines = "\n".join(card.unused)
    for name in ("extensions.talkativeness", "extensions.chub", "voice", "group_only_greetings", "'Night'"):
        assert sum(name in line for line in card.unused) == 1, name
    assert "fav" not in lines
    assert "regex_scripts" not in lines
    assert read_card(make.dump(make.V1)).unused == ()


def test_a_depth_prompt_is_an_entry_at_its_depth() -> None:
    said = {"prompt": "{{char}} counts in fives.", "depth": 2, "role": "system"}
    for more in ({}, {"character_book": None}):
        first = read_card(make.dump(make.v3(extensions={"depth_prompt": said}, **more))).character
        assert first.lorebook is not None
        made = first.lorebook.entries[-1]
        assert (made.content, made.constant, lore.depth(made)) == ("{{char}} counts in fives.", True, 2)
        again = read_card(write_card(first, "json")).character
        assert again.lorebook == first.lorebook
        assert again.card["data"]["extensions"]["depth_prompt"] == said
        assert len((again.card["data"].get("character_book") or {"entries": []})["entries"]) == (not more)


@pytest.mark.parametrize("said", [None, 3, {}, {"prompt": ""}, {"prompt": 4}, {"depth": 4}])
def test_no_depth_prompt_is_no_entry(said: Any) -> None:
    card = read_card(make.dump(make.v3(extensions={"depth_prompt": said}, character_book=None)))
    assert card.character.lorebook is None


def test_a_changed_depth_prompt_goes_back_where_it_came_from() -> None:
    from dataclasses import replace

    said = {"prompt": "Old words.", "depth": 2}
    first = read_card(make.dump(make.v3(extensions={"depth_prompt": said}))).character
    assert first.lorebook is not None
    *rest, last = first.lorebook.entries
    for entries in ((*rest, replace(last, content="New words.")), tuple(rest)):
        changed = replace(first, lorebook=replace(first.lorebook, entries=entries))
        back = read_card(write_card(changed, "json")).character
        assert back.lorebook == changed.lorebook
        prompt = back.card["data"]["extensions"]["depth_prompt"]["prompt"]
        assert prompt == ("New words." if len(entries) > len(rest) else "")


def test_agnais_persona_is_the_description() -> None:
    persona = {"kind": "boostyle", "attributes": {"species": ["owl"], "likes": ["mice", "night"]}}
    card = read_card(
        make.dump({"name": "Olga", "persona": persona, "greeting": "Hoo.", "sampleChat": "{{char}}: Hoo!"})
    )
    assert card.character.profile.introduction == "species: owl\nlikes: mice, night"
    assert card.character.examples == ("{{char}}: Hoo!",)
    flat = {
        "name": "Olga",
        "persona": {"kind": "text", "attributes": {"text": ["An owl."]}},
        "greeting": "Hoo.",
    }
    assert read_card(make.dump(flat)).character.profile.introduction == "An owl."
