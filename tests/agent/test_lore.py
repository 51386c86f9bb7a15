import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import lore
from agent.cards.books import to_entry
from agent.cards.decorators import render, split
from agent.character import Lorebook, LoreEntry
from agent.lore.keys import BUDGET_SECONDS, Matcher


def entry(content: str, *keys: str, **options: Any) -> LoreEntry:
    marks, words = split(content)
    return LoreEntry(**{"content": words, "keys": keys, "decorators": marks, **options})


def run(entries: list[LoreEntry], *recent: str, turn_count: int = 1, **options: Any) -> list[str]:
    """Contents triggered, with a token a word, depth 4, budget 100."""
    named = {"scan_depth", "token_budget", "recursive"}
    book = Lorebook(tuple(entries), **{k: v for k, v in options.items() if k in named})
    found = lore.triggered(
        book,
        recent,
        count=lambda text: len(text.split()),
        token_budget=100,
        scan_depth=4,
        rng=options.get("rng", random.Random(0)),
        turn_count=turn_count,
        greeting=options.get("greeting"),
    )
    return [e.content for e in found]


def always(*entries: LoreEntry) -> list[str]:
    return [e.content for e in lore.constant(Lorebook(entries))]


@pytest.mark.parametrize(
    ("made", "text", "matches"),
    [
        (entry("x", "moon"), "The Moon rises", True),
        (entry("x", "moon"), "the sun", False),
        (entry("x", "moon", "sun"), "the sun", True),
        (entry("x", "moon", case_sensitive=True), "The Moon", False),
        (entry("x", "Moon", case_sensitive=True), "The Moon", True),
        (entry("x", "moon"), "honeymoon", True),
        (entry("@@whole_words\nx", "moon"), "honeymoon", False),
        (entry("@@whole_words\nx", "moon"), "honeymoon, moon!", True),
        (entry("x", "STRASSE"), "die Straße", True),
        (entry("x", "月"), "今夜の月は", True),
        (entry("x", "", "  "), "anything", False),
        (entry("x"), "anything", False),
        (entry("x", "moon", enabled=False), "moon", False),
        (entry("@@activate\nx", "moon", enabled=False), "moon", False),
        (entry("", "moon"), "moon", False),
        (entry("x", "moon", selective=True, secondary_keys=("dark",)), "moon", False),
        (entry("x", "moon", selective=True, secondary_keys=("dark",)), "dark moon", True),
        (entry("x", "moon", selective=True, secondary_keys=("",)), "moon", True),
        (entry("x", "moon", secondary_keys=("dark",)), "moon", True),
        (entry("x", "moon", selective=True, secondary_keys=("dark",), use_regex=True), "moon", True),
        (entry("x", r"m\wo+n", use_regex=True), "The Moon", True),
        (entry("x", r"m\wo+n", use_regex=True, case_sensitive=True), "The Moon", False),
        (entry("x", "/moon/i", use_regex=True, case_sensitive=True), "The Moon", True),
        (entry("x", "/^moon$/m", use_regex=True), "a\nmoon\nb", True),
        (entry("x", r"^mo{2}n \d{4}-\d{2}$", use_regex=True), "moon 1815-12", True),
        (entry("x", "(moon", use_regex=True), "(moon", False),
        (entry("x", "moon", "(bad", use_regex=True), "moon", True),
        (entry("x", "a" * 2_000, use_regex=True), "a" * 2_000, False),
        (entry("x", "moon"), "{{// moon}}", False),
        (entry("@@additional_keys dark,deep\nx", "moon"), "moon", False),
        (entry("@@additional_keys dark,deep\nx", "moon"), "deep moon", True),
        (entry("@@additional_keys dark\n@@additional_keys deep\nx", "moon"), "deep moon", False),
        (entry("@@additional_keys dark\n@@additional_keys deep\nx", "moon"), "deep dark moon", True),
        (entry("@@additional_keys (bad\nx", "moon", use_regex=True), "moon", False),
        (entry("@@exclude_keys sun\nx", "moon"), "moon", True),
        (entry("@@exclude_keys sun\nx", "moon"), "moon and sun", False),
        (entry("@@exclude_keys sun\nx", "moon", use_regex=True), "moon and sun", True),
        (entry("@@dont_activate\nx", "moon"), "moon", False),
        (entry("@@odd 1\n@@@dont_activate\nx", "moon"), "moon", False),
    ],
)
def test_keys(made: LoreEntry, text: str, matches: bool) -> None:
    assert run([made], text) == ([made.content] if matches else [])


