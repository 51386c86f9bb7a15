"""What is behind the character: two colours melting into each other, and a scene in soft shapes."""

import math
from collections.abc import Callable

from PIL import Image

from agent.faces.canvas import PIXELS, Canvas, Colour, clear, darker, lighter, mixed
from agent.faces.look import Look

WHITE: Colour = (255, 252, 240, 255)


def draw_backdrop(canvas: Canvas, look: Look) -> None:
    top, bottom = look.paint("background"), look.paint("background2")
    ramp = Image.linear_gradient("L").resize((1, PIXELS)).resize((PIXELS, PIXELS))
    above, below = (Image.new("RGB", ramp.size, c[:3]) for c in (top, bottom))
    canvas.image.paste(Image.composite(below, above, ramp))
    _SCENES[look["scene"]](canvas, top, bottom)


def _plain(c: Canvas, top: Colour, bottom: Colour) -> None:
    c.oval(50, 46, 42, 42, clear(lighter(bottom, 0.3), 60))


def _disc(c: Canvas, x: float, y: float, r: float, fill: Colour) -> None:
    for grow, alpha in ((1.6, 30), (1.3, 45), (1.0, 255)):
        c.oval(x, y, r * grow, r * grow, clear(fill, alpha))


def _sun(c: Canvas, top: Colour, bottom: Colour) -> None:
    _disc(c, 80, 22, 10, (255, 240, 190, 255))
    c.blob([(-5, 78), (20, 72), (45, 77), (75, 71), (105, 78), (105, 110), (-5, 110)], darker(bottom, 0.2))


def _moon(c: Canvas, top: Colour, bottom: Colour) -> None:
    _disc(c, 81, 20, 10.5, (255, 246, 214, 255))
    c.blob([(-5, 70), (15, 66), (35, 71), (66, 67), (105, 73), (105, 105), (-5, 105)], clear(WHITE, 46))
    c.blob([(-5, 82), (30, 77), (70, 83), (105, 78), (105, 105), (-5, 105)], clear(WHITE, 46))


def _sparkle(c: Canvas, x: float, y: float, r: float, fill: Colour = WHITE) -> None:
    points = []
    for i in range(8):
        reach = r if i % 2 == 0 else r * 0.28
        points.append((x + reach * math.sin(i * math.pi / 4), y - reach * math.cos(i * math.pi / 4)))
    c.shape(points, fill)


_SKY = ((12, 14, 2.2), (27, 7, 1.3), (88, 16, 2.6), (76, 6, 1.4), (8, 40, 1.5), (93, 44, 1.6), (18, 62, 1.2))


def _stars(c: Canvas, top: Colour, bottom: Colour) -> None:
    for x, y, r in _SKY:
        _sparkle(c, x, y, r, (255, 236, 176, 255))
    c.oval(15, 26, 6, 6, (255, 240, 200, 255))
    c.oval(17.6, 24.6, 5.4, 5.4, mixed(top, bottom, 0.25))


def _northstar(c: Canvas, top: Colour, bottom: Colour) -> None:
    _sparkle(c, 80, 17, 9, clear(WHITE, 70))
    _sparkle(c, 80, 17, 6)
    for x, y, r in _SKY[4:] + _SKY[:2]:
        _sparkle(c, x, y, r * 0.8, clear(WHITE, 190))
    for x, high in ((4, 30), (14, 22), (90, 26), (99, 34), (80, 18)):
        c.shape([(x - 8, 104), (x, 88 - high), (x + 8, 104)], clear(darker(top, 0.45), 200))


def _hills(c: Canvas, top: Colour, bottom: Colour) -> None:
    for y, share in ((62, 0.12), (70, 0.24), (80, 0.38)):
        points = [(-5, y + 3), (14, y - 5), (38, y + 3), (64, y - 4), (88, y + 2), (105, y - 5)]
        c.blob([*points, (110, 115), (-10, 115)], mixed(bottom, darker(top, 0.15), share + 0.1))


def _dunes(c: Canvas, top: Colour, bottom: Colour) -> None:
    _disc(c, 18, 20, 9, (255, 247, 214, 255))
    c.blob(
        [(-5, 70), (22, 60), (52, 72), (85, 58), (108, 68), (108, 112), (-8, 112)], mixed(bottom, top, 0.45)
    )
    c.blob([(-5, 80), (30, 76), (66, 84), (106, 72), (106, 112), (-8, 112)], mixed(bottom, top, 0.75))


