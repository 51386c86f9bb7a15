"""A picture in the terminal, as well as that terminal can: kitty's graphics, iTerm2's inline images, sixels,
else half blocks in colour, else nothing. What a terminal can is told by its environment; none is asked,
because an answer would arrive among the words a person types.

Sources: kitty graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol), iTerm2 inline images
(iterm2.com/documentation-images.html), DEC STD 070 chapter 9 (sixels).
"""

import base64
import io
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

CELL = (10, 20)  # pixels of a character cell, width and height: a common size, only for scaling
CHUNK = 4_096  # bytes of base64 in one kitty escape


class Way(StrEnum):
    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    NONE = "none"


def way(environ: Mapping[str, str], *, tty: bool, encoding: str = "utf-8") -> Way:
    """How a picture can be shown. Inside tmux and screen, graphics do not pass: half blocks do."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if not tty or term in ("", "dumb", "linux") or environ.get("NO_COLOR"):
        return Way.NONE
    if not (environ.get("TMUX") or term.startswith(("screen", "tmux"))):
        if environ.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in term or program == "ghostty":
            return Way.KITTY
        if program in ("iTerm.app", "WezTerm", "vscode-iterm") or environ.get("LC_TERMINAL") == "iTerm2":
            return Way.ITERM2
        if "sixel" in term or term.startswith(("foot", "mlterm", "contour", "yaft")):
            return Way.SIXEL
    colours = environ.get("COLORTERM") in ("truecolor", "24bit") or "256color" in term or "direct" in term
    return Way.BLOCKS if colours and encoding.lower().replace("-", "") == "utf8" else Way.NONE


def drawn(data: bytes, how: Way, *, columns: int = 48, rows: int = 16, true_colour: bool = True) -> str:
    """The picture (PNG or JPEG bytes from the intake) as text for the terminal, ending in a line break; at
    most that many cells large; empty where nothing can be shown. Blocking, some tens of milliseconds."""
    if how is Way.NONE or columns < 2 or rows < 2:
        return ""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    if how is Way.BLOCKS:
        return _blocks(_fitted(picture, columns, rows * 2), true_colour)
    fitted = _fitted(picture, columns * CELL[0], rows * CELL[1])
    if how is Way.SIXEL:
        return _sixel(fitted) + "\n"
    made = io.BytesIO()
    fitted.save(made, "PNG")
    text = base64.standard_b64encode(made.getvalue()).decode()
    if how is Way.ITERM2:
        return f"\x1b]1337;File=inline=1;size={made.tell()};preserveAspectRatio=1:{text}\a\n"
    return _kitty(text) + "\n"


def _fitted(picture: "Image", width: int, height: int) -> "Image":
    scale = min(width / picture.width, height / picture.height, 1.0)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _kitty(text: str) -> str:
    pieces = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    out = []
    for number, piece in enumerate(pieces):
        more = int(number + 1 < len(pieces))
        control = f"a=T,f=100,q=2,m={more}" if number == 0 else f"m={more}"
        out.append(f"\x1b_G{control};{piece}\x1b\\")
    return "".join(out)


def _blocks(picture: "Image", true_colour: bool) -> str:
    """Two pixels a cell: the upper half block in the colour of one, on the colour of the other."""
    width, height = picture.size
    pixels = picture.tobytes()

    def colour(x: int, y: int, layer: int) -> str:
        if y >= height:
            return "" if layer == 38 else "\x1b[49m"
        r, g, b = pixels[(y * width + x) * 3 : (y * width + x) * 3 + 3]
        if true_colour:
            return f"\x1b[{layer};2;{r};{g};{b}m"
        return f"\x1b[{layer};5;{16 + 36 * round(r / 51) + 6 * round(g / 51) + round(b / 51)}m"

    lines = []
    for y in range(0, height, 2):
        cells = (colour(x, y, 38) + colour(x, y + 1, 48) + "▀" for x in range(width))
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines) + "\n"


def _sixel(picture: "Image", colours: int = 64) -> str:
    """Bands of six rows; in each band one pass a colour, runs counted."""
    reduced = picture.quantize(colours)
    width, height = reduced.size
    pixels = reduced.tobytes()
    palette = (reduced.getpalette() or [])[: colours * 3]
    out = ["\x1bP0;1;0q", f'"1;1;{width};{height}']
    for number in range(len(palette) // 3):
        r, g, b = (round(v * 100 / 255) for v in palette[number * 3 : number * 3 + 3])
        out.append(f"#{number};2;{r};{g};{b}")
    for top in range(0, height, 6):
        band = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        passes = []
        for number in sorted(set().union(*band)):
            bits = [sum((row[x] == number) << bit for bit, row in enumerate(band)) for x in range(width)]
            passes.append(f"#{number}" + _runs(bits))
        out.append("$".join(passes) + "-")
    return "".join(out) + "\x1b\\"


def _runs(bits: list[int]) -> str:
    out, start = [], 0
    for x in range(1, len(bits) + 1):
        if x == len(bits) or bits[x] != bits[start]:
            count, char = x - start, chr(63 + bits[start])
            out.append(f"!{count}{char}" if count > 3 else char * count)
            start = x
    return "".join(out)
