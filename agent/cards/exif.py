"""Cards in the EXIF of WebP and JPEG pictures, as old TavernAI wrote them (TIFF 6.0, Exif 2.32, RIFF)."""

import re
import struct
from collections.abc import Iterator

from agent.cards.imported import MAX_CHUNKS, Found
from agent.cards.jsontext import unbase64

_USER_COMMENT, _DESCRIPTION, _EXIF_IFD = 0x9286, 0x010E, 0x8769
_NUMBERS = re.compile(rb"\s*\d{1,3}(?:\s*,\s*\d{1,3})+\s*")


def read_webp(data: bytes) -> Found:
    """The card texts in a WebP's EXIF chunk; the picture is returned without EXIF and XMP."""
    found, kept = Found(), []
    for kind, body in _riff(data):
        if kind == b"EXIF":
            found.texts += _comments(body.removeprefix(b"Exif\0\0"))
        elif kind == b"VP8X":
            kept.append((kind, bytes([body[0] & ~0x0C]) + body[1:] if body else body))  # no EXIF, no XMP now
        elif kind != b"XMP ":
            kept.append((kind, body))
    if any(kind in (b"VP8 ", b"VP8L", b"ANMF") for kind, _ in kept):
        body = b"WEBP" + b"".join(k + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for k, b in kept)
        found.picture = b"RIFF" + struct.pack("<I", len(body)) + body
    return found


def read_jpeg(data: bytes) -> Found:
    """The card texts in a JPEG's EXIF segment; the picture is returned without it."""
    found, at, kept = Found(), 2, [data[:2]]
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        size = struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + size]
        if data[at + 1] == 0xE1 and body.startswith(b"Exif\0\0"):
            found.texts += _comments(body[6:])
        else:
            kept.append(data[at : at + 2 + size])
        at += 2 + max(size, 2)
    end = data.rfind(b"\xff\xd9")
    if at < len(data) and end > at:
        found.picture = b"".join([*kept, data[at : end + 2]])
    return found


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, count = 12, 0
    while at + 8 <= len(data) and count < MAX_CHUNKS:
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at, count = at + 8 + size + size % 2, count + 1


def _comments(tiff: bytes) -> list[bytes]:
    """UserComment, then ImageDescription, of the first directory and its EXIF directory."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return []
    first = _directory(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
    pointer = first.get(_EXIF_IFD, b"")
    inner = _directory(tiff, order, struct.unpack(order + "I", pointer)[0]) if len(pointer) == 4 else {}
    comment = inner.get(_USER_COMMENT) or first.get(_USER_COMMENT) or b""
    texts = [_decoded(comment, order), first.get(_DESCRIPTION, b"").rstrip(b"\0")]
    return [t for t in map(_from_numbers, texts) if _like_a_card(t)]


def _like_a_card(text: bytes) -> bool:
    """Cameras and editors fill these tags too: only JSON, bare, in base64, or encrypted, counts."""
    head = text.lstrip()[:16]
    plain = unbase64(text) or b""
    return head.startswith((b"{", b"rcc||")) or plain.lstrip().startswith((b"{", b"rcc||"))


def _directory(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    """Tag -> its bytes, for one image file directory; entries that point outside are empty."""
    tags: dict[int, bytes] = {}
    if at + 2 > len(tiff):
        return tags
    for n in range(min(struct.unpack_from(order + "H", tiff, at)[0], MAX_CHUNKS)):
        entry = at + 2 + 12 * n
        if entry + 12 > len(tiff):
            break
        tag, kind, count = struct.unpack_from(order + "HHI", tiff, entry)
        size = count * {3: 2, 4: 4, 5: 8, 9: 4, 10: 8, 12: 8, 13: 4}.get(kind, 1)
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", tiff, entry + 8)[0]
        tags[tag] = tiff[start : start + size]
    return tags


def _decoded(comment: bytes, order: str) -> bytes:
    """A UserComment without its eight-byte character code."""
    code, body = comment[:8], comment[8:]
    if code in (b"ASCII\0\0\0", b"\0" * 8, b"JIS\0\0\0\0\0", b"Undefine"):
        return body.rstrip(b"\0")
    if code == b"UNICODE\0":
        encoding = "utf-16-le" if order == "<" else "utf-16-be"
        return body.decode(encoding, "replace").encode("utf-8", "replace").rstrip(b"\0")
    return comment.rstrip(b"\0")


def _from_numbers(text: bytes) -> bytes:
    """Some writers stored the bytes as a list of decimal numbers."""
    if not _NUMBERS.fullmatch(text):
        return text
    values = [int(n) for n in text.split(b",")]
    return bytes(values) if max(values) < 256 else text
