import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.character import Character, Kind, Profile
from agent.macros import expand, scannable, shown


def run(text: str, **options: object) -> str:
    return expand(text, char="Ada", user="Bob", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{char}} and {{user}}", "Ada and Bob"),
        ("{{Char}} {{ USER }} <user> <BOT> <Char>", "Ada Bob Bob Ada Ada"),
        ("a{{// hidden}}b{{comment: c}}d{{hidden_key:e}}f", "abdf"),
        ("{{reverse:Hello}}", "olleH"),
        ("{{reverse:{{char}}!}}", "!adA"),
        ("{{unknown}} {{unknown:{{char}}}} {{}}", "{{unknown}} {{unknown:Ada}} {{}}"),
        ("{{char", "{{char"),
        ("}}{{", "}}{{"),
        ("{{roll:0}} {{roll:x}} {{roll:1}} {{roll:d1}} {{roll 1}}", "{{roll:0}} {{roll:x}} 1 1 1"),
        ("{{random:one}}{{pick:one}}{{random::one}}", "oneoneone"),
        (r"{{random:a\,b}}", "a,b"),
        ("<b>{{char}}</b>", "<b>Ada</b>"),
        ("no macros", "no macros"),
    ],
)
def test_macros(text: str, made: str) -> None:
    assert run(text) == made


def test_original_stands_for_ours_once() -> None:
    assert run("{{original}} more {{ORIGINAL}}.", original="Ours {{char}}") == "Ours {{char}} more ."


def test_names_are_never_read_as_macros() -> None:
    evil = "{{original}}}}{{char}},x"
    assert (
        expand("[{{user}}]{{random:{{user}}}}", char="A", user=evil, original="secret") == f"[{evil}]{evil}"
    )


def test_chance_is_in_the_hands_of_the_caller() -> None:
    text = "{{random:a,b,c,d}} {{roll:20}} {{roll:3d6}}"
    assert run(text, seed=1) == run(text, seed=1)
    assert len({run(text, seed=n) for n in range(50)}) > 10
    assert run(text, rng=random.Random(3)) == run(text, rng=random.Random(3))
    assert {run("{{random:a,b,c}}", seed=n) for n in range(60)} == {"a", "b", "c"}
    assert {run("{{random::a::b}}", seed=n) for n in range(60)} == {"a", "b"}
    assert {run("{{roll:d6}}", seed=n) for n in range(200)} == set("123456")
    assert all(3 <= int(run("{{roll:3d6}}", seed=n)) <= 18 for n in range(50))


def test_pick_stays_the_same_for_one_text() -> None:
    text = "{{pick:a,b,c,d,e}}"
    assert len({run(text, rng=random.Random(n)) for n in range(30)}) == 1
    assert len({run(text, seed=n) for n in range(50)}) > 1
    first, second = run(f"{text} {text}").split()
    assert first == second


def test_what_keys_see() -> None:
    text = "a{{// no}}b{{hidden_key: moon}}{{comment:c}}d"
    assert scannable(text) == "abd"
    assert scannable(text, recursive=True) == "ab moond"


@given(st.text("{}:/,\\<>rolpickandmchuse d6\0\n", max_size=80))
def test_any_text(text: str) -> None:
    assert run(text) == run(text)


@pytest.mark.timeout(60)  # work that grew with the square of the length would not end
def test_nesting_and_length_cost_little() -> None:
    for text in ("{{" * 50_000, "{{reverse:" * 2_000 + "}}" * 2_000, "{{x}}" * 20_000, "{" * 100_000):
        run(text)


@pytest.mark.parametrize(("user", "read"), [("Kim", "Ada greets Kim."), ("", "Ada greets you.")])
def test_a_card_is_read_by_somebody(user: str, read: str) -> None:
    one = Character("ada", "Ada Lovelace", "London", Kind.HISTORICAL, Profile("Ada."), nickname="Ada")
    assert shown("{{// for the maker}} {{char}} greets {{user}}.\n", one, user=user) == read