def _mountains(c: Canvas, top: Colour, bottom: Colour) -> None:
    for x, y, w in ((12, 30, 30), (88, 24, 34), (52, 40, 34)):
        c.shape([(x - w, 90), (x, y), (x + w, 90)], mixed(bottom, darker(top, 0.2), 0.62))
        part = 0.26
        peak = [(x - w * part, y + (90 - y) * part), (x, y), (x + w * part, y + (90 - y) * part)]
        c.shape([*peak, (x + w * 0.1, y + 14), (x, y + 18), (x - w * 0.12, y + 13)], WHITE)
    c.blob([(-5, 78), (30, 72), (70, 79), (105, 72), (105, 110), (-5, 110)], (128, 160, 92, 255))


def _rays(c: Canvas, top: Colour, bottom: Colour) -> None:
    for i in range(12):
        a, b = i * math.pi / 6, i * math.pi / 6 + math.pi / 12
        points = [(50.0, 52.0), (50 + 90 * math.cos(a), 52 + 90 * math.sin(a))]
        c.shape([*points, (50 + 90 * math.cos(b), 52 + 90 * math.sin(b))], clear(WHITE, 66))


def _cloud(c: Canvas, x: float, y: float, r: float, fill: Colour) -> None:
    for dx, dy, size in ((-1.5, 0.3, 0.75), (-0.6, -0.25, 1.0), (0.5, -0.1, 0.9), (1.4, 0.35, 0.65)):
        c.oval(x + dx * r, y + dy * r, size * r, size * r, fill)
    c.oval(x, y + 0.6 * r, 2.3 * r, 0.45 * r, fill)


def _clouds(c: Canvas, top: Colour, bottom: Colour) -> None:
    for x, y, r in ((16, 24, 6), (86, 16, 5), (94, 62, 7), (5, 70, 8)):
        _cloud(c, x, y, r, mixed(bottom, WHITE, 0.75))


def _grid(c: Canvas, top: Colour, bottom: Colour) -> None:
    for row in range(12):
        for column in range(13):
            if (row * 7 + column * column * 3 + row * column) % 5 < 3:
                c.oval(4 + column * 7.7, 5 + row * 7.7, 1.25, 1.25, clear(WHITE, 95))


def _snow(c: Canvas, top: Colour, bottom: Colour) -> None:
    c.shape([(-5, 92), (14, 40), (26, 60), (38, 48), (60, 92)], clear(WHITE, 60))
    c.shape([(45, 92), (74, 44), (84, 58), (92, 36), (112, 92)], clear(WHITE, 60))
    for i in range(34):
        c.oval(
            (i * 37 + 5) % 100,
            (i * 53 + 9) % 92,
            0.6 + (i % 3) * 0.35,
            0.6 + (i % 3) * 0.35,
            clear(WHITE, 190),
        )


def _glow(c: Canvas, top: Colour, bottom: Colour) -> None:
    for r in range(48, 12, -4):
        c.oval(50, 48, r, r, clear(lighter(bottom, 0.4), 24))


def _blossom(c: Canvas, top: Colour, bottom: Colour) -> None:
    wood: Colour = (84, 60, 66, 255)
    c.stroke([(-3, 30), (14, 22), (24, 10), (34, 4)], wood, 1.8)
    c.stroke([(103, 22), (90, 14), (82, 3)], wood, 1.6)
    for x, y in (
        (6, 26),
        (15, 18),
        (23, 12),
        (31, 7),
        (90, 13),
        (85, 6),
        (96, 19),
        (10, 60),
        (92, 58),
        (86, 76),
    ):
        for i in range(5):
            a = i * math.tau / 5 + x
            c.oval(x + 2 * math.cos(a), y + 2 * math.sin(a), 1.6, 1.6, (252, 205, 218, 255))
        c.oval(x, y, 0.9, 0.9, (232, 130, 150, 255))


def _waves(c: Canvas, top: Colour, bottom: Colour) -> None:
    for row in range(5):
        y = 58 + row * 9
        points = [(x, y + (1.6 if i % 2 else -1.6)) for i, x in enumerate(range(-6, 112, 9))]
        c.stroke([(float(x), q) for x, q in points], clear(WHITE, 110), 1.1)


_SCENES: dict[str, Callable[[Canvas, Colour, Colour], None]] = {
    "plain": _plain,
    "sun": _sun,
    "moon": _moon,
    "stars": _stars,
    "northstar": _northstar,
    "hills": _hills,
    "dunes": _dunes,
    "mountains": _mountains,
    "rays": _rays,
    "clouds": _clouds,
    "grid": _grid,
    "snow": _snow,
    "glow": _glow,
    "blossom": _blossom,
    "waves": _waves,
}
