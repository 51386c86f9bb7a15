"""Whatever bytes come, intake answers with a Picture or a PictureError, in bounded size."""

import asyncio
import base64
import io
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from agent.errors import PictureError
from agent.intake import Intake
from agent.picture import Picture
from agent.settings import IntakeSettings
from tests.agent.drawing import HEIC, coded, frames, halves, landscape

PATIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FILES = [
    coded(landscape(60, 40), "PNG"),
    coded(halves().quantize(4), "PNG"),
    coded(landscape(60, 40), "JPEG"),
    coded(landscape(60, 40).convert("CMYK"), "JPEG"),
    coded(landscape(60, 40), "JPEG", progressive=True),
    coded(halves(), "GIF"),
    coded(landscape(60, 40), "WEBP"),
    coded(landscape(60, 40), "AVIF"),
    coded(halves(), "BMP"),
    coded(landscape(60, 40), "TIFF", compression="tiff_lzw"),
    base64.b64decode(HEIC),
    *(
        coded(frames(1)[0], kind, save_all=True, append_images=frames(4)[1:])
        for kind in ("GIF", "WEBP", "PNG")
    ),
]


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    limits: dict[str, Any] = {"max_side": 64, "max_pixels": 1_000_000, "seconds": 20}
    made = Intake(IntakeSettings(folder=tmp_path_factory.mktemp("pictures"), **limits))
    yield made
    made.close()


def run(work: Coroutine[Any, Any, Picture]) -> Picture | None:
    """The picture, None where it was refused in the proper way."""
    try:
        return asyncio.run(work)
    except PictureError:
        return None


def sound(picture: Picture | None) -> None:
    if picture is None:
        return
    with Image.open(io.BytesIO(picture.read())) as image:
        image.load()
        assert image.size == (picture.width, picture.height)
        assert image.mode == "RGB"
    assert max(picture.width, picture.height) <= 64


@PATIENT
@given(data=st.binary(max_size=300))
def test_random_bytes(intake: Intake, data: bytes) -> None:
    sound(run(intake.take(data)))


@PATIENT
@given(
    head=st.sampled_from([file[:16] for file in FILES]),
    data=st.binary(max_size=300),
    name=st.text(max_size=100),
)
def test_random_bytes_behind_a_true_head(intake: Intake, head: bytes, data: bytes, name: str) -> None:
    sound(run(intake.take(head + data, filename=name)))


@settings(parent=PATIENT, max_examples=200)
@given(
    file=st.sampled_from(FILES),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    cut=st.floats(0.05, 1),
)
def test_damaged_files(intake: Intake, file: bytes, edits: list[tuple[float, int]], cut: float) -> None:
    data = bytearray(file)
    for place, value in edits:
        data[int(place * (len(data) - 1))] = value
    sound(run(intake.take(bytes(data[: int(len(data) * cut)]))))


@PATIENT
@given(width=st.integers(1, 700), height=st.integers(1, 700), colour=st.integers(0, 255))
def test_scaling_keeps_proportions(intake: Intake, width: int, height: int, colour: int) -> None:
    assume(width * height <= 1_000_000)
    picture = run(intake.take(coded(Image.new("L", (width, height), colour), "PNG")))
    assert picture is not None
    scale = min(1, 64 / max(width, height))
    assert abs(picture.width - width * scale) <= 1
    assert abs(picture.height - height * scale) <= 1


@PATIENT
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_the_same_bytes_give_the_same_picture(intake: Intake, seed: int, kind: str) -> None:
    data = coded(landscape(70, 50, seed), kind)
    one, other = run(intake.take(data)), run(intake.take(data))
    assert one is not None
    assert one == other
    assert one.path.parent.name == one.sha256[:2]
    assert not list(Path(one.path.parent).glob(".*"))
