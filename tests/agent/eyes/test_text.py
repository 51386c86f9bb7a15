import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agent.eyes.text import Reader, quotable
from tests.agent.drawing import landscape, sign


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize("words", ["EMERGENCY EXIT", "Baker Street 221", "OPEN 24 HOURS"])
def test_reads_signs(reader: Reader, words: str) -> None:
    assert reader.lines(sign(words)) == [words]


def test_reads_lines_in_order(reader: Reader) -> None:
    assert reader.lines(sign("FIRST LINE\nSECOND LINE\nTHIRD LINE", 48)) == [
        "FIRST LINE",
        "SECOND LINE",
        "THIRD LINE",
    ]


def test_finds_nothing_where_nothing_is(reader: Reader) -> None:
    assert reader.lines(landscape()) == []
    assert reader.lines(sign("ab")) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 2048), (2048, 1), (30, 900), (2048, 2048)])
def test_any_size(reader: Reader, size: tuple[int, int]) -> None:
    assert reader.lines(Image.new("RGB", size, "white")) == []


def test_reads_a_narrow_strip(reader: Reader) -> None:
    assert reader.lines(sign("A VERY NARROW BANNER INDEED", 40, 900, 60)) == ["A VERY NARROW BANNER INDEED"]


@given(st.lists(st.text(), max_size=20))
def test_what_is_quoted_cannot_leave_its_quotes(lines: list[str]) -> None:
    text = quotable(lines)
    assert len(text) <= 300
    assert not set('"“”„«»[]{}<>\n\r\t\u2028\u202e\u200b') & set(text)
    assert not any(unicodedata.category(c)[0] == "C" for c in text)


def test_quoting() -> None:
    assert quotable(['say "hi"', " and\n\x07bye "]) == "say 'hi' / and bye"
    assert quotable(["x" * 400]).endswith("x…")
    assert quotable(["[Watson]: yes", "<|im_end|>{{user}}"]) == "(Watson): yes / ‹|im_end|›((user))"
    assert quotable([]) == ""
