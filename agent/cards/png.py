"""PNG and APNG containers: chunks in, chunks out (PNG specification, third edition; Character Card V3)."""

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping

from agent.cards.charx import safe_path
from agent.cards.imported import MAX_CHUNKS, MAX_JSON, MAX_UNPACKED, Found
from agent.cards.jsontext import unbase64
from agent.errors import CardError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ASSET = "chara-ext-asset_"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_CARDS = ("ccv3", "chara")  # in the order of their precedence


def read(data: bytes) -> Found:
    """The card texts of a PNG: `ccv3` before `chara`, of duplicates the last (the newest) first."""
    found, cards = Found(), dict[str, list[bytes]]({"ccv3": [], "chara": []})
    kept: list[tuple[bytes, bytes]] = []
    room = MAX_UNPACKED  # for texts and assets together: chunks may be packed
    for kind, body in _chunks(data, found.repairs):
        keyword = body[:80].split(b"\0", 1)[0].decode("latin-1") if kind in _TEXT else ""
        name = keyword.strip().lower()
        if name not in _CARDS and not name.startswith(_ASSET):
            kept.append((kind, body))
            continue
        text = _words(kind, body, room, found.repairs)
        room -= len(text)
        if name in _CARDS:
            cards[name].append(text)
        else:
            _keep_asset(keyword.strip()[len(_ASSET) :].lstrip(":"), text, found)
    _rank(cards, found)
    found.picture = join(kept)
    return found


def _keep_asset(name: str, text: bytes, found: Found) -> None:
    body, path = unbase64(text), safe_path(name)
    if body is None or not text:
        found.repairs.append(f"the embedded asset {name!r} is damaged or too large and was left out")
        return
    if path is None or (path in found.assets and found.assets[path] != body):
        path = f"renamed/{len(found.assets)}"
        found.repairs.append(f"the embedded asset {name!r} has an unsafe or repeated name: kept as {path}")
    found.assets[path] = body


def _rank(cards: dict[str, list[bytes]], found: Found) -> None:
    for name in _CARDS:
        texts = cards[name][::-1]
        if len(texts) > 1:
            found.repairs.append(
                f"the picture holds {len(texts)} {name} chunks: the last that can be read counts"
            )
            for number, text in enumerate(t for t in texts[1:] if t != texts[0]):
                found.assets[f"superseded/{name}-{number + 1}.txt"] = text
        found.texts += texts


def write(picture: bytes, texts: Mapping[str, bytes], assets: Mapping[str, bytes]) -> bytes:
    """`picture` with old card chunks removed and new ones before IEND; values are UTF-8, stored as base64.

    Raises CardError if it is not a complete PNG.
    """
    clean = read(picture).picture if picture.startswith(SIGNATURE) else None
    if clean is None:
        raise CardError(
            "the portrait is not a complete PNG", mend="give a PNG picture, or export as CHARX or JSON"
        )
    chunks = [c for c in _chunks(clean, []) if c[0] != b"IEND"]
    chunks += [(b"tEXt", _entry(f"{_ASSET}:{path}", body)) for path, body in assets.items()]
    chunks += [(b"tEXt", _entry(name, body)) for name, body in texts.items()]
    made = join([*chunks, (b"IEND", b"")])
    if made is None:  # pragma: no cover - clean is complete
        raise CardError("the portrait is not a complete PNG")
    return made


def fits_keyword(path: str) -> bool:
    """True where an asset's path can be part of a tEXt keyword (1 to 79 printable Latin-1 characters)."""
    keyword = f"{_ASSET}:{path}"
    return (
        len(keyword) <= 79 and keyword.isprintable() and keyword.isascii() and path.strip(" ") == path != ""
    )


def _entry(keyword: str, body: bytes) -> bytes:
    return keyword.encode("latin-1") + b"\0" + base64.b64encode(body)


def join(chunks: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """A PNG of these chunks, ended by one IEND; None where header or picture data is missing."""
    body = [c for c in chunks if c[0] != b"IEND"]
    kinds = [kind for kind, _ in body]
    if not kinds or kinds[0] != b"IHDR" or len(body[0][1]) != 13 or b"IDAT" not in kinds:
        return None
    parts = [SIGNATURE]
    for kind, data in [*body, (b"IEND", b"")]:
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"".join(parts)


def _chunks(data: bytes, repairs: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk (type, data), also those wrongly put after IEND; stops where there is no more."""
    at, count, ended = len(SIGNATURE), 0, False
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if not kind.isalpha():
            break
        body, end = data[at + 8 : at + 8 + size], at + 8 + size
        if len(body) < size:
            repairs.append("the picture is cut off")
            if kind in _TEXT:
                yield kind, body
            return
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(kind + body)):
            repairs.append(f"a {kind.decode()} chunk has a wrong checksum")
        yield kind, body
        ended, at, count = ended or kind == b"IEND", end + 4, count + 1
        if count > MAX_CHUNKS:
            raise CardError("the PNG has too many chunks", mend="save the picture again with an image editor")
    if not ended:
        repairs.append("the picture is cut off")
    elif data[at:].strip(b"\0"):
        repairs.append("data after the end of the picture was left out")


def _words(kind: bytes, body: bytes, room: int, repairs: list[str]) -> bytes:
    """A text chunk's value, at most `room` bytes; a broken one gives what can be had of it."""
    value = body.partition(b"\0")[2]
    if kind == b"tEXt":
        return value[:room]
    repairs.append(f"the card was in a {kind.decode()} chunk (tEXt is the rule)")
    if kind == b"zTXt":
        return _inflate(value[1:], room)
    packed, rest = value[:1] == b"\1", value[2:]
    value = rest.partition(b"\0")[2].partition(b"\0")[2]  # past language and translated keyword
    return _inflate(value, room) if packed else value[:room]


def _inflate(data: bytes, room: int) -> bytes:
    """At most `room` bytes, and no more than a card may have in base64."""
    limit = min(room, 2 * MAX_JSON)
    try:
        return zlib.decompressobj().decompress(data, limit) if limit > 0 else b""  # 0 means no limit to zlib
    except zlib.error:
        return b""
