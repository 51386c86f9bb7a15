import io

import pytest
from PIL import Image, ImageFilter

from agent.phash import distance, phash
from tests.agent.drawing import coded, halves, landscape, sign


@pytest.mark.parametrize("seed", range(8))
def test_alike_after_rescaling_reencoding_and_blur(seed: int) -> None:
    original = landscape(seed=seed)
    own = phash(original)
    poor = Image.open(io.BytesIO(coded(original, "JPEG", quality=30)))
    assert distance(own, phash(poor)) <= 6
    assert distance(own, phash(original.resize((97, 61)))) <= 6
    assert distance(own, phash(original.filter(ImageFilter.GaussianBlur(2)))) <= 6
    assert distance(own, phash(original.point(lambda value: value * 0.8 + 20))) <= 6


def test_different_pictures_are_far_apart() -> None:
    hashes = [phash(landscape(seed=seed)) for seed in range(12)]
    apart = [distance(one, other) for i, one in enumerate(hashes) for other in hashes[:i]]
    assert min(apart) > 12


def test_plain_and_simple_pictures() -> None:
    assert phash(Image.new("RGB", (50, 50), "red")) == "0" * 16
    assert phash(Image.new("L", (1, 1))) == "0" * 16
    turned = halves().transpose(Image.Transpose.ROTATE_90)
    assert len({phash(halves()), phash(turned), "0" * 16}) == 3


def test_form() -> None:
    found = phash(sign("HELLO"))
    assert len(found) == 16
    assert int(found, 16) > 0
    assert distance(found, found) == 0
    assert distance("0" * 16, "f" * 16) == 64