def test_constant_entries_are_in_every_prompt_once() -> None:
    entries = (
        entry("b", constant=True, insertion_order=2),
        entry("a", "x", constant=True, insertion_order=1),
        entry("@@activate\nc", insertion_order=3),
        entry("@@activate\n@@dont_activate\nd", insertion_order=4),
        entry("off", constant=True, enabled=False),
        entry("@@dont_activate\nno", constant=True),
        entry("regex", "zz", constant=True, use_regex=True),  # V3: constant is ignored with use_regex
        entry("@@activate_only_after 3\nlater", constant=True),
    )
    assert always(*entries) == ["a", "b", "c", "d"]
    assert run(list(entries), "x") == []
    assert run(list(entries), "x", turn_count=3) == ["later"]


def test_order_and_budget() -> None:
    entries = [
        entry("one " * 3, "k", insertion_order=3, priority=1),
        entry("two " * 3, "k", insertion_order=1, priority=9),
        entry("six " * 3, "k", insertion_order=2, priority=5),
    ]
    ordered = [entries[1].content, entries[2].content, entries[0].content]
    assert run(entries, "k") == ordered
    assert run(entries, "k", token_budget=8) == ordered[:2]
    assert run(entries, "k", token_budget=3) == ordered[:1]
    assert run(entries, "k", token_budget=2) == []
    same = [entry(w, "k") for w in "cab"]
    assert run(same, "k") == ["c", "a", "b"]


def test_constants_are_paid_first_and_giants_passed_over() -> None:
    entries = [entry("c " * 6, constant=True), entry("x x x", "k"), entry("giant " * 50, "k", priority=9)]
    assert run(entries, "k", token_budget=9) == ["x x x"]
    assert run(entries, "k", token_budget=8) == []
    assert run(entries, "k", token_budget=1) == []
    marked = [entry("@@ignore_on_max_context\na a", "k", priority=9), entry("b b", "k")]
    assert run(marked, "k", token_budget=2) == ["b b"]
    by_order = [entry("a a", "k", insertion_order=1), entry("b b", "k", insertion_order=5)]
    assert run(by_order, "k", token_budget=2) == ["b b"]


def test_scan_depth() -> None:
    made = [entry("x", "moon")]
    assert run(made, "moon", "a", "b", "c") == ["x"]
    assert run(made, "moon", "a", "b", "c", "d") == []
    assert run(made, "moon", "a", scan_depth=1) == []
    assert run(made, "moon", "a", scan_depth=0) == []
    assert run([entry("@@scan_depth 9\nx", "moon")], "moon", *"abcdef") == ["x"]
    assert run([entry("@@scan_depth 1\nx", "moon")], "moon", "a") == []
    assert run(made) == []


def test_recursion_only_where_the_book_allows_it() -> None:
    entries = [entry("the moon", "sun"), entry("the tide", "moon"), entry("fish {{hidden_key:net}}", "tide"),
               entry("boat", "net")]  # fmt: skip
    assert run(entries, "sun") == ["the moon"]
    assert run(entries, "sun", recursive=True) == [e.content for e in entries]
    loop = [entry("b", "a"), entry("a", "b")]
    assert run(loop, "a", recursive=True) == ["b", "a"]
    assert run([entry("the moon", constant=True), entry("x", "moon")], "", recursive=True) == ["x"]


def test_when() -> None:
    after = [entry("@@activate_only_after 2\nx", "k")]
    assert [run(after, "k", turn_count=n) for n in range(4)] == [[], [], ["x"], ["x"]]
    every = [entry("@@activate_only_every 2\nx", "k")]
    assert [bool(run(every, "k", turn_count=n)) for n in range(4)] == [True, False, True, False]
    assert run([entry("@@activate_only_every 0\nx", "k")], "k") == ["x"]
    greeted = [entry("@@is_greeting 1\nx", "k")]
    assert [bool(run(greeted, "k", greeting=g)) for g in (0, 1, None)] == [False, True, True]


def test_earlier_matches() -> None:
    keep = [entry("@@keep_activate_after_match\nx", "moon")]
    assert run(keep, "moon", *"abcdefgh") == ["x"]
    assert run(keep, *"abcdefgh") == []
    once = [entry("@@dont_activate_after_match\nx", "moon")]
    assert run(once, "a", "moon") == ["x"]
    assert run(once, "moon", "moon") == []
    pair = [entry("@@keep_activate_after_match\nx", "moon", selective=True, secondary_keys=("dark",))]
    assert run(pair, "moon", *"abcd", "dark", *"efgh") == []
    assert run(pair, "moon", "dark", *"abcdefgh") == ["x"]


def test_probability_is_drawn_from_the_callers_chance() -> None:
    made = [entry("@@probability 30\nx", "k"), entry("y", "k")]
    hits = sum("x" in run(made, "k", rng=random.Random(n)) for n in range(400))
    assert 80 < hits < 160
    assert run([entry("@@probability 0\nx", constant=True)], "k") == []
    assert run([entry("@@probability 100\nx", constant=True)], "k") == ["x"]


