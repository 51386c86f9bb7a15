"""Text that should be JSON: decoded, parsed and bounded, whatever state it is in."""

import base64
import binascii
import json
import math
import re
from typing import Any

from agent.cards.imported import MAX_DEPTH, MAX_JSON, MAX_VALUES
from agent.errors import CardError

_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCRYPTED = b"rcc||"
_BLANK = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"  # byte order marks and what may stand before JSON


def parse(data: bytes, repairs: list[str], where: str) -> Any:
    """The JSON value in `data` (bare or base64). Raises CardError; tells what it mends."""
    plain = data if len(data) > 2 * MAX_JSON else _bare(data, where)
    if len(plain) > MAX_JSON:
        raise CardError("the card's text is too large", where=where, mend=f"keep it under {MAX_JSON:,} bytes")
    if plain.lstrip(_BLANK)[:1] not in (b"{", b"[", b'"'):
        mend = "a card is a PNG, CHARX, JSON, WebP or JPEG file; export or download it again"
        raise CardError(
            "there is no character card in this: no JSON, bare or in base64", where=where, mend=mend
        )
    if plain.count(b"[") + plain.count(b"{") > MAX_VALUES:  # before they cost time and memory
        raise CardError("the card holds too many values", where=where, mend=_VALUES)
    text = _text(plain, repairs)
    try:
        value, end = _decoder(repairs).raw_decode(text, len(text) - len(text.lstrip()))
    except RecursionError:
        raise CardError("the card is nested too deeply", where=where, mend=_DEPTH) from None
    except ValueError as error:
        what = f"the card is not JSON ({error})"
        mend = "export it again from the program that made it, or mend the text at that place"
        raise CardError(what, where=where, mend=mend) from None
    if text[end:].strip(" \t\r\n\0"):
        repairs.append("text after the end of the card was left out")
    _check_size(value, where)
    return _without_surrogates(value, repairs)


_VALUES = f"remove what is not the character's: a card may hold {MAX_VALUES:,} values"
_DEPTH = f"remove whatever lies more than {MAX_DEPTH} levels deep"


def refuse_encrypted(data: bytes, where: str) -> None:
    """Raises CardError if this is RisuAI's encrypted card, whose key only RisuAI has."""
    if data[:64].lstrip().startswith(_ENCRYPTED):
        mend = "export it from RisuAI without encryption or password (as CHARX or JSON) and import that"
        raise CardError("this card is encrypted by RisuAI and cannot be read here", where=where, mend=mend)


def _bare(data: bytes, where: str) -> bytes:
    """`data` without its base64, if it has any."""
    refuse_encrypted(data, where)
    head = data[:64].lstrip(_BLANK)
    if head[:1] in (b"{", b"[", b""):
        return data
    plain = unbase64(data)
    if plain is None:
        return data
    refuse_encrypted(plain, where)
    return plain


def unbase64(data: bytes) -> bytes | None:
    """Base64 as found in the wild: line breaks, no padding, the URL alphabet. None: it is none."""
    body = data.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n\0").rstrip(b"=")
    if len(body) % 4 == 1:
        return None
    try:
        return base64.b64decode(body + b"=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(data: bytes, repairs: list[str]) -> str:
    encoding = json.detect_encoding(data) if data else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        repairs.append("bytes that are not valid text were replaced by �")
        return data.decode(encoding, "replace")


def _decoder(repairs: list[str]) -> json.JSONDecoder:
    """Numbers that JSON has no room for (NaN, 1e999, thousands of digits) are kept as strings."""

    def once(note: str) -> None:
        if note not in repairs:
            repairs.append(note)

    def odd(token: str) -> str:
        once("numbers that are not finite or far too long were kept as text")
        return token

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) < len(found):
            once("keys given twice in one object: the last one counts")
        return made

    return json.JSONDecoder(
        strict=False,  # raw line breaks inside strings are common in hand-written cards
        object_pairs_hook=pairs,
        parse_constant=odd,
        parse_float=lambda t: float(t) if math.isfinite(float(t)) else odd(t),
        parse_int=lambda t: int(t) if len(t) <= 300 else odd(t),
    )


def _check_size(value: Any, where: str) -> None:
    """Raises CardError where the value is nested too deeply or holds too many values to be a card."""
    depth, count, level = 0, 0, [value]
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH:
            raise CardError("the card is nested too deeply", where=where, mend=_DEPTH)
        if count > MAX_VALUES:
            raise CardError("the card holds too many values", where=where, mend=_VALUES)
        level = [
            c for v in level if isinstance(v, dict | list) for c in (v.values() if isinstance(v, dict) else v)
        ]


def _without_surrogates(value: Any, repairs: list[str]) -> Any:
    """Half characters (an escaped surrogate without its partner) cannot be stored anywhere: they become �."""
    found = False

    def walk(v: Any) -> Any:
        nonlocal found
        if isinstance(v, str):
            clean = _SURROGATE.sub("�", v)
            found = found or clean != v
            return clean
        if isinstance(v, dict):
            return {walk(k): walk(x) for k, x in v.items()}
        return [walk(x) for x in v] if isinstance(v, list) else v

    made = walk(value)
    if found:
        repairs.append("half characters (lone surrogates) were replaced by �")
    return made
