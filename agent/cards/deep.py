"""A card's `depth_prompt` (SillyTavern: words that stand so many turns above the end) as an entry of its lorebook."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.cards.texts import clean
from agent.character import Lorebook, LoreEntry

ID = "depth_prompt"
_USUAL = 4  # turns, where the card does not say


def joined(book: Lorebook | None, extensions: Mapping[str, Any]) -> Lorebook | None:
    """The book with the card's depth prompt as its last entry, a constant one."""
    entry = _entry(extensions.get(ID))
    if entry is None:
        return book
    book = book or Lorebook()
    return replace(book, entries=(*book.entries, entry))


def parted(book: Lorebook | None, extensions: dict[str, Any]) -> Lorebook | None:
    """The book without that entry, which goes back (changed, or gone) to where it came from. None for no book."""
    old = _entry(extensions.get(ID))
    if old is None or book is None:
        if old is not None:
            extensions[ID] = {**extensions[ID], "prompt": ""}
        return book
    new = next((e for e in book.entries if e.id == ID), None)
    if new != old:
        extensions[ID] = {**extensions[ID], "prompt": new.content if new else ""}
    rest = tuple(e for e in book.entries if e.id != ID)
    return replace(book, entries=rest) if rest or book != Lorebook((old,)) else None


def _entry(said: Any) -> LoreEntry | None:
    words = said.get("prompt") if isinstance(said, dict) else None
    if not isinstance(words, str) or not words.strip():
        return None
    depth = said.get("depth")
    turns = depth if isinstance(depth, int) and not isinstance(depth, bool) and 0 <= depth < 10**6 else _USUAL
    return LoreEntry(
        clean(words).strip(), constant=True, decorators={"depth": (str(turns),)}, id=ID, name="Depth prompt"
    )
