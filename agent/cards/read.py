"""bytes -> Imported: which container it is, which of its texts counts, and what they mean."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agent.cards import assets, charx, exif, jsontext, png, unused
from agent.cards.books import mend_book, to_lorebook
from agent.cards.imported import MAX_CARD, Found, Imported, ImportedBook
from agent.cards.mapping import to_character
from agent.cards.mending import OURS, Mender
from agent.cards.normal import normalise
from agent.errors import CardError

_ZIP = b"PK\x03\x04"


def read_card(data: bytes, *, name_hint: str = "") -> Imported:
    """The character in a card: PNG, JSON, CHARX, a picture with a CHARX behind it, WebP or JPEG with EXIF.

    What the bytes are is found from themselves; `name_hint` (a file's stem) names a card without a name.
    Raises CardError where there is no card in them; everything that can be mended is mended and told in
    `repairs`. Specifications: Character Card V1, V2, V3.
    """
    found, raw = _open(data)
    if _is_book(raw):
        mend = "`characters lorebook import FILE` takes it in; then attach it to a character or a channel"
        raise CardError("this is a lorebook, not a character", mend=mend)
    normal = normalise(raw)
    repairs = [*dict.fromkeys(found.repairs), *normal.repairs]
    character = to_character(normal.data, raw, repairs, name_hint=name_hint)
    assets.check(normal.data, found.assets, repairs)
    face = assets.portrait(normal.data, found.assets, found.picture, repairs)
    return Imported(
        replace(character, portrait=face),
        tuple(dict.fromkeys(repairs)),
        normal.spec,
        found.assets,
        unused.of_card(normal.obj),
    )


def read_lorebook(data: bytes) -> ImportedBook:
    """A lorebook that comes alone: V3's `lorebook_v3`, a bare book, SillyTavern's, KoboldAI's, RisuAI's, NovelAI's or
    Agnai's file, or a card's.

    Raises CardError where there is none.
    """
    found, raw = _open(data)
    book = _book_in(raw)
    if book is None:
        raise CardError("this holds no lorebook", mend="a lorebook is an object with a list of entries")
    mended, mender = copy.deepcopy(book), Mender()
    mend_book(mended, mender)
    repairs = (*dict.fromkeys(found.repairs), *mender.lines())
    return ImportedBook(to_lorebook(mended), repairs, raw, unused.of_book(mended))


def write_lorebook(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A lorebook as read (`ImportedBook.raw`) as Character Card V3's object for one alone, every field kept; the values
    that had to be mended are under our key in its extensions. Raises CardError where there is none in it."""
    book = _book_in(raw)
    if book is None:
        raise CardError("this holds no lorebook", mend="import it again")
    mended, mender = copy.deepcopy(book), Mender()
    mend_book(mended, mender)
    if mender.originals:
        ours = mended["extensions"].get(OURS)
        kept = ours if isinstance(ours, dict) else {}
        mended["extensions"][OURS] = {**kept, "originals": {**mender.originals, **kept.get("originals", {})}}
    return {"spec": "lorebook_v3", "data": mended}


def _book_in(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object with the entries: the whole, V3's `data`, a card's book, or a list under another tool's name."""
    inner = raw.get("data")
    holder = inner if isinstance(inner, dict) else raw
    own = holder.get("character_book")
    book = dict(own if isinstance(own, dict) else holder)
    for name in ("data", "worldinfo"):  # RisuAI's lorebook; KoboldAI Lite's saves
        if "entries" not in book and isinstance(book.get(name), list):
            book = {"entries": book[name], **({"name": book["name"]} if "name" in book else {})}
    return book if isinstance(book.get("entries"), list | dict) else None


def _is_book(raw: Mapping[str, Any]) -> bool:
    spec = raw.get("spec")
    lone = isinstance(raw.get("entries"), list | dict) and not any(k in raw for k in ("data", "first_mes"))
    risu = raw.get("type") == "risu" and isinstance(raw.get("data"), list)
    return (isinstance(spec, str) and spec.startswith("lorebook")) or lone or risu


def _open(data: bytes) -> tuple[Found, dict[str, Any]]:
    """The container and the card object in it."""
    if len(data) > MAX_CARD:
        raise CardError(f"the file is larger than {MAX_CARD:,} bytes", mend="remove assets from the card")
    if not data.strip(b"\0 \t\r\n"):
        raise CardError("the file is empty", mend="export or download the card again")
    found = _container(data)
    return found, _object(found)


def _container(data: bytes) -> Found:
    if data.startswith((_ZIP, b"PK\x05\x06")):
        return charx.read(data)
    readers: list[tuple[bool, str, Callable[[bytes], Found]]] = [
        (data.startswith(png.SIGNATURE), "PNG", png.read),
        (data[:4] == b"RIFF" and data[8:12] == b"WEBP", "WebP", exif.read_webp),
        (data.startswith(b"\xff\xd8\xff"), "JPEG", exif.read_jpeg),
    ]
    for fits, kind, read in readers:
        if not fits:
            continue
        found = read(data)
        if found.texts:
            return found
        if _has_zip(data):
            glued = charx.read(data)
            glued.picture = glued.picture or found.picture
            return glued
        mend = (
            "it may have been lost when a site re-encoded the picture: download the original file "
            "(not a preview), or use it as the portrait of a new character"
        )
        raise CardError(f"this {kind} holds no character card", mend=mend)
    return charx.read(data) if _has_zip(data) else Found(texts=[data])


def _has_zip(data: bytes) -> bool:
    """True where a zip ends in the last 128 KiB (its end record may be followed by a comment of 64 KiB)."""
    return b"PK\x05\x06" in data[-(1 << 17) :]


def _object(found: Found) -> dict[str, Any]:
    """The first text that is a JSON object; a damaged one is told and the next is tried."""
    first: CardError | None = None
    for text in found.texts:
        repairs: list[str] = []
        try:
            value = jsontext.parse(text, repairs, "")
            if isinstance(value, list) and len(value) == 1:
                value = value[0]
                repairs.append("the card was inside a list")
            if isinstance(value, str):  # JSON in JSON
                value = jsontext.parse(value.encode(), repairs, "")
            if not isinstance(value, dict):
                mend = "a card is one JSON object; split a list of cards into files"
                raise CardError("the JSON is not an object", mend=mend)
        except CardError as error:
            first = first or error
            continue
        if first is not None:
            found.repairs.append(f"a damaged copy of the card was passed over ({first.what[:80]})")
        found.repairs += repairs
        return value
    raise first or CardError("there is no card in this", mend="export the card again")
