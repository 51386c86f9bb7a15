"""Glasses and what is carried or worn besides."""

import math
from collections.abc import Callable

from agent.faces.canvas import Canvas, Colour, clear, darker, lighter
from agent.faces.head import skull
from agent.faces.look import Look

GOLD: Colour = (240, 196, 84, 255)


def draw_glasses(c: Canvas, look: Look) -> None:
    style, rim = look["glasses"], look.paint("glasses_color")
    if style == "none":
        return
    w, y = skull(look).width, 48.4
    if style == "monocle":
        c.oval(57.7, y, 5, 5, (255, 255, 255, 50))
        c.ring(57.7, y, 5.4, 5.4, GOLD, 0.9)
        c.stroke([(62.6, 51), (66, 60), (64, 74)], GOLD, 0.5)
        return
    for side in (-1, 1):
        x = 50 + side * 7.8
        if style == "round":
            c.oval(x, y, 5.4, 5.2, (255, 255, 255, 56))
            c.ring(x, y, 6, 5.8, rim, 1.0)
        else:
            corners = [(x - 6, y - 4.4), (x + 6, y - 4.4), (x + 5.6, y + 4), (x - 5.6, y + 4)]
            c.shape(corners, (255, 255, 255, 50))
            for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
                c.stroke([a, b], rim, 1.1)
        c.stroke([(50 + side * 13.6, y - 1), (50 + side * w, y - 2)], rim, 0.9)
    c.stroke([(48.2, y - 0.9), (50, y - 1.7), (51.8, y - 0.9)], rim, 0.9)


def draw_accessories(c: Canvas, look: Look) -> None:
    for name in look.accessories:
        _ACCESSORIES[name](c, look)


def _pipe(c: Canvas, look: Look) -> None:
    y = skull(look).chin - 7.4
    wood: Colour = (92, 52, 32, 255)
    c.stroke([(53.6, y), (60, y + 2), (66, y + 7.6)], (40, 28, 26, 255), 1.5)
    c.blob([(63.6, y + 2.4), (71.6, y + 2), (71.4, y + 9.4), (67.6, y + 12), (64, y + 9)], wood)
    c.oval(67.6, y + 2.3, 3.7, 1.3, darker(wood, 0.5))
    c.stroke([(65.6, y + 5), (65.8, y + 8.6)], lighter(wood, 0.3), 0.8)
    for i, alpha in enumerate((110, 84, 60, 40)):
        c.oval(69 + (i % 2) * 4 + i * 2, y - 3 - i * 7, 2.2 + i * 0.9, 2 + i * 0.7, (255, 255, 255, alpha))


def _earrings(c: Canvas, look: Look) -> None:
    w = skull(look).width
    c.ovals(w + 0.6, 56.4, 0.9, 0.9, GOLD)
    c.ovals(w + 0.6, 59.4, 1.7, 2.2, GOLD)
    c.ovals(w + 0.6, 59.7, 0.8, 1.1, look.paint("clothing_color"))


def _necklace(c: Canvas, look: Look) -> None:
    for i in range(-6, 7):
        c.oval(50 + i * 1.75, 83.6 - i * i * 0.16, 1.0, 1.0, GOLD)
    c.oval(50, 86.4, 1.9, 2.4, (64, 190, 170, 255))


def _bowtie(c: Canvas, look: Look) -> None:
    cloth = look.paint("clothing_trim")
    for side in (-1, 1):
        c.blob([(50, 82), (50 + side * 9.6, 77), (50 + side * 10.4, 87.4)], cloth)
        for x, y in ((6, 80.6), (8, 84), (5.4, 83.6)):
            c.oval(50 + side * x, y, 0.8, 0.8, darker(cloth, 0.45))
    c.oval(50, 82, 2.2, 2.6, darker(cloth, 0.25))


def _ruff(c: Canvas, look: Look) -> None:
    fold: Colour = (196, 196, 204, 255)
    for i in range(-9, 10):
        a = i / 9
        c.oval(50 + 17 * math.sin(a * 1.4), 76.4 + 4.2 * math.cos(a * 1.5), 2.7, 3.6, (250, 248, 242, 255))
        across, down = math.sin(a * 1.4), math.cos(a * 1.5)
        c.stroke([(50 + 12 * across, 74 + 3 * down), (50 + 17 * across, 77 + 4.2 * down)], fold, 0.4)


def _staff(c: Canvas, look: Look) -> None:
    c.stroke([(84, 104), (92, 18)], (58, 34, 40, 255), 3.4)
    c.stroke([(84.6, 98), (84, 104)], GOLD, 4)
    c.stroke([(91, 29), (92.2, 16)], GOLD, 4.2)
    c.stroke([(91.4, 24), (91.9, 19)], (200, 60, 44, 255), 1)


def _flask(c: Canvas, look: Look) -> None:
    glass: Colour = (214, 244, 226, 120)
    for r in (15, 11, 8):
        c.oval(82, 84, r, r, (150, 255, 190, 34))
    c.shape([(80, 68), (84, 68), (84, 77), (91, 92), (89, 95), (75, 95), (73, 92), (80, 77)], glass)
    c.shape(
        [(77.6, 84), (86.4, 84), (90.4, 92.4), (88.6, 94.4), (75.4, 94.4), (73.6, 92.4)], (110, 240, 160, 220)
    )
    c.stroke([(79.2, 68), (84.8, 68)], (240, 255, 246, 230), 1.1)
    for x, y in ((80, 90), (84, 87.4), (83, 92)):
        c.oval(x, y, 0.9, 0.9, (230, 255, 236, 240))


def _stethoscope(c: Canvas, look: Look) -> None:
    tube: Colour = (56, 62, 84, 255)
    c.strokes([(58.6, 75), (61, 84), (59, 92)], tube, 1.5)
    c.stroke([(41, 92), (46, 99), (54, 99), (59, 92)], tube, 1.5)
    c.oval(41, 92.6, 2.4, 2.4, (206, 212, 220, 255))
    c.oval(41, 92.6, 1.2, 1.2, tube)


def _flower(c: Canvas, look: Look) -> None:
    x, y = 50 + skull(look).width - 2, 30
    for i in range(5):
        a = i * math.tau / 5 - 0.3
        c.oval(x + 2.9 * math.cos(a), y + 2.9 * math.sin(a), 2.4, 2.4, (240, 120, 130, 255))
    c.oval(x, y, 1.6, 1.6, clear(GOLD, 255))


_ACCESSORIES: dict[str, Callable[[Canvas, Look], None]] = {
    "pipe": _pipe,
    "earrings": _earrings,
    "necklace": _necklace,
    "bowtie": _bowtie,
    "ruff": _ruff,
    "staff": _staff,
    "flask": _flask,
    "stethoscope": _stethoscope,
    "flower": _flower,
}
