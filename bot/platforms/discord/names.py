"""Names and marks that tie a message on Discord to a turn."""

import base64
import hashlib
import re
import unicodedata
from datetime import UTC, datetime

UNSEEN = ("Cf", "Cc", "Cs")  # general categories of Unicode
_CROCKFORD = {c: i for i, c in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}


def shown_name(name: str) -> str:
    """A name as Discord shows it: without characters that nobody sees, white space as single blanks. What joins the
    parts of one emoji stays."""
    seen = "".join(
        c for at, c in enumerate(name) if unicodedata.category(c) not in UNSEEN or _joins(name, at)
    )
    return re.sub(r"\s+", " ", seen).strip()


def _joins(name: str, at: int) -> bool:
    """Whether this is a zero-width joiner between two symbols."""
    before, after = name[:at].rstrip("\ufe0f")[-1:], name[at + 1 : at + 2]
    return name[at] == "\u200d" and all(
        c and unicodedata.category(c) in ("So", "Sk") for c in (before, after)
    )


def webhook_name(name: str) -> str:
    """A character's name as Discord takes it for a webhook: 1 to 80 characters, without the words it forbids."""
    name = shown_name(re.sub(r"\s+", " ", name))
    name = re.sub(r"(?i)(dis)(cord)", r"\1-\2", name)
    name = re.sub(r"(?i)(cly)(de)", r"\1-\2", name)
    while len(name.encode("utf-16-le", "replace")) // 2 > 80:
        name = name[:-1]
    return name.strip() or "Character"


def nonce(turn_id: str, index: int) -> str:
    """The mark of a turn's nth message: at most 25 characters, as Discord wants it, the same after a restart."""
    digest = hashlib.blake2s(f"{turn_id}/{index}".encode(), digest_size=15).digest()
    return base64.b32encode(digest).decode().lower()


def interaction_id(native: int) -> str:
    """The id of a command as an event: no message has it."""
    return f"i{native}"


def snowflake(identity: str) -> int:
    """The number in a message's or command's id, 0 if there is none."""
    digits = identity.removeprefix("i")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def message_id(identity: str) -> int:
    """The number of a message's id, 0 for anything else (a command)."""
    return int(identity) if identity.isascii() and identity.isdigit() else 0


def begun(turn_id: str) -> datetime | None:
    """When a turn was planned, if its id is a ULID (the first ten characters are milliseconds)."""
    head = turn_id[:10].upper()
    if len(turn_id) != 26 or any(c not in _CROCKFORD for c in head):
        return None
    ms = 0
    for character in head:
        ms = ms * 32 + _CROCKFORD[character]
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
