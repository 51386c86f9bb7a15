"""Faces are always there, always good to look at as far as a test can tell, and small."""

import dataclasses
import io
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from agent.character import Character, Kind, Profile
from agent.faces import face
from agent.faces.drawing import drawn
from agent.faces.look import CHOICES, invented, wrong_words


def someone(**changes: object) -> Character:
    plain = Character("some-one", "Some One", "here", Kind.HYPOTHETICAL, Profile("x"))
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def jpeg(size: tuple[int, int], orientation: int = 1) -> bytes:
    picture = Image.effect_noise(size, 90).convert("RGB")
    picture.paste((250, 20, 20), (0, 0, size[0], size[1] // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_without_instructions_it_comes_from_the_id() -> None:
    a, again, b = (face(someone(id=i)) for i in ("a", "a", "b"))
    assert a == again
    assert a != b
    assert opened(a).size == (256, 256)
    assert len(opened(a).getcolors(1 << 17) or []) > 50  # no grey box


@pytest.mark.parametrize("size", [16, 64, 512])
def test_sizes(size: int) -> None:
    assert opened(face(someone(), size)).size == (size, size)


@pytest.mark.parametrize(("key", "word"), [(k, w) for k, words in CHOICES.items() for w in words])
def test_every_word_can_be_drawn(key: str, word: str) -> None:
    made = drawn({**invented("x"), key: word}, "x", 64)
    assert opened(made).size == (64, 64)


def test_each_word_changes_the_picture() -> None:
    for key, words in CHOICES.items():
        base = {
            **invented("x"),
            "hair": "none",
            "hat": "none",
            "mark": "none",
            "beard": "none",
            "glasses": "none",
        }
        base |= {"mood": "smile"}
        looks = {zlib.crc32(drawn({**base, key: word}, "x", 64)) for word in words}
        assert len(looks) >= len(words) - 1, key  # "none" and "short" hair differ; "afro" hides nothing


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*CHOICES, "skin", "accessory", "odd"]), st.text(max_size=8), max_size=4)
)
def test_nonsense_is_drawn_all_the_same(words: dict[str, str]) -> None:
    assert opened(face(someone(face=words), 32)).size == (32, 32)


def test_wrong_words_are_named() -> None:
    found = wrong_words(
        {"hat": "fez", "skin": "red", "nose": "big", "accessory": "pipe, sword", "hair": "bob"}
    )
    assert [key for key, *_ in found] == ["hat", "skin", "nose", "accessory"]


def test_a_portrait_is_cropped_square() -> None:
    portrait = jpeg((300, 600))
    made = face(someone(portrait=portrait))
    assert opened(made).size == (256, 256)
    assert face(someone(portrait=portrait)) is made  # decoding it is not repeated for each look
    assert len(made) <= 60_000
    red, green, _ = opened(made).getpixel((128, 20))  # type: ignore[misc]
    assert red > 200
    assert green < 80


def test_orientation_is_obeyed() -> None:
    red, *_ = opened(face(someone(portrait=jpeg((400, 400), orientation=3)))).getpixel((128, 235))  # type: ignore[misc]
    assert red > 200


@pytest.mark.parametrize("data", [b"garbage", jpeg((300, 300))[:500], b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_broken_portrait_gives_a_drawn_face(data: bytes) -> None:
    assert face(someone(portrait=data)) == face(someone())


def test_a_bomb_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
    decoded: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def noted(self: ImageFile.ImageFile) -> Any:
        decoded.append(self.size)
        return load(self) if self.width < 60_000 else None

    monkeypatch.setattr(ImageFile.ImageFile, "load", noted)
    assert face(someone(portrait=bomb)) == face(someone())
    assert not decoded
    face(someone(portrait=jpeg((311, 313))))
    assert decoded, "a picture of an honest size is"


def test_a_transparent_portrait_has_a_ground() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (80, 80), (0, 0, 0, 0)).save(out, "PNG")
    red, *_ = opened(face(someone(portrait=out.getvalue()))).getpixel((5, 5))  # type: ignore[misc]
    assert red > 200
