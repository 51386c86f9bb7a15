"""A drawing surface in units of 0 to 100, larger than the picture that comes out of it (antialiasing)."""

from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, ...]

PIXELS = 768


def colour(text: str, alpha: int = 255) -> Colour:
    """`#rrggbb` -> (r, g, b, alpha). The caller has checked the text."""
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16), alpha)


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of b in a, 0 to 1."""
    return (*(round(x + (y - x) * share) for x, y in zip(a[:3], b[:3], strict=True)), 255)


def darker(c: Colour, share: float = 0.2) -> Colour:
    return mixed(c, (24, 14, 30), share)


def lighter(c: Colour, share: float = 0.2) -> Colour:
    return mixed(c, (255, 250, 240), share)


def clear(c: Colour, alpha: int) -> Colour:
    return (*c[:3], alpha)


def mirrored(half: Sequence[Point]) -> list[Point]:
    """A closed outline from its right half, given from the top to the bottom."""
    return [*half, *((100 - x, y) for x, y in reversed(half) if abs(x - 50) > 0.01)]


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 8) -> list[Point]:
    """A Catmull-Rom spline through the points."""
    n = len(points)
    out: list[Point] = []
    for i in range(n if closed else n - 1):
        around = [(i + j) % n if closed else min(max(i + j, 0), n - 1) for j in (-1, 0, 1, 2)]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = (points[j] for j in around)
        for s in range(steps):
            t = s / steps
            f = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            out.append(
                (
                    (ax * f[0] + bx * f[1] + cx * f[2] + dx * f[3]) / 2,
                    (ay * f[0] + by * f[1] + cy * f[2] + dy * f[3]) / 2,
                )
            )
    return out if closed else [*out, points[-1]]


class Canvas:
    """Ellipses, blobs (smooth outlines), polygons and strokes, all in units; colours may be see-through."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (PIXELS, PIXELS))
        self.pen = ImageDraw.Draw(self.image, "RGBA")
        self.k = PIXELS / 100

    def _at(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self.k, y * self.k) for x, y in points]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.pen.ellipse(self._at([(x - rx, y - ry), (x + rx, y + ry)]), fill=fill)

    def ring(self, x: float, y: float, rx: float, ry: float, ink: Colour, width: float) -> None:
        box = self._at([(x - rx, y - ry), (x + rx, y + ry)])
        self.pen.ellipse(box, outline=ink, width=max(1, round(width * self.k)))

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        self.pen.polygon(self._at(smooth(points)), fill=fill)

    def twin(self, half: Sequence[Point], fill: Colour) -> None:
        """A blob that is the same on both sides of the middle, from its right half."""
        self.blob(mirrored(half), fill)

    def shape(self, points: Sequence[Point], fill: Colour) -> None:
        self.pen.polygon(self._at(points), fill=fill)

    def stroke(self, points: Sequence[Point], ink: Colour, width: float) -> None:
        """A smooth line with round ends."""
        line = self._at(smooth(points, closed=False) if len(points) > 2 else points)
        self.pen.line(line, fill=ink, width=max(1, round(width * self.k)), joint="curve")
        r = width * self.k / 2
        for x, y in (line[0], line[-1]):
            self.pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)

    def strokes(self, points: Sequence[Point], ink: Colour, width: float) -> None:
        """The same stroke on both sides of the middle."""
        self.stroke(points, ink, width)
        self.stroke([(100 - x, y) for x, y in points], ink, width)

    def ovals(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """The same oval on both sides; `x` counts from the middle."""
        self.oval(50 + x, y, rx, ry, fill)
        self.oval(50 - x, y, rx, ry, fill)
