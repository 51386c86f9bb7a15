"""Several lorebooks as one: a character's own, and those attached to it or to a channel."""

from collections.abc import Sequence
from dataclasses import replace

from agent.character import Lorebook, LoreEntry


def joined(books: Sequence[Lorebook]) -> Lorebook | None:
    """One book whose entries behave as each did in its own: what a book says for all of them goes to each entry.

    The budget is the sum where every book has one; else the agent's settings decide, as for a book without.
    """
    if len(books) < 2:
        return books[0] if books else None
    recursive = any(b.recursive for b in books)
    budgets = [b.token_budget for b in books if b.token_budget is not None]
    return Lorebook(
        entries=tuple(_alone(e, b, recursive and not b.recursive) for b in books for e in b.entries),
        token_budget=sum(budgets) if len(budgets) == len(books) else None,
        recursive=recursive,
        name=", ".join(b.name for b in books if b.name),
    )


def _alone(entry: LoreEntry, book: Lorebook, apart: bool) -> LoreEntry:
    """With its book's scan depth; `apart`: neither calling other entries nor called by them."""
    marks = dict(entry.decorators)
    if book.scan_depth is not None:
        marks.setdefault("scan_depth", (str(book.scan_depth),))
    if apart:
        marks |= {"exclude_recursion": (), "prevent_recursion": ()}
    return replace(entry, decorators=marks)
