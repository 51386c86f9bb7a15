"""Pictures in the terminal: the right way for each, and output that decodes to the picture."""

import base64
import io
import re

import pytest
from PIL import Image

from bot.platforms.terminal_picture import Way, drawn, way


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, Way.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Way.KITTY),
        ({"TERM": "xterm-ghostty"}, Way.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Way.ITERM2),
        ({"TERM": "foot"}, Way.SIXEL),
        ({"TERM": "xterm-256color"}, Way.BLOCKS),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, Way.BLOCKS),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "TMUX": "/tmp/x"}, Way.BLOCKS),
        ({"TERM": "xterm"}, Way.NONE),
        ({"TERM": "dumb"}, Way.NONE),
        ({}, Way.NONE),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, Way.NONE),
    ],
)
def test_the_way_follows_from_the_environment(environ: dict[str, str], wanted: Way) -> None:
    assert way(environ, tty=True) is wanted


def test_no_terminal_or_no_letters_no_picture() -> None:
    assert way({"TERM": "xterm-kitty"}, tty=False) is Way.NONE
    assert way({"TERM": "xterm-256color"}, tty=True, encoding="ascii") is Way.NONE


@pytest.fixture
def flag() -> bytes:
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    picture.paste((0, 0, 255), (20, 0, 40, 20))
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


def test_kitty_carries_a_png_in_chunks(flag: bytes) -> None:
    noise = Image.effect_noise((300, 200), 90)
    made = io.BytesIO()
    noise.save(made, "PNG")
    shown = drawn(made.getvalue(), Way.KITTY)
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown)
    assert len(pieces) > 1
    assert all(len(data) <= 4096 for _, data in pieces)
    assert [control.rpartition("m=")[2] for control, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces)))) as back:
        assert back.size == (300, 200)


def test_iterm2_carries_a_png(flag: bytes) -> None:
    shown = drawn(flag, Way.ITERM2)
    match = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);[^:]*:([^\a]*)\a\n", shown)
    assert match
    data = base64.b64decode(match[2])
    assert len(data) == int(match[1])
    with Image.open(io.BytesIO(data)) as back:
        assert back.size == (40, 20)


def test_blocks_show_both_halves_in_their_colours(flag: bytes) -> None:
    lines = drawn(flag, Way.BLOCKS, columns=10, rows=10).splitlines()
    assert lines
    assert all(line.count("▀") == 10 and line.endswith("\x1b[0m") for line in lines)
    assert "\x1b[38;2;255;0;0m" in lines[0]
    assert "\x1b[48;2;0;0;255m" in lines[0]
    assert "\x1b[38;5;196m" in drawn(flag, Way.BLOCKS, columns=10, true_colour=False)


def test_sixels_decode_to_the_picture(flag: bytes) -> None:
    shown = drawn(flag, Way.SIXEL)
    colours: dict[int, tuple[int, ...]] = {}
    pixels: dict[tuple[int, int], int] = {}
    body = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\\n', shown, re.DOTALL)
    assert body
    x = y = colour = 0
    for token in re.finditer(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|(\$)|(-)", body[3]):
        if token[1]:
            colours[int(token[1])] = tuple(int(token[n]) for n in (2, 3, 4))
        elif token[5]:
            colour = int(token[5])
        elif token[9]:
            x = 0
        elif token[10]:
            x, y = 0, y + 6
        else:
            bits = ord(token[7] or token[8]) - 63
            end = x + int(token[6] or 1)
            pixels.update(
                {(at, y + bit): colour for at in range(x, end) for bit in range(6) if bits >> bit & 1}
            )
            x = end
    assert len(pixels) == 40 * 20
    assert colours[pixels[0, 0]] == (100, 0, 0)
    assert colours[pixels[39, 19]] == (0, 0, 100)


def test_none_is_nothing(flag: bytes) -> None:
    assert drawn(flag, Way.NONE) == ""
