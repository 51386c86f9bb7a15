"""Pictures that every browser shows are taken, however they were written; what is refused is called what it is."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from agent import kinds, pngs
from agent.decode import Decoded, Limits, Refused, decode, job
from tests.agent.drawing import coded, halves, landscape

LIMITS = Limits(10_000_000, 100, 2_048)


def taken(data: bytes) -> Decoded:
    return decode(data, LIMITS)


def pixels_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(taken(data).data)).convert("RGB")


def chunk(kind: bytes, body: bytes, *, sound: bool = True) -> bytes:
    check = zlib.crc32(kind + body) ^ (not sound)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def with_chunk(png: bytes, extra: bytes) -> bytes:
    """Behind the head, which takes the first 33 bytes."""
    return png[:33] + extra + png[33:]


def noise(side: int) -> Image.Image:
    grain = np.random.default_rng(7).integers(0, 256, (side, side, 3))
    return Image.fromarray(grain.astype(np.uint8))


def test_pure_noise_is_encoded() -> None:
    """More bytes than pixels: nothing that people send is harder on the encoder's buffer."""
    made = taken(coded(noise(512), "PNG"))
    assert made.mime == "image/jpeg"
    assert len(made.data) > 512 * 512


@pytest.mark.parametrize("kind", [b"pHYs", b"tEXt", b"iCCP", b"eXIf", b"tIME", b"teSt"])
def test_a_side_chunk_with_a_wrong_checksum_is_passed_over(kind: bytes) -> None:
    data = with_chunk(coded(halves(), "PNG"), chunk(kind, b"Comment\0 and more", sound=False))
    assert taken(data).data == taken(coded(halves(), "PNG")).data


def test_a_wrong_checksum_of_the_head_is_no_sound_picture() -> None:
    png = coded(halves(), "PNG")
    with pytest.raises(Refused):
        taken(png[:29] + b"\0\0\0\0" + png[33:])


def test_a_wrong_checksum_of_the_pixels_does_not_matter() -> None:
    png = coded(landscape(64, 48), "PNG")
    place = png.index(b"IDAT") - 4
    end = place + 12 + struct.unpack_from(">I", png, place)[0]
    assert taken(png[: end - 4] + b"\0\0\0\0" + png[end:]).data == taken(png).data


def test_texts_of_any_length_do_not_count() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "x" * 3_000_000, zip=True)
    info.add_itxt("workflow", "y" * 3_000_000, zip=True)
    assert taken(coded(halves(), "PNG", pnginfo=info)).data == taken(coded(halves(), "PNG")).data


def test_what_is_no_png_is_left_alone() -> None:
    for data in (b"", b"words", coded(halves(), "JPEG"), coded(halves(), "PNG")[:50]):
        assert pngs.bare(data) == data


def black_below() -> Image.Image:
    image = Image.new("RGB", (64, 64), "black")
    ImageDraw.Draw(image).rectangle((0, 0, 64, 20), fill=(200, 30, 30))
    return image


def test_a_png_whose_pixels_all_arrived_is_whole() -> None:
    """Its end and last checksum are missing; the black below is the picture's own."""
    assert taken(coded(black_below(), "PNG")[:-18]).height == 64


def test_a_cut_png_with_black_rows_keeps_those_that_arrived() -> None:
    png = coded(landscape(200, 200), "PNG")
    assert 100 <= taken(png[: int(len(png) * 0.7)]).height <= 160


@pytest.mark.parametrize("lost", [1, 2, 8])
@pytest.mark.parametrize(
    "draw", [lambda: landscape(320, 200), black_below, lambda: Image.new("RGB", (64, 48), "white")]
)
def test_a_jpeg_without_its_last_bytes_is_whole(draw: Callable[[], Image.Image], lost: int) -> None:
    image = draw()
    made = taken(coded(image, "JPEG", quality=90)[:-lost])
    assert (made.width, made.height) == image.size


def test_a_bitmap_with_an_unused_fourth_byte_is_opaque() -> None:
    # BITMAPV4HEADER, 32 bits with masks for all four channels, and zeros where alpha should be.
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 4, 4, 1, 32, 3, 64, 2835, 2835, 0, 0) + masks + bytes(52)
    body = (
        b"BM"
        + struct.pack("<IHHI", 14 + len(head) + 64, 0, 0, 14 + len(head))
        + head
        + bytes((10, 20, 220, 0)) * 16
    )
    assert pixels_of(body).getpixel((1, 1)) == (220, 20, 10)


def animation(kind: str, *frames: Image.Image) -> bytes:
    return coded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("blank", [(0, 0, 0, 0), (0, 0, 0, 255), (255, 255, 255, 255)])
def test_the_first_frame_that_shows_something_is_kept(kind: str, blank: tuple[int, ...]) -> None:
    empty = Image.new("RGBA", (64, 32), blank)
    other = halves().transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("RGBA")
    data = animation(kind, empty, halves().convert("RGBA"), other)
    red, _, blue = pixels_of(data).getpixel((8, 16))  # type: ignore[misc]
    assert red > 180
    assert blue < 60
    assert taken(data).frames == 3


def test_an_animation_of_nothing_keeps_its_first_frame() -> None:
    blank = [Image.new("RGB", (24, 24), (0, shade, 0)) for shade in (200, 120, 40)]
    assert pixels_of(animation("WEBP", *blank)).getpixel((5, 5))[1] > 180  # type: ignore[index]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<?xml version="1.0"?>\n<!DOCTYPE svg [' + b'<!ENTITY a "b">' * 500 + b"]><svg/>", "SVG"),
        (b"<!-- drawn by hand -->" * 100 + b"<svg:svg xmlns:svg='x'/>", "SVG"),
        ("\ufeff<svg xmlns='x'/>".encode("utf-16-le"), "SVG"),
        (b"\xef\xbb\xbf \n<html><body><svg/></body></html>", "web page"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "video"),
        (b"\x1aE\xdf\xa3 and more", "video"),
        (b"\xff\x0a and more", "JPEG XL"),
        (b"PK\x03\x04 and more", "zip"),
        (b"8BPS and more", "Photoshop"),
    ],
)
def test_what_is_refused_is_called_what_it_is(data: bytes, words: str) -> None:
    head, _ = job({"max_pixels": 100, "max_frames": 1, "max_side": 10}, data)
    assert words in head["refused"]
    assert head["mend"]


def test_words_are_nothing_known() -> None:
    for data in (b"", b"a < b", b"<unknown/>", b"just words", b"<"):
        assert kinds.told(data) == ""
