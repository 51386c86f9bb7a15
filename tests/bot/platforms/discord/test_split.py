"""Splitting long texts."""

import re

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.discord.split import cut, size, split

MARKS = st.sampled_from(
    [
        "```",
        "```py\n",
        "\n",
        "\n\n",
        ". ",
        "! ",
        " ",
        "[a link](https://example.org/a)",
        "👨‍👩‍👧‍👦",
        "é",
        "e\u0301",
        "𝔘",
        "<@1234567890>",
        "https://example.org/long/path",
        "word",
        "語。",
        "\ud800",
    ]
)
TEXTS = st.lists(st.one_of(MARKS, st.text(max_size=30)), max_size=60).map("".join)


@settings(deadline=None)
@given(TEXTS, st.integers(64, 200))
def test_nothing_is_lost_and_every_part_fits(text: str, limit: int) -> None:
    pieces = cut(text, limit)
    assert "".join(p.raw for p in pieces) == text
    assert all(size(p.text) <= limit for p in pieces)
    parts = split(text, limit)
    assert all(part.strip() == part and part for part in parts)
    assert all(size(part) <= limit for part in parts)


@settings(deadline=None)
@given(TEXTS, st.integers(64, 200))
def test_no_part_leaves_a_fence_open(text: str, limit: int) -> None:
    assert all(p.text.count("```") % 2 == 0 for p in cut(text, limit))


@settings(deadline=None)
@given(TEXTS, st.integers(64, 200))
def test_grapheme_clusters_stay_whole(text: str, limit: int) -> None:
    borders = {0} | {m.end() for m in regex.finditer(r"\X", text)}
    longest = max((size(m[0]) for m in regex.finditer(r"\X", text)), default=0)
    position = 0
    for piece in cut(text, limit):
        position += len(piece.raw)
        assert position in borders or longest > limit - 30


def test_borders_are_paragraphs_then_lines_then_sentences_then_words() -> None:
    paragraph = "A sentence here. " * 4
    assert split(f"{paragraph}\n\n{paragraph}", 100) == [paragraph.strip()] * 2
    assert split(f"{paragraph}\n{paragraph}", 100) == [paragraph.strip()] * 2
    assert all(part.endswith(".") for part in split("A sentence here. " * 30, 100))
    assert all(re.fullmatch(r"(word ?)+", part) for part in split("word " * 100, 64))


def test_a_fence_is_closed_and_opened_again_in_its_language() -> None:
    text = "```python\n" + "x = 1\n" * 40 + "```"
    parts = split(text, 100)
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)
    assert sum(part.count("x = 1") for part in parts) == 40


def test_links_are_not_broken() -> None:
    link = "[the whole of it](https://example.org/a/long/address/indeed)"
    parts = split(" ".join([link] * 6), 100)
    assert sum(part.count(link) for part in parts) == 6


def test_an_unfinished_fence_is_closed_for_showing() -> None:
    assert split("Look:\n```js\nlet a", 100) == ["Look:\n```js\nlet a\n```"]


def test_blank_texts_make_no_message_and_silly_limits_are_refused() -> None:
    assert split("", 100) == []
    assert split(" \n ", 100) == []
    with pytest.raises(ValueError, match="64"):
        split("text", 10)
