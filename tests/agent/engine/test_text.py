"""Whole characters only, and no part of a stop string, wherever the tokens are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.text import TextGate


def test_an_emoji_waits_for_its_last_byte() -> None:
    gate = TextGate()
    data = "a🦊b".encode()
    assert [gate.feed(data[i : i + 1]) for i in range(len(data))] == ["a", "", "", "", "🦊", "b"]


def test_an_unfinished_character_is_dropped_at_the_end() -> None:
    gate = TextGate()
    assert gate.feed("ok🦊".encode()[:-1]) == "ok"
    assert gate.end() == ""


def test_a_stop_string_across_tokens_never_shows() -> None:
    gate = TextGate(("\nUser:",))
    assert [gate.feed(t) for t in (b"Well", b".\n", b"Us", b"er", b": hi")] == ["Well", ".", "", "", ""]
    assert gate.stopped
    assert gate.end() == ""


def test_a_false_start_is_shown_after_all() -> None:
    gate = TextGate(("\nUser:",))
    assert gate.feed(b"a\nUs") == "a"
    assert gate.feed(b"eful") == "\nUseful"
    assert gate.feed(b"\n") == ""
    assert gate.end() == "\n"


def test_the_first_of_two_stops_counts() -> None:
    gate = TextGate(("cd", "bc"))
    assert gate.feed(b"abcd") == "a"


@pytest.mark.parametrize("pieces", [[b"\naa"], [b"\n", b"a", b"a"]])
def test_the_stop_that_is_complete_first_counts_wherever_tokens_end(pieces: list[bytes]) -> None:
    gate = TextGate(("a", "\naa"))
    assert "".join(gate.feed(p) for p in pieces) == "\n"
    assert gate.stopped


def test_a_reply_cut_short_never_ends_in_half_a_stop_string() -> None:
    gate = TextGate(("\nUser:",))
    assert gate.feed(b"Well.\nUs") == "Well."
    assert gate.end(cut=True) == ""


@given(
    st.text("abc\n🦊é", max_size=40),
    st.lists(st.text("abc\n🦊", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(1, 5), min_size=1, max_size=60),
)
def test_any_cut_gives_what_one_piece_gives(text: str, stops: list[str], cuts: list[int]) -> None:
    found = [(text.find(s) + len(s), text.find(s)) for s in stops if s in text]  # (its end, its beginning)
    expected = text[: min(found)[1]] if found else text
    gate, data, shown, i = TextGate(stops), text.encode(), "", 0
    while data:
        size = cuts[i % len(cuts)]
        i += 1
        piece, data = data[:size], data[size:]
        shown += gate.feed(piece)
        assert expected.startswith(shown), (shown, expected)
    assert shown + gate.end() == expected
