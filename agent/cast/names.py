"""Names and ids: how what a person typed finds the character they meant."""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable

from agent.character import Character

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_ID = 64


def is_id(text: str) -> bool:
    """True for lower-case ASCII words joined by hyphens, at most 64 characters: safe as a file name."""
    return len(text) <= LONGEST_ID and _ID.fullmatch(text) is not None


def fold(text: str) -> str:
    """Letters and digits of any script in lower case, without diacritics, one blank between words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c) and c not in "'’")
    return " ".join(kept.split())


def slug(name: str) -> str:
    """A stable id for a name. A name without Latin letters gets a short hash of itself."""
    words = re.sub(r"[^a-z0-9]+", "-", fold(name).encode("ascii", "ignore").decode()).strip("-")
    if words:
        return words[:LONGEST_ID].strip("-")
    return "character-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]


def handles(character: Character) -> set[str]:
    """Everything the character answers to, folded."""
    return {fold(n) for n in (character.id, character.name, character.nickname)} - {""}


def _rank(character: Character, typed: str) -> float | None:
    """How well `typed` (folded) fits, 0 best; None: not at all."""
    names = handles(character)
    if typed in names:
        return 0
    if any(n.startswith(typed) for n in names):
        return 1
    if any(w.startswith(typed) for n in names for w in n.split()):
        return 2
    if any(typed in n for n in names):
        return 3
    if any(typed in fold(t) for t in (*character.tags, character.origin)):
        return 4
    parts = {p for n in names for p in (n, *n.split())}
    likeness = max((difflib.SequenceMatcher(None, typed, p).ratio() for p in parts), default=0.0)
    return 6 - likeness if likeness >= 0.7 else None


def ranked(characters: Iterable[Character], typed: str) -> list[Character]:
    """The characters that fit what was typed, best first, then by name; all of them if it is empty."""
    wanted = fold(typed)
    scored = [(0.0 if not wanted else _rank(c, wanted), c) for c in characters]
    kept = [(rank, fold(c.name), c.id, c) for rank, c in scored if rank is not None]
    return [c for *_, c in sorted(kept, key=lambda row: row[:3])]
