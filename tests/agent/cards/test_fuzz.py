"""Whatever is done to a card's bytes: a card or a CardError, nothing else."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cards import Imported, read_card, read_lorebook, write_card
from agent.cards.portraits import as_png
from agent.errors import CardError
from tests.agent.cards import make

CARDS = [
    make.dump(make.V1),
    make.dump(make.v3()),
    make.png_card(make.v2()),
    make.png(make.chunk(b"zTXt", b"chara\0\0" + zlib.compress(make.b64(make.V1)))),
    make.charx(make.v3(), {"assets/a.png": make.picture()}),
    make.picture("JPEG") + make.charx(make.v3()),
    make.webp(make.dump(make.V1)),
    make.picture("JPEG", exif=b"Exif\0\0" + make.exif(make.dump(make.V1))),
]


def try_it(data: bytes) -> Imported | None:
    for read in (read_card, read_lorebook):
        try:
            card = read(data)
        except CardError:
            continue
        if isinstance(card, Imported):
            assert len(card.character.version) == 12
            read_card(write_card(card.character, "json"))
            return card
    return None


def mutate(data: bytes, rng: random.Random) -> bytes:
    body = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        at = rng.randrange(len(body))
        match rng.randrange(5):
            case 0:
                body[at] ^= 1 << rng.randrange(8)
            case 1:
                body[at] = rng.choice((0, 0xFF, 0x7F, 0x80, 0x22, 0x7B))
            case 2:
                del body[at : at + rng.randrange(1, 64)]
            case 3:
                body[at:at] = body[at : at + rng.randrange(1, 64)]
            case _:
                body[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        if not body:
            break
    return bytes(body)


@pytest.mark.parametrize("number", range(len(CARDS)))
def test_mutated_cards(number: int) -> None:
    rng, read = random.Random(number), 0
    for _ in range(400):
        read += try_it(mutate(CARDS[number], rng)) is not None
    assert read > 0


@pytest.mark.parametrize("number", range(len(CARDS)))
def test_truncated_cards(number: int) -> None:
    data = CARDS[number]
    for end in range(0, len(data), max(1, len(data) // 80)):
        try_it(data[:end])


@given(head=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff", b"{"]),
       body=st.binary(max_size=300))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_random_bytes(head: bytes, body: bytes) -> None:
    try_it(head + body)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_mutated_portraits(kind: str) -> None:
    base, made = make.picture(kind), 0
    for number in range(150):
        try:
            assert as_png(mutate(base, random.Random(number))).startswith(b"\x89PNG")
            made += 1
        except CardError:
            continue
    assert made > 0
