"""Intake on real files of every kind that is accepted, and on what is refused."""

import asyncio
import base64
import hashlib
import io
import re
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from agent.errors import PictureError
from agent.intake import Intake
from agent.phash import distance
from agent.picture import Picture
from agent.settings import IntakeSettings
from tests.agent.drawing import HEIC, coded, frames, halves, landscape, sign

Make = Callable[..., Intake]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Intake] = []

    def build(**limits: Any) -> Intake:
        made.append(Intake(IntakeSettings(folder=tmp_path / "pictures", **limits)))
        return made[-1]

    yield build
    for intake in made:
        intake.close()


def pixel(picture: Picture, x: float, y: float) -> tuple[int, int, int]:
    """The colour at a place given as shares of width and height."""
    with Image.open(picture.path) as image:
        found = image.convert("RGB").getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(found, tuple)
    return int(found[0]), int(found[1]), int(found[2])


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def reddish(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 150 and max(colour[1:]) < 100


def bluish(colour: tuple[int, int, int]) -> bool:
    return colour[2] > 150 and max(colour[:2]) < 100


ACCEPTED = {
    "png": coded(halves(), "PNG"),
    "interlaced-palette": coded(halves().quantize(4), "PNG"),
    "jpeg": coded(halves(), "JPEG", quality=95),
    "progressive": coded(halves(), "JPEG", progressive=True),
    "cmyk": coded(halves().convert("CMYK"), "JPEG", quality=95),
    "gif": coded(halves(), "GIF"),
    "webp": coded(halves(), "WEBP"),
    "webp-lossless": coded(halves(), "WEBP", lossless=True),
    "avif": coded(halves(), "AVIF"),
    "heic": base64.b64decode(HEIC),
    "bmp": coded(halves(), "BMP"),
    "tiff": coded(halves(), "TIFF", compression="tiff_lzw"),
    "tiff-cmyk": coded(halves().convert("CMYK"), "TIFF"),
    "tiff-lab": coded(
        ImageCms.profileToProfile(  # type: ignore[arg-type]
            halves(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
        "TIFF",
    ),
    "rgba": coded(halves().convert("RGBA"), "PNG"),
    "mpo": coded(halves(), "MPO", save_all=True, append_images=[halves()]),
}


@pytest.mark.parametrize("kind", ACCEPTED)
async def test_takes_every_kind(make: Make, kind: str) -> None:
    picture = await make().take(ACCEPTED[kind])
    assert (picture.width, picture.height, picture.frames) == (64, 32, 1)
    assert reddish(pixel(picture, 0.2, 0.5))
    assert bluish(pixel(picture, 0.8, 0.5))
    assert re.fullmatch("[0-9a-f]{16}", picture.phash)


async def test_is_stored_under_its_hash_and_the_same_again(make: Make, tmp_path: Path) -> None:
    one = await make().take(coded(landscape(), "PNG"), filename="hills.png")
    other = await make().take(coded(landscape(), "PNG"))
    assert one == other
    assert one.sha256 == hashlib.sha256(one.read()).hexdigest()
    assert one.path == tmp_path / "pictures" / one.sha256[:2] / f"{one.sha256}.jpg"
    assert files(tmp_path) == [one.path]


async def test_drawings_become_png_photographs_jpeg(make: Make) -> None:
    intake = make()
    assert (await intake.take(coded(sign("EXIT"), "JPEG", quality=100))).mime == "image/png"
    assert (await intake.take(coded(landscape(), "PNG"))).mime == "image/jpeg"
    assert (await intake.take(coded(landscape().convert("L"), "PNG"))).mime == "image/jpeg"


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_exif_orientation_is_applied(make: Make, orientation: int) -> None:
    marked = Image.new("RGB", (60, 30), "white")
    marked.paste((220, 20, 20), (0, 0, 20, 15))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = await make().take(coded(marked, "JPEG", exif=exif, quality=95, subsampling=0))
    corners = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
    assert reddish(pixel(picture, *corners[orientation]))
    assert (picture.width > picture.height) == (orientation < 5)


async def test_metadata_is_gone(make: Make) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    intake = make()
    for image in (landscape(), sign("HELLO")):
        data = coded(image, "JPEG", exif=exif, comment=b"SecretComment", icc_profile=profile, dpi=(77, 77))
        stored = (await intake.take(data)).read()
        with Image.open(io.BytesIO(stored)) as clean:
            assert not clean.getexif()
            assert not {"icc_profile", "comment", "exif", "xmp"} & set(clean.info)
            assert clean.info.get("dpi") is None
        assert b"Secret" not in stored


async def test_a_polyglot_keeps_only_its_picture(make: Make) -> None:
    data = coded(landscape(), "JPEG") + b"PK\x03\x04<script>alert(1)</script>"
    stored = (await make().take(data)).read()
    assert b"PK\x03\x04" not in stored
    assert b"script" not in stored


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
async def test_animations_keep_the_first_frame(make: Make, kind: str) -> None:
    first, *rest = frames(5)
    data = coded(first, kind, save_all=True, append_images=rest, duration=50)
    picture = await make().take(data)
    assert picture.frames == 5
    assert pixel(picture, 0.5, 0.5)[1] > 180
    with pytest.raises(PictureError, match="5 frames"):
        await make(max_frames=4).take(data)


async def test_size_is_bounded_and_proportions_kept(make: Make) -> None:
    picture = await make(max_side=100).take(coded(landscape(640, 400), "JPEG"))
    assert (picture.width, picture.height) == (100, 62)
    whole = await make().take(coded(landscape(640, 400), "JPEG"))
    assert distance(picture.phash, whole.phash) <= 6


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2)])
async def test_tiny_and_narrow_ones(make: Make, size: tuple[int, int]) -> None:
    picture = await make(max_side=1000).take(coded(Image.new("RGB", size, "red"), "PNG"))
    assert (picture.width, picture.height) == (min(size[0], 1000), min(size[1], 1000))


