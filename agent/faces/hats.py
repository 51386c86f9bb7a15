"""Hats, veils, bands."""

from collections.abc import Callable

from agent.faces.canvas import Canvas, Colour, clear, darker, lighter
from agent.faces.head import skull
from agent.faces.look import Look


def draw_hat_back(c: Canvas, look: Look) -> None:
    """What hangs behind the head."""
    cloth, w = look.paint("hat_color"), skull(look).width
    if look["hat"] == "veil":
        half = [(50, 10), (50 + w, 16), (50 + w + 8, 38), (50 + w + 11, 66), (50 + w + 15, 92), (50, 98)]
        c.twin(half, darker(cloth, 0.18))
    elif look["hat"] == "futou":
        for side in (-1, 1):
            wing = [(50 + side * 10, 25), (50 + side * 27, 27), (50 + side * 33, 35), (50 + side * 30, 38)]
            c.blob([*wing, (50 + side * 22, 32)], darker(cloth, 0.2))
    elif look["hat"] == "headscarf":
        c.blob([(67, 40), (76, 44), (80, 52), (73, 53), (66, 46)], darker(cloth, 0.25))


def draw_hat(c: Canvas, look: Look) -> None:
    draw = _HATS.get(look["hat"])
    if draw is not None:
        draw(c, look.paint("hat_color"), look.paint("hat_trim"), skull(look).width)


