"""Shoulders and what is worn on them."""

from collections.abc import Callable

from agent.faces.canvas import Canvas, Colour, Point, darker, lighter
from agent.faces.look import Look

_SHOULDERS: list[Point] = [(50, 75), (60, 77.5), (76, 81.5), (86, 90), (89, 104), (50, 116)]
_NARROW: list[Point] = [(50, 75), (59, 78), (71, 82), (79, 90), (82, 104), (50, 116)]


def draw_body(c: Canvas, look: Look) -> None:
    cloth, trim = look.paint("clothing_color"), look.paint("clothing_trim")
    _CLOTHES[look["clothing"]](c, cloth, trim, look.paint("skin"))


def _throat(c: Canvas, skin: Colour, deep: float, wide: float = 8) -> None:
    """Skin where the cloth leaves the neck open."""
    c.shape(
        [(50 - wide, 74), (50 + wide, 74), (50 + wide * 0.9, 78), (50, deep), (50 - wide * 0.9, 78)], skin
    )


def _shirt(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, cloth)
    _throat(c, skin, 84)
    for side in (-1, 1):
        c.shape([(50 + side * 8.6, 75), (50 + side * 14, 79), (50 + side * 5, 90), (50, 84)], trim)


def _coat(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, cloth)
    c.shape([(41, 76), (59, 76), (54, 100), (46, 100)], (246, 240, 228, 255))
    _throat(c, skin, 81.5, 6.5)
    for side in (-1, 1):
        lapel = [(50 + side * 9, 75), (50 + side * 17, 80.5), (50 + side * 14, 87), (50 + side * 16, 89)]
        c.shape([*lapel, (50 + side * 4, 102), (50 + side * 3, 96)], darker(cloth, 0.28))
        c.stroke([(50 + side * 9, 75.4), (50 + side * 16.6, 80.6)], trim, 1)


def _cape(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    _coat(c, darker(cloth, 0.15), trim, skin)
    for side in (-1, 1):
        half = [(50 + side * 10, 76), (50 + side * 26, 79), (50 + side * 40, 91), (50 + side * 42, 106)]
        c.blob([*half, (50 + side * 22, 104), (50 + side * 16, 90)], cloth)
        for step in range(4):
            x = 50 + side * (20 + step * 5.5)
            c.stroke([(x, 82 + step * 1.6), (x + side * 2, 101)], trim, 0.5)
        for step in range(3):
            y = 86 + step * 5.5
            c.stroke([(50 + side * 18, y), (50 + side * 39, y + 3)], trim, 0.5)


def _gown(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_NARROW, skin)
    c.twin([(50, 90), (61, 87), (74, 84), (84, 92), (86, 106), (50, 118)], cloth)
    for x in range(-30, 31, 6):
        c.oval(50 + x, 89.4 - abs(x) * 0.15, 3.4, 1.9, trim)
    c.oval(50, 92.5, 1.6, 1.6, lighter(cloth, 0.5))


def _robe(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, cloth)
    _throat(c, skin, 88)
    c.shape([(58, 74.5), (64, 77), (45, 104), (39, 104)], trim)
    c.shape([(42, 74.5), (36, 77), (50, 94), (53, 88)], darker(trim, 0.12))
    c.strokes([(70, 86), (73, 94), (74, 101)], darker(cloth, 0.2), 0.8)


def _tunic(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, cloth)
    _throat(c, skin, 81, 8)
    c.stroke([(41.6, 76.6), (50, 82.6), (58.4, 76.6)], trim, 1.9)
    c.stroke([(50, 83), (50, 101)], trim, 2.2)
    for y in (86, 90, 94, 98):
        c.ovals(4.2, y, 0.9, 0.9, trim)
        c.ovals(7.6, y + 2, 0.7, 0.7, trim)


def _dress(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_NARROW, cloth)
    c.shape([(43, 72.5), (57, 72.5), (58.5, 80), (50, 82.5), (41.5, 80)], darker(cloth, 0.1))
    c.stroke([(43, 72.6), (50, 74.8), (57, 72.6)], trim, 1.6)
    for y in (85, 90, 95):
        c.oval(50, y, 0.9, 0.9, lighter(cloth, 0.4))
    c.strokes([(60, 84), (61.5, 93), (61, 101)], lighter(cloth, 0.14), 0.7)


def _scrubs(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_NARROW, cloth)
    _throat(c, skin, 88, 9)
    c.stroke([(41.2, 76.4), (50, 88.6), (58.8, 76.4)], trim, 1.8)
    c.stroke([(60, 93), (68, 93)], darker(cloth, 0.2), 0.9)
    c.stroke([(62, 91), (62, 94.6)], (210, 80, 90, 255), 1)


def _shawl(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, darker(cloth, 0.35))
    c.shape([(42.6, 73), (57.4, 73), (58.6, 80), (50, 86), (41.4, 80)], trim)
    for side in (-1, 1):
        wrap = [(50 + side * 8, 76), (50 + side * 24, 79), (50 + side * 39, 91), (50 + side * 40, 106)]
        c.blob([*wrap, (50 - side * 2, 106), (50 + side * 1, 94)], cloth if side > 0 else darker(cloth, 0.12))
        c.stroke([(50 + side * 8, 78), (50 + side * 2, 93), (50 - side * 1, 101)], lighter(cloth, 0.3), 0.9)
    c.oval(50, 91, 1.9, 1.9, (226, 186, 106, 255))


def _manta(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, (250, 245, 236, 255))
    _throat(c, skin, 82, 7)
    for side in (-1, 1):
        wrap = [(50 + side * 9, 76), (50 + side * 26, 79), (50 + side * 39, 91), (50 + side * 40, 106)]
        c.blob([*wrap, (50 + side * 4, 106), (50 + side * 5, 90)], cloth)
        for i, stripe in enumerate((trim, (46, 120, 98, 255), lighter(trim, 0.5))):
            x = 14 + i * 5
            c.stroke([(50 + side * x, 80 + i), (50 + side * (x + 1.5), 103)], stripe, 1.7)
    c.oval(50, 88, 2.2, 2.2, (212, 216, 220, 255))
    c.stroke([(50, 88), (53, 97)], (180, 186, 192, 255), 0.9)


def _armor(c: Canvas, cloth: Colour, trim: Colour, skin: Colour) -> None:
    c.twin(_SHOULDERS, cloth)
    c.blob([(50, 80), (62, 83), (66, 104), (34, 104), (38, 83)], lighter(cloth, 0.22))
    c.stroke([(50, 81), (50, 102)], trim, 0.9)
    for side in (-1, 1):
        for i in range(3):
            c.oval(50 + side * (29 + i * 3), 88 + i * 5.5, 10, 5, darker(cloth, 0.1 * i))
            c.oval(50 + side * (28 + i * 3), 87 + i * 5.5, 8.4, 3.4, lighter(cloth, 0.2))
    c.ovals(13, 96, 0.9, 0.9, trim)


_CLOTHES: dict[str, Callable[[Canvas, Colour, Colour, Colour], None]] = {
    "shirt": _shirt,
    "coat": _coat,
    "cape": _cape,
    "gown": _gown,
    "robe": _robe,
    "tunic": _tunic,
    "dress": _dress,
    "scrubs": _scrubs,
    "shawl": _shawl,
    "manta": _manta,
    "armor": _armor,
}
