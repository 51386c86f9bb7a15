"""Which lorebook entries a prompt gets: matched, ordered, and within the budget."""

import random
from collections.abc import Callable, Sequence

from agent.character import Lorebook, LoreEntry
from agent.lore.keys import MAX_TEXT, Matcher
from agent.lore.numbers import number
from agent.lore.scan import Scan
from agent.macros import scannable

_ALL_TEXT = 400_000  # characters of a dialogue that are looked at, the latest ones
# With one of these even a constant entry depends on the dialogue.
_CONDITIONS = {
    "activate_only_after",
    "activate_only_every",
    "dont_activate_after_match",
    "exclude_keys",
    "additional_keys",
    "is_greeting",
    "probability",
    "ignore_on_max_context",
    "delay",
    "delay_until_recursion",
    "group",
}


def constant(book: Lorebook) -> tuple[LoreEntry, ...]:
    """Entries that are in every prompt whatever is said, in order: the unchanging part."""
    return _ordered(book, [n for n, e in enumerate(book.entries) if _always(e)])


def triggered(
    book: Lorebook,
    recent: Sequence[str],
    *,
    count: Callable[[str], int],
    token_budget: int,
    scan_depth: int,
    rng: random.Random,
    turn_count: int,
    greeting: int | None = None,
) -> tuple[LoreEntry, ...]:
    """Entries that this moment of the dialogue calls for, in order, without those of `constant`.

    `recent` are the dialogue's texts, oldest first (the whole of it, so that decorators can tell whether an
    entry matched before). `count` gives a text's tokens. `token_budget` (tokens) and `scan_depth` (turns)
    stand in for what the book does not say; constant entries are paid from the budget first, then the
    highest priority. `rng` decides `@@probability`. `turn_count` is how often the character has spoken,
    `greeting` the number of the greeting in use, None where none is known. The same arguments give the same
    entries.
    """
    depth = scan_depth if book.scan_depth is None else book.scan_depth
    budget = token_budget if book.token_budget is None else book.token_budget
    scan = Scan(book, tuple(_scanned(recent)), depth, turn_count, greeting, Matcher())
    first = [n for n, e in enumerate(book.entries) if _always(e)]
    open_ = [n for n, e in enumerate(book.entries) if _lucky(e, rng) and n not in first and _live(e)]
    found = scan.found(first, open_, rng)
    budget -= sum(count(book.entries[n].content) for n in first)
    return _ordered(book, _within(book, found, budget, count))


def _ordered(book: Lorebook, numbers: Sequence[int]) -> tuple[LoreEntry, ...]:
    """By insertion order, lower first; the book's own order between equals."""
    return tuple(book.entries[n] for n in sorted(numbers, key=lambda n: (book.entries[n].insertion_order, n)))


def _within(book: Lorebook, found: Sequence[int], budget: int, count: Callable[[str], int]) -> list[int]:
    """What fits: highest priority first (then highest insertion order), up to the first that no longer fits.

    An entry that ignores the budget takes nothing of it. One larger than the whole budget is passed over, or it
    alone would silence all others.
    """

    def worth(n: int) -> tuple[bool, float, float, int]:
        entry = book.entries[n]
        return ("ignore_on_max_context" not in entry.decorators, entry.priority, entry.insertion_order, -n)

    kept, left = [], budget
    for n in sorted(found, key=worth, reverse=True):
        if "ignore_budget" in book.entries[n].decorators:
            kept.append(n)
            continue
        cost = count(book.entries[n].content)
        if cost > budget:
            continue
        if cost > left:
            break
        kept.append(n)
        left -= cost
    return kept


def _live(entry: LoreEntry) -> bool:
    """Can the entry be in a prompt at all?"""
    marks = entry.decorators
    return (
        entry.enabled
        and bool(entry.content.strip())
        and ("activate" in marks or "dont_activate" not in marks)
    )


def _always(entry: LoreEntry) -> bool:
    if not _live(entry):
        return False
    if "activate" in entry.decorators:
        return "probability" not in entry.decorators
    conditions = {name.partition("#")[0] for name in entry.decorators}
    return entry.constant and not entry.use_regex and conditions.isdisjoint(_CONDITIONS)


def _lucky(entry: LoreEntry, rng: random.Random) -> bool:
    """Draws for every entry that has a chance, so that one entry's fate does not depend on another's."""
    chance = number(entry, "probability")
    return chance is None or rng.random() * 100 < chance


def _scanned(recent: Sequence[str]) -> list[str]:
    """What keys are looked for in: the latest texts, up to the limit, without comments."""
    room, kept = _ALL_TEXT, list[str]()
    for text in reversed(recent):
        kept.append(scannable(text[-min(room, MAX_TEXT) :]) if room > 0 else "")
        room -= len(text)
    return kept[::-1]
