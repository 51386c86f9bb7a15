"""One look at one moment of a dialogue: which entries of a lorebook it calls for."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agent.character import Lorebook, LoreEntry
from agent.lore.keys import MAX_TEXT, Matcher
from agent.lore.numbers import number
from agent.macros import scannable

_ROUNDS = 8  # of recursive scanning
_USUAL_WEIGHT = 100.0  # of an entry in a group


@dataclass
class Scan:
    """One look at one moment of a dialogue."""

    book: Lorebook
    texts: tuple[str, ...]
    depth: int
    spoken: int
    greeting: int | None
    matcher: Matcher

    def found(self, first: Sequence[int], open_: Sequence[int], rng: random.Random) -> list[int]:
        """Numbers of the entries among `open_` that match; `first` always do. `rng` chooses within groups."""
        entries = self.book.entries
        found = alone(entries, [n for n in open_ if self._calls(entries[n], ())], first, rng)
        fresh = [*first, *found]
        for _ in range(_ROUNDS if self.book.recursive else 0):
            if not fresh:
                break
            heard = [entries[n] for n in fresh if "prevent_recursion" not in entries[n].decorators]
            told = tuple(scannable(e.content, recursive=True)[:MAX_TEXT] for e in heard)
            called = [n for n in open_ if n not in found and self._calls(entries[n], told, again=True)]
            fresh = alone(entries, called, [*first, *found], rng)
            found += fresh
        return found

    def _calls(self, entry: LoreEntry, told: Sequence[str], *, again: bool = False) -> bool:
        """Is the entry wanted, given the dialogue and what other entries have told when looking `again`?"""
        marks = entry.decorators
        if "activate" in marks:
            return True
        if ("delay_until_recursion" in marks and not again) or ("exclude_recursion" in marks and again):
            return False
        if "dont_activate_after_match" in marks and self._before(entry):
            return False
        if "keep_activate_after_match" in marks and self._before(entry):
            return True
        if (sticky := number(entry, "sticky")) and self._before(entry, int(sticky)):
            return True
        return self._timely(entry) and self._matches(entry, self.texts, told)

    def _matches(self, entry: LoreEntry, texts: Sequence[str], told: Sequence[str]) -> bool:
        own = number(entry, "scan_depth")
        depth = max(int(self.depth if own is None else own), 0)
        seen = [*texts[len(texts) - min(depth, len(texts)) :], *told]
        if entry.constant and not entry.use_regex:
            return self.matcher.allowed(entry, seen)
        return self.matcher.matches(entry, seen) and self.matcher.allowed(entry, seen)

    def _timely(self, entry: LoreEntry) -> bool:
        delay = number(entry, "delay")
        if delay is not None and len(self.texts) < delay:
            return False
        after, every = number(entry, "activate_only_after"), number(entry, "activate_only_every")
        if after is not None and self.spoken < after:
            return False
        if every is not None and every > 0 and self.spoken % every:
            return False
        wanted = number(entry, "is_greeting")
        return wanted is None or self.greeting is None or wanted == self.greeting

    def _before(self, entry: LoreEntry, turns: int | None = None) -> bool:
        """Did the entry match at an earlier moment, one of the last `turns`? Each turn was one; the clock is not
        replayed."""
        start = 1 if turns is None else max(1, len(self.texts) - turns)
        return any(self._matches(entry, self.texts[:end], ()) for end in range(start, len(self.texts)))


def alone(
    entries: Sequence[LoreEntry], called: Sequence[int], before: Sequence[int], rng: random.Random
) -> list[int]:
    """Those of `called` that are left when of each group (`@@group`) only one may speak: one that came `before`, else
    the highest in order of those with `@@group_override`, else one drawn by weight."""
    taken = {g for n in before for g in _groups(entries[n])}
    kept = [n for n in called if taken.isdisjoint(_groups(entries[n]))]
    for group in sorted({g for n in kept for g in _groups(entries[n])}):
        members = [n for n in kept if group in _groups(entries[n])]
        if len(members) < 2:
            continue
        pressing = [n for n in members if "group_override" in entries[n].decorators]
        if pressing:
            chosen = max(pressing, key=lambda n: (entries[n].insertion_order, -n))
        else:
            weights = [_weight(entries[n]) for n in members]
            chosen = rng.choices(members, weights if any(weights) else None)[0]
        kept = [n for n in kept if n == chosen or n not in members]
    return kept


def _groups(entry: LoreEntry) -> tuple[str, ...]:
    return entry.decorators.get("group", ())


def _weight(entry: LoreEntry) -> float:
    weight = number(entry, "group_weight")
    return _USUAL_WEIGHT if weight is None else max(weight, 0.0)
