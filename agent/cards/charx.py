"""CHARX: a zip with card.json at its root, and the same glued behind a JPEG or PNG (RisuAI)."""

import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping

from agent.cards.imported import MAX_ENTRIES, MAX_ENTRY, MAX_JSON, MAX_RATIO, MAX_UNPACKED, Found
from agent.errors import CardError

# Everything zipfile and the decompressors raise on bytes that are no sound zip.
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,  # a compression method Python has not
    ValueError,
    MemoryError,
    IndexError,
)


def read(data: bytes) -> Found:
    """The card and every asset, in memory; nothing is ever written to disk under a name from the zip.

    Raises CardError for a zip that cannot be opened, holds no card.json, or is out to exhaust memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as box:
            infos = [i for i in box.infolist() if not i.is_dir()]
            if len(infos) > MAX_ENTRIES:
                mend = "remove files that the card does not use"
                raise CardError(f"the CHARX holds more than {MAX_ENTRIES:,} files", mend=mend)
            return _unpack(box, infos, data)
    except _BROKEN as error:
        mend = "export or download the card again"
        raise CardError(f"the CHARX (zip) is damaged: {error or type(error).__name__}", mend=mend) from None


def _unpack(box: zipfile.ZipFile, infos: list[zipfile.ZipInfo], data: bytes) -> Found:
    found = Found()
    card = _card_entry(infos, found.repairs)
    text = _entry(box, card, MAX_JSON)
    if text is None:
        mend = "export the card again without a password and without embedded files in its JSON"
        raise CardError("card.json is damaged, encrypted or too large", where=card.filename, mend=mend)
    found.texts.append(text)
    room = MAX_UNPACKED - len(text)
    for info in infos:
        if info is card:
            continue
        path = safe_path(info.filename)
        path = "superseded/card.json" if path == "card.json" else path
        if path is None or path in found.assets:
            found.repairs.append(
                f"a file with an unsafe or repeated name was left out: {info.filename[:80]!r}"
            )
            continue
        body = _entry(box, info, min(MAX_ENTRY, room))
        if body is None:
            found.repairs.append(f"the file {path!r} is damaged, encrypted or too large and was left out")
            continue
        room -= len(body)
        found.assets[path] = body
    start = min((i.header_offset for i in box.infolist()), default=0)
    if data[:3] == b"\xff\xd8\xff" and start > 0:
        found.picture = data[:start]
    return found


def _card_entry(infos: list[zipfile.ZipInfo], repairs: list[str]) -> zipfile.ZipInfo:
    """card.json at the root (the first of several), or failing that the only one elsewhere."""
    exact = [i for i in infos if i.filename == "card.json"]
    if len(exact) > 1:
        repairs.append("the CHARX holds card.json more than once: the last one counts")
    if exact:
        return exact[-1]
    loose = [i for i in infos if posixpath.basename(i.filename.replace("\\", "/")).lower() == "card.json"]
    if len(loose) == 1:
        repairs.append(f"card.json was found as {loose[0].filename[:80]!r}, not at the root")
        return loose[0]
    mend = "a CHARX has card.json at its root; if this zip holds card files, unpack it and import those"
    raise CardError("this zip holds no card.json", mend=mend)


def _entry(box: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes | None:
    """A file's bytes; None where it is encrypted, damaged, over `limit` bytes, or packed too well."""
    suspicious = info.file_size > 1 << 20 and info.file_size > MAX_RATIO * max(info.compress_size, 1)
    if info.flag_bits & 1 or info.file_size > limit or suspicious:
        return None
    try:
        with box.open(info) as file:
            body = file.read(limit + 1)  # the header's size may lie
    except _BROKEN:
        return None
    return body if len(body) <= limit else None


def safe_path(name: str) -> str | None:
    """A relative path with `/`, or None for one that is absolute, climbs, or hides something."""
    path = name.replace("\\", "/")
    parts = path.split("/")
    bad = not name or path.startswith("/") or re.match(r"[A-Za-z]:", path) or not path.isprintable()
    return None if bad or any(p in ("", ".", "..") for p in parts) or len(path) > 400 else path


def write(card: bytes, assets: Mapping[str, bytes]) -> bytes:
    """A CHARX of this card.json and these assets. Raises CardError for a path that is not safe."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
        for path, body in {"card.json": card, **assets}.items():
            if safe_path(path) != path or (path == "card.json" and body is not card):
                mend = "use a relative path such as assets/icon/images/main.png"
                raise CardError(f"an asset cannot be stored as {path!r}", mend=mend)
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))  # the same bytes for the same card
            info.compress_type = zipfile.ZIP_DEFLATED
            box.writestr(info, body)
    return out.getvalue()