def _deerstalker(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.twin([(50, 8), (50 + 0.7 * w, 11), (50 + w + 3, 24), (50 + w + 3.4, 34), (50, 31)], cloth)
    for x in (-12, -4, 4, 12):
        c.stroke([(50 + x * 0.5, 9.4), (50 + x, 20), (50 + x * 1.25, 31)], clear(trim, 150), 0.6)
    for y in (15, 21, 27):
        c.stroke([(50 - w + 2, y + 2), (50, y - 0.6), (50 + w - 2, y + 2)], clear(trim, 150), 0.6)
    for side in (-1, 1):
        flap = [
            (50 + side * 2, 8),
            (50 + side * 12, 11),
            (50 + side * (w + 4), 26),
            (50 + side * (w + 2), 33),
        ]
        c.blob([*flap, (50 + side * 11, 22)], darker(cloth, 0.14))
    c.twin([(50, 27.5), (50 + w, 30), (50 + w + 5, 36), (50 + 0.6 * w, 35.4), (50, 34)], darker(cloth, 0.3))
    for side in (-1, 1):
        c.blob([(50, 8), (50 + side * 5, 4.4), (50 + side * 6, 8.6)], trim)
    c.oval(50, 8.2, 1.5, 1.5, darker(trim, 0.3))


def _tophat(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.shape([(33, -1), (70, -3), (66, 26), (34, 27)], cloth)
    c.shape([(33, -1), (39, -1.4), (40, 27), (34, 27)], lighter(cloth, 0.14))
    c.shape([(33.8, 18), (67.3, 16.6), (66, 27), (34, 27)], trim)
    c.blob(
        [(24, 28), (36, 24.6), (50, 27), (64, 24.4), (76, 26), (70, 32.4), (50, 34.4), (30, 33.6)],
        darker(cloth, 0.2),
    )
    c.shape([(58, 10), (69, 8.4), (70.4, 19), (59.4, 20.6)], (250, 244, 220, 255))
    ink: Colour = (80, 60, 60, 255)
    c.stroke([(61.4, 13), (67.4, 12.2)], ink, 0.7)
    c.stroke([(62, 16.6), (64, 16.3)], ink, 0.9)
    c.stroke([(65.6, 17.6), (66.6, 14)], ink, 0.6)


def _turban(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.twin([(50, 5), (50 + w, 10), (50 + w + 6.4, 24), (50 + w + 2, 34), (50, 33)], cloth)
    c.twin([(50, 3), (58, 4.4), (62, 9), (50, 12)], trim)
    fold = darker(cloth, 0.17)
    for i in range(4):
        y = 12 + i * 5.2
        c.stroke([(50 - w - 3 + i * 0.5, y + 9), (44, y + 3.6), (50 + w + 2, y - 1 + i)], fold, 0.8)
    c.stroke([(50 + w - 2, 12), (56, 21), (50 - w + 4, 32.4)], fold, 0.8)


def _headscarf(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    half = [(50, 12.4), (50 + 0.75 * w, 15.4), (50 + w + 3.4, 27), (50 + w + 2.6, 41), (50 + w - 2, 38)]
    c.twin([*half, (50 + 0.6 * w, 32), (50, 29.6)], cloth)
    c.stroke(
        [(50 - w + 0.4, 37), (50 - 0.5 * w, 31.4), (50, 29.8), (50 + 0.5 * w, 31.4), (50 + w - 0.4, 37)],
        trim,
        1.8,
    )
    for x, y in ((-10, 22), (-3, 18), (5, 22), (12, 25), (-15, 29), (0, 25.4)):
        c.oval(50 + x, y, 0.9, 0.9, trim)
    c.blob([(66, 38), (71, 33), (76, 37), (71, 42)], darker(cloth, 0.12))


def _beret(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    half = [(28, 28), (25, 20), (36, 11), (54, 9), (72, 13), (79, 22), (74, 30), (62, 29), (50, 28), (38, 29)]
    c.blob(half, cloth)
    c.stroke([(33, 18), (44, 13), (56, 12.6)], lighter(cloth, 0.2), 1.3)
    c.stroke([(31, 29), (40, 28), (50, 27.4), (60, 28), (69, 29.4)], trim, 3.4)


def _futou(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.blob([(38, 16), (41, 4), (50, 1.6), (59, 4), (62, 16), (50, 20)], cloth)
    c.stroke([(50, 3), (50, 13)], trim, 0.8)
    c.twin(
        [(50, 11), (50 + 0.8 * w, 14), (50 + w + 1.4, 25), (50 + w, 31.4), (50, 29.4)], lighter(cloth, 0.06)
    )
    c.stroke([(50 - w + 0.4, 30), (50, 27.6), (50 + w - 0.4, 30)], trim, 2.2)


def _basin(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.twin([(50, 7), (50 + 0.7 * w, 10), (50 + w + 0.6, 22), (50 + w, 29), (50, 29)], cloth)
    c.blob(
        [(20, 29), (34, 26), (50, 25.2), (66, 26), (80, 29), (70, 33.6), (50, 34.4), (30, 33.6)],
        darker(cloth, 0.14),
    )
    c.blob([(22, 28.6), (36, 26.6), (50, 26), (64, 26.6), (78, 28.6), (50, 30.6)], lighter(cloth, 0.25))
    c.stroke([(38, 22), (41, 14), (47, 10.6)], lighter(cloth, 0.6), 1.6)
    c.blob([(60, 33.8), (64, 28.6), (69.4, 32.8)], trim)


def _montera(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.twin([(50, 15), (50 + 0.7 * w, 16), (50 + w - 1, 25), (50 + w - 3, 29), (50, 28)], darker(cloth, 0.35))
    c.blob([(17, 14), (30, 9), (50, 7.4), (70, 9), (83, 14), (72, 23), (50, 25), (28, 23)], cloth)
    c.blob(
        [(19, 13.6), (32, 10), (50, 8.8), (68, 10), (81, 13.6), (66, 17), (50, 18), (34, 17)],
        lighter(cloth, 0.16),
    )
    for i in range(13):
        x = 22 + i * 4.7
        y = 17.4 + (1 - abs(i - 6) / 6) * 6.6
        c.stroke([(x, y), (x, y + 3.4)], trim if i % 2 else (70, 150, 120, 255), 1.5)
    c.stroke([(36, 13.6), (50, 12.4), (64, 13.6)], trim, 1.1)


def _fila(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.blob([(31, 30), (31, 18), (40, 9), (56, 8), (76, 17), (82, 27), (70, 29), (60, 29), (50, 28.4)], cloth)
    c.blob([(62, 12), (76, 17), (82, 27), (72, 26), (66, 20)], darker(cloth, 0.2))
    c.stroke([(31.6, 28.6), (42, 27), (56, 27), (68, 28.6)], trim, 2.4)
    for x, y in ((38, 20), (45, 15), (53, 19), (60, 15), (47, 22.4)):
        c.shape([(x, y - 2.2), (x + 2, y), (x, y + 2.2), (x - 2, y)], trim)


def _veil(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    half = [(50, 13), (50 + 0.75 * w, 16), (50 + w + 4, 29), (50 + w + 6.6, 52), (50 + w + 2.4, 44)]
    c.twin([*half, (50 + w - 2, 33), (50 + 0.55 * w, 26.6), (50, 24.6)], cloth)
    c.stroke(
        [(50 - w + 1, 34), (50 - 0.55 * w, 27), (50, 25), (50 + 0.55 * w, 27), (50 + w - 1, 34)], trim, 1.5
    )
    for x in (-10, -5, 5, 10):
        c.oval(50 + x, 28.4 + abs(x) * 0.16, 0.9, 0.9, trim)
    c.oval(50, 30, 1.7, 2.3, (64, 190, 170, 255))
    c.ring(50, 30, 2.2, 2.8, trim, 0.6)


def _band(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.stroke(
        [(50 - w - 2, 33), (40, 29.4), (50, 28.4), (60, 29.4), (50 + w + 2, 33)], darker(cloth, 0.3), 3.6
    )
    c.stroke([(50 - w - 2, 32.6), (40, 29), (50, 28), (60, 29), (50 + w + 2, 32.6)], cloth, 2.6)
    for side in (-1, 1):
        c.stroke([(50, 28.4), (50 + side * 3.4, 24), (50 + side * 6.4, 26.6)], cloth, 1.5)
    c.oval(50, 28.4, 1.9, 1.9, trim)


def _circlet(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    for i in range(-5, 6):
        c.oval(50 + i * w * 0.175, 24.4 + (i * i) * 0.22, 1.15, 1.15, cloth)
    for x, y in ((-13, 24), (13, 24)):
        for dx, dy in ((-1.9, 0), (1.9, 0), (0, -1.9), (0, 1.9)):
            c.oval(50 + x + dx, y + dy, 1.5, 1.5, (238, 170, 190, 255))
        c.oval(50 + x, y, 1.1, 1.1, trim)


def _cap(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.twin([(50, 11), (50 + 0.75 * w, 14), (50 + w + 2, 26), (50 + w + 1, 33), (50, 30)], cloth)
    c.blob([(36, 30), (52, 27.6), (72, 30), (80, 36), (62, 35.6), (46, 34)], darker(cloth, 0.25))
    c.oval(50, 11.4, 1.6, 1.2, trim)


def _straw(c: Canvas, cloth: Colour, trim: Colour, w: float) -> None:
    c.blob([(12, 30), (30, 25), (50, 23.6), (70, 25), (88, 30), (70, 34), (50, 35), (30, 34)], cloth)
    c.twin([(50, 9), (60, 11), (65, 27), (50, 29)], lighter(cloth, 0.1))
    c.stroke([(35.4, 25.4), (50, 27), (64.6, 25.4)], trim, 3)


_HATS: dict[str, Callable[[Canvas, Colour, Colour, float], None]] = {
    "deerstalker": _deerstalker,
    "tophat": _tophat,
    "turban": _turban,
    "headscarf": _headscarf,
    "beret": _beret,
    "futou": _futou,
    "basin": _basin,
    "montera": _montera,
    "fila": _fila,
    "veil": _veil,
    "band": _band,
    "circlet": _circlet,
    "cap": _cap,
    "straw": _straw,
}
