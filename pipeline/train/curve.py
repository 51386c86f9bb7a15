"""The loss over the steps, as numbers and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.backends.store import write_json

WIDE, HIGH, EDGE = 760, 420, 60
COLOURS = {"train": "#9aa7b8", "held": "#b4432f"}
NAMES = {"train": "training", "held": "held out"}
Curve = Mapping[str, Sequence[Sequence[float]]]


def write(folder: Path, curve: Curve) -> None:
    """curve.json and curve.svg."""
    write_json(folder / "curve.json", dict(curve))
    (folder / "curve.svg").write_text(drawn(curve), encoding="utf-8")


def drawn(curve: Curve) -> str:
    """An SVG: the held-out loss, and the training loss as it is and smoothed."""
    points = [point for line in curve.values() for point in line]
    last = max((step for step, _ in points), default=1) or 1
    low, high = min((v for _, v in points), default=0.0), max((v for _, v in points), default=1.0)
    high = high if high > low else low + 1

    def place(step: float, value: float) -> str:
        x = EDGE + (WIDE - 2 * EDGE) * step / last
        y = HIGH - EDGE - (HIGH - 2 * EDGE) * (value - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    def line(of: Sequence[Sequence[float]], colour: str, width: float) -> str:
        path = " ".join(place(step, value) for step, value in of)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def word(x: float, y: float, text: str, colour: str = "#333", anchor: str = "start") -> str:
        return f'<text x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}">{text}</text>'

    parts = [
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
        line(curve.get("train", ()), COLOURS["train"], 0.5),
        line(smoothed(curve.get("train", ())), COLOURS["train"], 2),
        line(curve.get("held", ()), COLOURS["held"], 2),
        word(WIDE / 2, HIGH - 20, f"step 0 to {last:.0f}", anchor="middle"),
        word(EDGE - 8, EDGE, f"{high:.2f}", anchor="end"),
        word(EDGE - 8, HIGH - EDGE, f"{low:.2f}", anchor="end"),
        *(word(EDGE + 130 * n, 30, f"{NAMES[name]} loss", COLOURS[name]) for n, name in enumerate(COLOURS)),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" '
        f'font-size="13">\n{body}\n</svg>\n'
    )


def smoothed(line: Sequence[Sequence[float]], keep: float = 0.9) -> list[list[float]]:
    """An exponential mean that starts unbiased."""
    found: list[list[float]] = []
    total = weight = 0.0
    for step, value in line:
        total, weight = keep * total + value, keep * weight + 1
        found.append([step, total / weight])
    return found
