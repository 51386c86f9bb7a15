"""Lint names each weakness and stays silent about the good; diff shows what changed and nothing else."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from agent.cast import load_character
from agent.character import Character, Lorebook, LoreEntry
from agent.lint import Level, diff, lint

HOLMES = load_character(Path(__file__).parents[2] / "characters" / "sherlock-holmes.toml")


def changed(**changes: Any) -> Character:
    sections = {f.name for f in dataclasses.fields(HOLMES.profile)}
    profile = dataclasses.replace(HOLMES.profile, **{k: v for k, v in changes.items() if k in sections})
    rest = {k: v for k, v in changes.items() if k not in sections}
    return dataclasses.replace(HOLMES, profile=profile, **rest)


def test_a_good_character_has_no_findings() -> None:
    assert lint(HOLMES) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "hostile",
    [
        {"personality": "[your " * 30_000},
        {"greeting": "\n" * 60_000},
        {"catchphrases": tuple(f"The {n} {'x' * 80} of {n * n}" for n in range(3_000))},
    ],
)
def test_a_hostile_card_does_not_hang_it(hostile: dict[str, Any]) -> None:
    assert lint(changed(**hostile))


GOOD_PHRASES = HOLMES.profile.catchphrases


@pytest.mark.parametrize(
    ("changes", "level", "field", "what"),
    [
        ({"personality": " "}, Level.ERROR, "personality", "missing"),
        ({"introduction": ""}, Level.ERROR, "introduction", "missing"),
        ({"catchphrases": ()}, Level.ERROR, "catchphrases", "missing"),
        ({"life_story": "Sherlock was born."}, Level.WARNING, "life_story", "thin"),
        ({"catchphrases": GOOD_PHRASES[:2]}, Level.WARNING, "catchphrases", "only 2"),
        ({"catchphrases": (*GOOD_PHRASES, "Hello!")}, Level.WARNING, "catchphrases", "says nothing"),
        ({"catchphrases": (*GOOD_PHRASES, "...")}, Level.WARNING, "catchphrases", "no words"),
        ({"catchphrases": (*GOOD_PHRASES, GOOD_PHRASES[0].upper())}, Level.WARNING, "catchphrases", "twice"),
        (
            {"catchphrases": (*GOOD_PHRASES, GOOD_PHRASES[0][:-4] + "d.")},
            Level.WARNING,
            "catchphrases",
            "the same",
        ),
        ({"catchphrases": (*GOOD_PHRASES, "Watson " * 40)}, Level.WARNING, "catchphrases", "characters long"),
        (
            {"catchphrases": ("Banana smoothie!", "Surfboards forever", "Pizza tonight, buddies")},
            Level.NOTE,
            "catchphrases",
            "nothing else",
        ),
        ({"greeting": "As an AI language model I cannot see."}, Level.WARNING, "greeting", "assistant"),
        (
            {"personality": HOLMES.profile.personality + " {{lastMessage}}"},
            Level.WARNING,
            "personality",
            "leftover",
        ),
        ({"greeting": ""}, Level.WARNING, "greeting", "none"),
        ({"greeting": "{{user}} says: I am lost."}, Level.WARNING, "greeting", "speaks for the person"),
        ({"other_greetings": ("*You nod shyly.*",)}, Level.WARNING, "greeting", "speaks for the person"),
        ({"name": "Miss Marple"}, Level.WARNING, "introduction", "never names Miss Marple"),
        ({"life_story": HOLMES.profile.life_story * 4}, Level.WARNING, "profile", "tokens"),
        ({"id": "Sherlock Holmes"}, Level.ERROR, "id", "cannot be an id"),
        ({"origin": ""}, Level.WARNING, "origin", "empty"),
        ({"face": {"hat": "fez"}}, Level.WARNING, "face.hat", "not known"),
    ],
)
def test_each_weakness_is_named(changes: dict[str, Any], level: Level, field: str, what: str) -> None:
    found = lint(changed(**changes))
    assert any(f.level is level and f.field == field and what in f.what for f in found), found
    assert len(found) <= 2


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("(a+)+$", True),
        ("/(a|a)*b/i", True),
        ("(x{1,9})*", True),
        ("[unclosed", True),
        (r"(a)\1", True),
        ("x" * 1_100, True),
        ("/ba(?:ker|rber)s?/i", False),
        (r"\bhounds?\b", False),
        ("(a|b)+", False),
    ],
)
def test_regular_expressions(key: str, bad: bool) -> None:
    book = Lorebook((LoreEntry("The hound.", (key,), use_regex=True),))
    assert any(f.level is Level.ERROR for f in lint(changed(lorebook=book))) is bad


@pytest.mark.parametrize(
    "macro",
    [
        "{{original}}",
        "{{random:a,b}}",
        "{{pick::a::b}}",
        "{{roll d20}}",
        "{{ // aside }}",
        "{{REVERSE:ab}}",
        "<bot>",
    ],
)
def test_macros_that_prompts_replace_are_no_leftovers(macro: str) -> None:
    assert lint(changed(greeting=f"{HOLMES.greeting} {macro}")) == []


@pytest.mark.parametrize("macro", ["{{persona}}", "{{roll:none}}", "{{time}}", "<START>", "[insert name]"])
def test_macros_that_stay_are_leftovers(macro: str) -> None:
    assert [f.what for f in lint(changed(greeting=f"{HOLMES.greeting} {macro}"))] == [
        f"{macro} is a leftover"
    ]


def test_expressions_are_judged_by_the_engine_that_runs_them() -> None:
    """Named groups, Unicode classes and possessive quantifiers are unknown to Python's own, and work."""
    for key in (r"/\p{L}+/u", r"(?<n>moo)n", r"\p{Han}", "a++b", "/moon/gi"):
        assert lint(changed(lorebook=Lorebook((LoreEntry("x", (key,), use_regex=True),)))) == []


def test_lore_that_never_comes_up() -> None:
    book = Lorebook((LoreEntry("x"), LoreEntry("y", constant=True), LoreEntry(" ", ("k",))))
    assert [f.field for f in lint(changed(lorebook=book))] == ["lorebook entry 1", "lorebook entry 3"]


def test_the_worst_comes_first() -> None:
    found = lint(changed(origin="", personality="", catchphrases=()))
    assert [f.level for f in found] == sorted((f.level for f in found), key=list(Level).index)


def test_diff_is_empty_for_what_is_not_spoken() -> None:
    assert diff(HOLMES, changed(tags=("x",), face={}, portrait=b"y")) == ""


def test_diff_shows_the_sentence() -> None:
    new = changed(relationships=HOLMES.profile.relationships.replace("long-suffering", "cheerful"))
    shown = diff(HOLMES, new)
    assert HOLMES.version in shown
    assert new.version in shown
    assert "relationships:" in shown
    assert "  + Mrs Hudson, the cheerful landlady." in shown
    assert "  - Mrs Hudson, the long-suffering landlady." in shown
    assert "Mycroft" not in shown


def test_diff_of_every_field() -> None:
    book = Lorebook((LoreEntry("x", ("k",)),))
    new = changed(
        adult=True, lorebook=book, examples=("a",), nickname="Shaggy", catchphrases=GOOD_PHRASES[1:]
    )
    shown = diff(HOLMES, new)
    for field in ("adult", "lorebook", "examples", "nickname", "catchphrases"):
        assert f"\n{field}:\n" in shown
    assert f"  - {GOOD_PHRASES[0]}" in shown
