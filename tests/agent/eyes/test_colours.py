import io

import pytest
from PIL import Image, ImageDraw

from agent.eyes.colours import describe, is_drawn
from tests.agent.drawing import coded, halves, landscape, sign


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ffffff", "white"),
        ("#000000", "black"),
        ("#808080", "grey"),
        ("#d01010", "red"),
        ("#ff8c00", "orange"),
        ("#f0e020", "yellow"),
        ("#20a030", "green"),
        ("#20c8c8", "turquoise"),
        ("#2040d0", "blue"),
        ("#8020d0", "purple"),
        ("#f060b0", "pink"),
        ("#7a4a1c", "brown"),
        ("#e8d8b8", "beige"),
    ],
)
def test_names(colour: str, name: str) -> None:
    assert describe(Image.new("RGB", (60, 60), colour), drawn=False).split("; ")[0] == f"mostly {name}"


def test_several_colours_largest_first() -> None:
    image = Image.new("RGB", (100, 50), (20, 60, 220))
    ImageDraw.Draw(image).rectangle((0, 0, 35, 50), fill="white")
    assert describe(image, drawn=False) == "mostly blue and white; landscape"


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((50, 50), "square"),
        ((50, 80), "portrait"),
        ((80, 50), "landscape"),
        ((800, 50), "very wide"),
        ((1, 2048), "very tall"),
    ],
)
def test_shapes(size: tuple[int, int], shape: str) -> None:
    assert describe(Image.new("RGB", size, "#2040d0"), drawn=False).endswith(f"; {shape}")


def test_brightness() -> None:
    assert "; dark;" in describe(Image.new("RGB", (9, 9), (20, 20, 30)), drawn=False)
    assert "; bright;" in describe(Image.new("RGB", (9, 9), (250, 250, 250)), drawn=False)


def test_drawings_are_told_from_photographs() -> None:
    def stored(image: Image.Image, kind: str) -> Image.Image:
        return Image.open(io.BytesIO(coded(image, kind)))

    assert is_drawn(stored(sign("EXIT"), "PNG"))
    assert is_drawn(stored(halves(100, 100), "PNG"))
    assert not is_drawn(stored(landscape(), "PNG"))
    assert not is_drawn(stored(Image.new("RGB", (100, 100)), "JPEG"))
    assert "drawing" in describe(sign("EXIT"), drawn=True)