@pytest.mark.timeout(60)
def test_catastrophic_patterns_are_cut_short() -> None:
    evil = [
        entry("x", pattern, use_regex=True)
        for pattern in (r"(a+)+$", r"(a|a)*b", r"(.*a){25}z", "(((a{1000}){1000}){1000})") * 40
    ]
    assert run(evil, "a" * 5_000 + "!") == []


def test_all_patterns_of_a_prompt_share_one_budget() -> None:
    """On a clock of the test's own, on which each search takes two fifths of the budget."""
    ticks = itertools.count()
    matcher = Matcher(lambda: next(ticks) * 0.4 * BUDGET_SECONDS)
    pattern = entry("x", "mo+n", use_regex=True)
    assert [matcher.matches(pattern, ["moon"]) for _ in range(5)] == [True, True, True, False, False]


@pytest.mark.timeout(60)
def test_a_great_book_is_scanned() -> None:
    book = [entry(f"content {n}", f"key{n}", f"other{n}") for n in range(3_000)]
    assert run(book, "key7 " + "word " * 2_000, "x") == ["content 7"]


MARKS = st.sampled_from(["depth", "scan_depth", "probability", "is_greeting"])
ENTRIES = st.builds(
    LoreEntry,
    content=st.text(max_size=5),
    keys=st.tuples(st.text(max_size=4)),
    use_regex=st.booleans(),
    constant=st.booleans(),
    insertion_order=st.integers(-3, 3),
    decorators=st.dictionaries(MARKS, st.tuples(st.text(max_size=3))),
)


@given(st.lists(ENTRIES, max_size=5), st.lists(st.text(max_size=9), max_size=5), st.booleans())
def test_any_book(entries: list[LoreEntry], recent: list[str], recursive: bool) -> None:
    found = run(entries, *recent, recursive=recursive)
    assert found == run(entries, *recent, recursive=recursive)
    assert len(found) + len(always(*entries)) <= len(entries)


@pytest.mark.parametrize(
    ("content", "marks", "rest"),
    [
        ("plain", {}, "plain"),
        ("@@depth 4\n\nText", {"depth": ("4",)}, "Text"),
        ("\n@@depth 4\r\nText\n@@role user".replace("\r", ""), {"depth": ("4",)}, "Text\n@@role user"),
        ("@@depth four\nText", {}, "Text"),
        ("@@depth 4\n@@depth 5\nText", {"depth": ("4",)}, "Text"),
        ("@@DEPTH 4\nText", {"depth": ("4",)}, "Text"),
        (
            "@@role user\n@@position personality\nText",
            {"role": ("user",), "position": ("personality",)},
            "Text",
        ),
        ("@@role wizard\n@@@role system\nText", {"role": ("system",)}, "Text"),
        ("@@a\n@@@b\n@@@c\n@@@d\n@@@e\n@@@depth 1\n@@@depth 2\nText", {"depth": ("1",)}, "Text"),
        ("@@depth 1\n@@@activate\nText", {"depth": ("1",)}, "Text"),
        ("@@instruct_depth 1\n@@@depth 3\nText", {"depth": ("3",)}, "Text"),
        ("@@is_user_icon x\nText", {}, "Text"),
        ("@@exclude_keys a, b\n@@exclude_keys c\nText", {"exclude_keys": ("a", "b", "c")}, "Text"),
        (
            "@@additional_keys a\n@@additional_keys b\nT",
            {"additional_keys": ("a",), "additional_keys#2": ("b",)},
            "T",
        ),
        ("@@activate\n@@dont_activate true\nText", {"activate": (), "dont_activate": ()}, "Text"),
        ("@@activate", {"activate": ()}, ""),
        ("@@ not one\nText", {}, "@@ not one\nText"),
        ("@@@activate\nText", {}, "Text"),
        ("mail me @@depth 4", {}, "mail me @@depth 4"),
        ("", {}, ""),
    ],
)
def test_decorators(content: str, marks: dict[str, Any], rest: str) -> None:
    assert split(content) == (marks, rest)
    assert split(render(marks, rest))[0] == marks


def test_sillytavern_entries() -> None:
    base = {"keys": ["moon"], "content": "x", "enabled": True, "insertion_order": 1, "use_regex": True}
    silly = {"display_index": 0, "useProbability": True, "probability": 40, "match_whole_words": True,
             "position": 4, "depth": 2, "case_sensitive": True}  # fmt: skip
    made = to_entry({**base, "constant": True, "extensions": silly})
    assert not made.use_regex
    assert made.case_sensitive
    assert made.decorators == {"probability": ("40",), "whole_words": (), "depth": ("2",)}
    regex = to_entry({**base, "keys": ["/moo+n/i"], "extensions": {"display_index": 0}})
    assert regex.decorators == {"key_by_key": ()}
    assert run([regex], "MOOOON") == ["x"]
    assert to_entry({**base, "extensions": {}}).use_regex
