"""Neck, ears, head and features."""

from dataclasses import dataclass

from agent.faces.canvas import Canvas, Colour, Point, clear, darker, lighter, mixed
from agent.faces.look import Look


@dataclass(frozen=True)
class Skull:
    """Half the head's width, how far the jaw and the chin reach of it, and the chin's height on the page."""

    width: float
    jaw: float
    tip: float
    chin: float


SKULLS = {
    "oval": Skull(17.6, 0.86, 0.46, 71),
    "round": Skull(19.2, 0.95, 0.55, 70),
    "long": Skull(16.2, 0.84, 0.46, 74),
    "square": Skull(18.8, 0.99, 0.68, 73),
    "heart": Skull(18.4, 0.80, 0.34, 70.5),
}

INK: Colour = (46, 28, 30, 255)
WHITE: Colour = (255, 253, 248, 255)


def skull(look: Look) -> Skull:
    return SKULLS[look["shape"]]


def outline(s: Skull, grow: float = 0) -> list[Point]:
    """The right half of the head's outline, from the crown to the chin."""
    w = s.width + grow
    return [
        (50, 22 - grow),
        (50 + 0.62 * w, 25 - grow),
        (50 + w, 37),
        (50 + w * 0.99, 49),
        (50 + w * s.jaw, s.chin - 10.5),
        (50 + w * s.tip, s.chin - 2.6 + grow),
        (50, s.chin + grow),
    ]


def draw_neck(c: Canvas, look: Look) -> None:
    skin = look.paint("skin")
    c.shape([(43, 60), (57, 60), (58, 86), (42, 86)], skin)
    c.blob([(43, 66), (57, 66), (57.4, 75), (50, 79.5), (42.6, 75)], darker(skin, 0.2))


def draw_head(c: Canvas, look: Look) -> None:
    s, skin = skull(look), look.paint("skin")
    if look["mark"] == "monkey":
        _monkey(c, look)
        return
    c.ovals(s.width + 0.4, 50, 3.1, 4.7, skin)
    c.ovals(s.width + 0.7, 50.2, 1.5, 2.7, darker(skin, 0.14))
    c.twin(outline(s), skin)


def _monkey(c: Canvas, look: Look) -> None:
    fur, skin = look.paint("hair_color"), look.paint("skin")
    c.ovals(21, 47, 6.4, 7.4, fur)
    c.ovals(21.4, 47.4, 4, 5, lighter(skin, 0.1))
    half = [(50, 19), (61, 20), (70, 30), (71.5, 44), (76, 56), (69, 61), (70.5, 67), (62, 70), (50, 75.5)]
    c.twin(half, fur)
    mask = [(50, 37.5), (54, 33.5), (61.5, 34), (65, 42), (63, 52), (64.5, 60), (58.5, 69), (50, 71.5)]
    c.twin(mask, skin)
    c.oval(50, 61.5, 11, 8, lighter(skin, 0.25))


def draw_features(c: Canvas, look: Look) -> None:
    skin = look.paint("skin")
    dark = sum(skin[:3]) < 330
    c.ovals(10.6, 56.8, 3.9, 2.6, clear((196, 70, 50, 255) if dark else (238, 100, 90, 255), 62))
    _age(c, look)
    _eyes(c, look)
    _brows(c, look)
    _nose(c, look)
    draw_mouth(c, look)
    if mark := _MARKS.get(look["mark"]):
        mark(c, look)


def _eyes(c: Canvas, look: Look) -> None:
    mood, x, y = look["mood"], 7.7, 48.2
    high = {"sly": 2.3, "calm": 2.8, "stern": 2.5, "grin": 3.2}.get(mood, 3.0)
    c.ovals(x, y, 3.5, high, WHITE)
    drop = 0.35 if mood == "wistful" else 0
    for side in (-1, 1):
        px = 50 + side * x + (0.4 if mood == "sly" else 0)
        c.oval(px, y + drop, 2.15, min(2.25, high), look.paint("eyes"))
        c.oval(px, y + drop, 1.2, 1.25, (22, 16, 20, 255))
        c.oval(px + 0.8, y - 0.8 + drop, 0.62, 0.62, WHITE)
    lid = [
        (50 + x - 3.7, y - 0.6),
        (50 + x - 1.6, y - high + 0.1),
        (50 + x + 1.4, y - high),
        (50 + x + 3.9, y - 1),
    ]
    c.strokes(lid, INK, 0.95)


