"""Where in a dialogue an entry with `@@depth` stands (Character Card V3)."""

from agent.character import LoreEntry
from agent.lore.numbers import number


def depth(entry: LoreEntry) -> int | None:
    """How many turns the entry wants below it; None for one that stands with the other lore."""
    wanted = number(entry, "depth")
    return None if wanted is None else int(wanted)


def place(entry: LoreEntry, history: int, answered: bool) -> int:
    """Before which of `history` lines the entry goes; `history` itself means after all of them.

    `@@role` has no place here: all of a dialogue is one message. Depth 0 counts as 1: behind the current words
    an entry would read as a part of them.
    """
    return min(history, max(0, history + answered - max(1, depth(entry) or 0)))