async def test_sixteen_bits_and_floats_keep_their_range(make: Make) -> None:
    ramp = np.linspace(0, 65_535, 64, dtype=np.uint16)[None, :].repeat(32, axis=0)
    intake = make()
    for image, kind in [
        (Image.fromarray(ramp), "PNG"),
        (Image.fromarray(ramp.astype(np.int32)), "TIFF"),
        (Image.fromarray((ramp / 65_535).astype(np.float32)), "TIFF"),
        (Image.fromarray(ramp.astype(np.float32) * 10), "TIFF"),
    ]:
        picture = await intake.take(coded(image, kind))
        assert pixel(picture, 0, 0)[0] < 5
        assert 110 < pixel(picture, 0.5, 0.5)[0] < 145
        assert pixel(picture, 1, 0)[0] > 250


async def test_transparency_lies_on_white_and_light_ink_on_dark(make: Make) -> None:
    intake = make()
    dark = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    dark.paste((10, 10, 10, 255), (10, 10, 30, 30))
    picture = await intake.take(coded(dark, "PNG"))
    assert pixel(picture, 0, 0) == (255, 255, 255)
    light = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    light.paste((255, 255, 255, 255), (10, 10, 30, 30))
    picture = await intake.take(coded(light, "PNG"))
    assert max(pixel(picture, 0, 0)) < 80
    assert min(pixel(picture, 0.5, 0.5)) > 240
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    picture = await intake.take(coded(palette, "GIF", transparency=0))
    assert pixel(picture, 0, 0) == (255, 255, 255)


async def test_colours_follow_the_profile(make: Make) -> None:
    """A profile that swaps nothing but gamma must change the numbers; a broken one must not refuse."""
    from tests.agent.profiles import linear_rgb

    grey = Image.new("RGB", (32, 32), (64, 64, 64))
    picture = await make().take(coded(grey, "PNG", icc_profile=linear_rgb()))
    assert 130 < pixel(picture, 0.5, 0.5)[0] < 145  # linear 0.25 is sRGB 137
    picture = await make().take(coded(grey, "PNG", icc_profile=b"nonsense" * 20))
    assert pixel(picture, 0.5, 0.5) == (64, 64, 64)