def _brows(c: Canvas, look: Look) -> None:
    hair = look.paint("hair_color")
    ink = darker(hair, 0.25) if look["age"] != "old" else darker(hair, 0.1)
    if look["hair"] == "monkey":
        ink = darker(hair, 0.45)
    y = 41.6
    lines: dict[str, tuple[list[Point], float]] = {
        "soft": ([(53.4, y + 0.4), (57.5, y - 1.0), (62.2, y + 0.6)], 1.3),
        "arched": ([(53.2, y + 0.6), (58.2, y - 1.9), (62.6, y + 0.9)], 1.1),
        "thick": ([(53.2, y + 0.3), (57.8, y - 0.8), (62.6, y + 0.8)], 2.2),
        "stern": ([(53.0, y + 1.5), (57.8, y - 0.5), (62.6, y - 0.5)], 1.6),
        "raised": ([(53.2, y - 0.8), (57.8, y - 2.9), (62.4, y - 0.9)], 1.6),
    }
    points, width = lines[look["brows"]]
    if look["mood"] == "wistful":
        points = [(x, q - 1.6 + i * 0.9) for i, (x, q) in enumerate(points)]
    c.strokes(points, ink, width)


def _nose(c: Canvas, look: Look) -> None:
    shade = darker(look.paint("skin"), 0.28)
    if look["mark"] == "monkey":
        c.ovals(1.5, 56, 0.8, 0.6, shade)
        return
    long = 58.2 if look["shape"] == "long" else 57
    c.stroke([(50.6, 50), (52.4, long - 2), (51.6, long), (49.2, long + 0.1)], shade, 1.0)


def draw_mouth(c: Canvas, look: Look) -> None:
    y = skull(look).chin - 8.2
    lip = mixed(darker(look.paint("skin"), 0.3), (168, 50, 56, 255), 0.5)
    mood = look["mood"]
    if mood == "grin":
        c.blob(
            [(43.6, y - 1.4), (50, y - 0.5), (56.4, y - 1.4), (54.4, y + 3), (50, y + 4.3), (45.6, y + 3)],
            INK,
        )
        c.blob([(44.6, y - 0.9), (50, y), (55.4, y - 0.9), (54, y + 1.5), (46, y + 1.5)], WHITE)
        return
    curves: dict[str, list[Point]] = {
        "smile": [(45, y - 0.6), (47.4, y + 1.3), (50, y + 1.8), (52.6, y + 1.3), (55, y - 0.6)],
        "calm": [(45.8, y + 0.1), (50, y + 0.9), (54.2, y + 0.1)],
        "sly": [(45.4, y + 0.9), (50, y + 1.1), (53.4, y + 0.2), (55.4, y - 1.5)],
        "stern": [(45.6, y + 0.7), (50, y + 0.1), (54.4, y + 0.7)],
        "wistful": [(46, y + 0.9), (48.6, y + 0.3), (51.4, y + 0.5), (54, y + 0.5)],
    }
    c.stroke(curves[mood], lip, 1.25)
    c.stroke([(48.2, y + 3.6), (51.8, y + 3.6)], clear(darker(look.paint("skin"), 0.3), 90), 0.8)


def _age(c: Canvas, look: Look) -> None:
    if look["age"] == "young":
        return
    shade = clear(darker(look.paint("skin"), 0.34), 120)
    c.strokes([(55.6, 56.5), (57.6, 59), (57.7, 62)], shade, 0.6)
    if look["age"] == "old":
        c.strokes([(54.6, 52.8), (57.8, 53.8), (61, 52.6)], shade, 0.6)
        c.strokes([(63, 46.6), (65, 45.4)], shade, 0.5)
        c.strokes([(63.2, 48.8), (65.4, 49.2)], shade, 0.5)
        c.stroke([(45, 35.4), (50, 34.6), (55, 35.4)], shade, 0.6)


def _stitches(c: Canvas, look: Look) -> None:
    thread = darker(look.paint("skin"), 0.6)
    c.stroke([(60, 28), (58.6, 33), (60.6, 38)], thread, 0.7)
    for y in (29.5, 32.4, 35.2):
        c.stroke([(57.2, y), (61.4, y + 0.4)], thread, 0.7)
    c.stroke([(35.4, 57), (39, 60), (41, 64)], thread, 0.7)
    for x, y in ((36.4, 58), (38.8, 60.2), (40.2, 62.6)):
        c.stroke([(x - 1.4, y + 1.2), (x + 1.4, y - 1.2)], thread, 0.7)


def _freckles(c: Canvas, look: Look) -> None:
    spot = clear(darker(look.paint("skin"), 0.35), 150)
    for x, y in ((8, 54), (10.4, 53.2), (12.2, 55), (9.6, 56), (6.6, 55.6)):
        c.ovals(x, y, 0.5, 0.5, spot)


def _scar(c: Canvas, look: Look) -> None:
    c.stroke([(62, 51), (60, 55), (61, 59)], clear(lighter(look.paint("skin"), 0.45), 220), 0.9)


_MARKS = {"stitches": _stitches, "freckles": _freckles, "scar": _scar}
