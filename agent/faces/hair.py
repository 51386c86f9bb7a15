"""Hair: a part behind the head and a part over the brow. Beards."""

import math
from collections.abc import Callable

from agent.faces.canvas import Canvas, Colour, Point, clear, darker, lighter
from agent.faces.head import draw_mouth, skull
from agent.faces.look import Look


def draw_hair_back(c: Canvas, look: Look) -> None:
    if draw := _BEHIND.get(look["hair"]):
        draw(c, darker(look.paint("hair_color"), 0.18), look)


def _long(c: Canvas, hair: Colour, look: Look) -> None:
    w, low = skull(look).width, 92 if look["hair"] == "long" else 84
    c.twin(
        [(50, 17), (50 + w, 22), (50 + w + 5, 42), (50 + w + 6, 66), (50 + w + 2, low), (50, low - 8)], hair
    )


def _bob(c: Canvas, hair: Colour, look: Look) -> None:
    w = skull(look).width
    c.twin([(50, 17), (50 + w, 22), (50 + w + 5.4, 42), (50 + w + 5, 62), (50 + w - 2, 69), (50, 60)], hair)


def _bun(c: Canvas, hair: Colour, look: Look) -> None:
    c.oval(50, 16, 8.6, 7.6, look.paint("hair_color"))
    c.ring(50, 16.6, 5, 4.2, hair, 0.8)


def _updo(c: Canvas, hair: Colour, look: Look) -> None:
    c.ovals(skull(look).width + 2, 46, 5.4, 8.6, hair)
    c.oval(50, 15.4, 10.4, 7.6, hair)
    c.stroke([(43, 16), (50, 11.4), (57, 16)], lighter(hair, 0.25), 0.9)


def _topknot(c: Canvas, hair: Colour, look: Look) -> None:
    c.oval(50, 13.6, 5.4, 6, hair)


def _afro(c: Canvas, hair: Colour, look: Look) -> None:
    for i in range(13):
        a = math.pi * (0.86 + i * 1.28 / 12)
        c.oval(50 + 21 * math.cos(a), 39 + 21 * math.sin(a), 9, 9, hair)
    c.oval(50, 37, 24, 23, hair)


def _curls(c: Canvas, hair: Colour, look: Look) -> None:
    w = skull(look).width
    for x, y in ((w + 1, 33), (w + 4, 42), (w + 4.4, 52), (w + 3, 61), (w - 5, 23), (4, 18)):
        c.ovals(x, y, 6.4, 6.2, hair)


def _wild(c: Canvas, hair: Colour, look: Look) -> None:
    w = skull(look).width
    for x, y, r in ((w + 3, 40, 7), (w + 7, 48, 6.4), (w + 8, 57, 5.6), (w + 3, 62, 5), (w - 2, 29, 6)):
        c.ovals(x, y, r, r * 0.85, hair)
        c.ovals(x + r * 0.7, y + r * 0.5, r * 0.5, r * 0.4, hair)


def _braids(c: Canvas, hair: Colour, look: Look) -> None:
    hair, w = look.paint("hair_color"), skull(look).width
    for i in range(6):
        x, y = w - 0.6 + i * 0.35, 60 + i * 6
        c.ovals(x, y, 3.7, 4.1, hair if i % 2 else darker(hair, 0.3))
        c.strokes([(50 + x - 2.2, y - 1.6), (50 + x + 1.6, y + 1.2)], lighter(hair, 0.22), 0.6)
    c.ovals(w + 1.3, 97, 2.6, 3, look.paint("hat_color"))


_BEHIND: dict[str, Callable[[Canvas, Colour, Look], None]] = {
    "long": _long,
    "lank": _long,
    "wavy": _long,
    "bob": _bob,
    "bun": _bun,
    "updo": _updo,
    "topknot": _topknot,
    "braids": _braids,
    "afro": _afro,
    "curls": _curls,
    "wild": _wild,
}


def _fringe(w: float, parting: list[Point], side: float = 45) -> list[Point]:
    """The cap of hair over the head: its outer edge from left to right, then back along the brow."""
    return [
        (50 - w - 1.2, side),
        (50 - w - 1.6, 33),
        (50 - 0.66 * w, 21.4),
        (50, 18.2),
        (50 + 0.66 * w, 21.4),
        (50 + w + 1.6, 33),
        (50 + w + 1.2, side),
        (50 + w - 1.4, 39),
        *parting,
        (50 - w + 1.4, 39),
    ]