async def test_a_cut_jpeg_keeps_what_arrived(make: Make) -> None:
    data = coded(landscape(640, 480), "JPEG", quality=90)
    intake = make()
    picture = await intake.take(data[: int(len(data) * 0.8)])
    assert picture.width == 640
    assert 300 < picture.height < 480
    with pytest.raises(PictureError, match="damaged"):
        await intake.take(data[: int(len(data) * 0.2)])


async def test_a_cut_png_keeps_what_arrived(make: Make) -> None:
    data = coded(landscape(640, 480), "PNG")
    picture = await make().take(data[: int(len(data) * 0.7)])
    assert 240 <= picture.height < 400


async def test_bombs_are_refused_before_decoding(make: Make) -> None:
    small = coded(Image.new("1", (8, 8)), "PNG")
    head = b"IHDR" + struct.pack(">II", 30_000, 30_000) + small[24:29]
    bomb = small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]
    with pytest.raises(PictureError, match="30000 x 30000 pixels") as caught:
        await make().take(bomb, filename="bo\x1bmb\n.png")
    assert caught.value.where == "bomb.png"
    gif = bytearray(coded(Image.new("P", (8, 8)), "GIF"))
    place = gif.index(b"\x2c")  # the frame's own size, larger than the screen's
    gif[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(PictureError):
        await make().take(bytes(gif))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"just words", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "PostScript"),
        (coded(halves(), "PPM"), "no picture"),
        (coded(halves(), "PNG")[:40], "damaged"),
        (coded(halves(), "WEBP")[:60], "damaged"),
        (base64.b64decode(HEIC)[:300], "damaged"),
    ],
)
async def test_refusals_say_why(make: Make, data: bytes, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        await make().take(data)


async def test_too_many_bytes(make: Make) -> None:
    with pytest.raises(PictureError, match="100 are the limit"):
        await make(max_bytes=100).take(coded(landscape(), "PNG"))


async def test_a_slow_decode_is_killed_and_the_next_picture_taken(make: Make) -> None:
    intake = make(seconds=0.05)
    with pytest.raises(PictureError, match="too long"):
        await intake.take(coded(landscape(3000, 2000), "PNG"))
    roomy = make(seconds=60)
    assert (await roomy.take(coded(halves(), "PNG"))).width == 64


async def test_damage_on_disk_is_mended(make: Make) -> None:
    intake = make()
    picture = await intake.take(coded(halves(), "PNG"))
    good = picture.read()
    for bad in (b"", good[:-1], b"\0" * len(good)):
        picture.path.write_bytes(bad)
        assert (await intake.take(coded(halves(), "PNG"))).read() == good


async def test_two_processes_store_the_same(make: Make, tmp_path: Path) -> None:
    data = coded(landscape(), "PNG")
    taken = await asyncio.gather(*(make().take(data) for _ in range(4)))
    assert len(set(taken)) == 1
    assert files(tmp_path) == [taken[0].path]


async def test_a_full_disk_is_a_picture_error(make: Make, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("a file where the folder should be")
    with pytest.raises(PictureError, match="stored"):
        await make().take(coded(halves(), "PNG"))


def test_path_of_takes_nothing_but_hashes(tmp_path: Path) -> None:
    intake = Intake(IntakeSettings(folder=tmp_path))
    assert intake.path_of("ab" * 32, "image/png") == tmp_path / "ab" / f"{'ab' * 32}.png"
    for sha256, mime in [
        ("../../etc/passwd", "image/png"),
        ("AB" * 32, "image/png"),
        ("ab" * 32, "text/html"),
    ]:
        with pytest.raises(PictureError):
            intake.path_of(sha256, mime)