def _partings(w: float) -> dict[str, list[Point]]:
    """From right to left, where the hair ends over the brow."""
    middle: list[Point] = [
        (50 + 0.66 * w, 33),
        (50 + 0.2 * w, 27.6),
        (50, 25),
        (50 - 0.2 * w, 27.6),
        (50 - 0.66 * w, 33),
    ]
    swept: list[Point] = [(50 + 0.7 * w, 30), (50 + 0.2 * w, 28.4), (50 - 0.5 * w, 27.6), (50 - 0.8 * w, 32)]
    return {
        "short": [(50 + 0.72 * w, 33), (50 + 0.2 * w, 31), (50 - 0.4 * w, 32.2), (50 - 0.75 * w, 34)],
        "crop": [(50 + 0.78 * w, 31), (50 + 0.3 * w, 28.6), (50 - 0.3 * w, 28.6), (50 - 0.78 * w, 31)],
        "swept": swept,
        "wavy": swept,
        "bob": [(50 + 0.8 * w, 37.6), (50 + 0.3 * w, 36.2), (50 - 0.3 * w, 36.6), (50 - 0.8 * w, 37.6)],
        "lank": [
            (50 + 0.8 * w, 36),
            (50 + 0.45 * w, 31),
            (50 + 0.1 * w, 34.4),
            (50 - 0.4 * w, 30),
            (50 - 0.8 * w, 36),
        ],
        "topknot": [(50 + 0.7 * w, 29.6), (50, 26.4), (50 - 0.7 * w, 29.6)],
        "curls": [(50 + 0.74 * w, 34), (50 + 0.3 * w, 31), (50 - 0.2 * w, 33), (50 - 0.74 * w, 34)],
        "afro": [(50 + 0.72 * w, 32), (50, 28.6), (50 - 0.72 * w, 32)],
        "wild": [(50 + 0.7 * w, 33), (50 + 0.3 * w, 29), (50, 33), (50 - 0.4 * w, 29), (50 - 0.75 * w, 34)],
        "long": middle,
        "updo": middle,
        "bun": [(50 + 0.7 * w, 31), (50 + 0.2 * w, 26.8), (50 - 0.2 * w, 26.8), (50 - 0.7 * w, 31)],
        "braids": middle,
    }


def draw_hair_front(c: Canvas, look: Look) -> None:
    hair, w, style = look.paint("hair_color"), skull(look).width, look["hair"]
    if style == "monkey":
        for x in (-5, 0, 5):
            c.shape([(50 + x - 3, 23), (50 + x * 1.5, 12.6 + abs(x) * 0.5), (50 + x + 3, 23)], hair)
        return
    parting = _partings(w).get(style)
    if parting is None:
        return
    low = {"long": 56, "lank": 60, "bob": 60, "wavy": 54, "crop": 41, "topknot": 42}.get(style, 46)
    c.blob(_fringe(w, parting, low), hair)
    shine = clear(lighter(hair, 0.4), 90)
    if look["hat"] in ("none", "circlet", "band"):
        c.stroke([(50 - 0.62 * w, 26.4), (50 - 0.3 * w, 22.6), (50, 21.6)], shine, 1.2)
    if style == "curls":
        for x, y in ((-12, 27), (-6, 24), (1, 23), (8, 25), (13, 29), (-15, 33)):
            c.oval(50 + x, y, 4.4, 4, hair)
            c.ring(50 + x, y, 2.6, 2.3, darker(hair, 0.2), 0.6)


def draw_beard(c: Canvas, look: Look) -> None:
    style = look["beard"]
    if style == "none":
        return
    hair, s = look.paint("beard_color"), skull(look)
    w, chin, lip = s.width, s.chin, s.chin - 8.2
    if style == "stubble":
        c.twin(
            [
                (50, lip - 3),
                (50 + 0.5 * w, lip - 2),
                (50 + 0.86 * w, lip - 4),
                (50 + 0.5 * w, chin - 1),
                (50, chin),
            ],
            clear(hair, 60),
        )
        return
    if style in ("full", "long"):
        low = chin + (4 if style == "full" else 19)
        _cheeks(c, hair, w, lip, low, s.jaw)
        c.oval(50, lip + 1.3, 6.2, 3.0, look.paint("skin"))
        draw_mouth(c, look)
        if style == "long":
            for x in (-6, -2, 2, 6):
                c.stroke(
                    [(50 + x, lip + 7), (50 + x * 1.2, lip + 14), (50 + x * 0.9, low - 5)],
                    darker(hair, 0.16),
                    0.6,
                )
    if style in ("goatee", "pointed", "wisp"):
        long, wide = {"goatee": (3, 5), "pointed": (12, 5), "wisp": (13, 3)}[style]
        c.twin(
            [(50, lip + 4.2), (50 + wide, lip + 5), (50 + wide * 0.8, chin), (50 + 0.6, chin + long)], hair
        )
    _moustache(c, hair, lip, style)


def _cheeks(c: Canvas, hair: Colour, w: float, lip: float, low: float, jaw: float) -> None:
    half = [(50, lip - 4), (50 + 0.45 * w, lip - 4.4), (50 + 0.9 * w, lip - 8), (50 + w + 0.6, lip - 14)]
    c.twin([*half, (50 + w * jaw + 2, lip + 3), (50 + 0.62 * w, low - 4), (50, low)], hair)


def _moustache(c: Canvas, hair: Colour, lip: float, style: str) -> None:
    reach, drop = {"moustache": (7, 0.6), "wisp": (8.6, 6), "pointed": (11, -3.4)}.get(style, (7.6, 2.4))
    thick = 1.0 if style == "wisp" else 1.9
    y = lip - 2.7
    for side in (-1, 1):
        tip = (50 + side * reach, y + drop)
        c.blob(
            [
                (50, y - 0.7),
                (50 + side * 3.4, y - thick * 0.7),
                tip,
                (50 + side * 3.6, y + thick),
                (50, y + 0.9),
            ],
            hair,
        )
