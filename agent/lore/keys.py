"""Does a text contain an entry's keys? Plain words and regular expressions, the latter on a short leash."""

import functools
import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agent.character import LoreEntry

MAX_TEXT = 20_000  # characters of one text that are scanned, the latest ones
MAX_PATTERN = 1_000  # characters of one regular expression
MAX_REPEATS = 10_000  # product of its {counts}: nested ones are unrolled, and no timeout bounds compiling
SEARCH_SECONDS = 0.05  # for one search
BUDGET_SECONDS = 0.5  # for all regular expressions of one prompt
_SLASHED = re.compile(r"/((?:[^/\\]|\\.)+)/([dgimsuvy]*)", re.DOTALL)
# Scripts that put no blanks between words, or hang endings on them: there a word can begin and end anywhere.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_COUNTS = re.compile(r"\{\s*[a-z<=+,0-9\s]*?(\d{1,9})\s*(?:,\s*(\d{0,9})\s*)?\}")


class Matcher:
    """Looks keys up in one prompt's texts; remembers what it lower-cased and how much time regexes took."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = BUDGET_SECONDS
        self._folded: dict[str, str] = {}

    def matches(self, entry: LoreEntry, texts: Sequence[str]) -> bool:
        """Do the entry's keys, secondary keys and additional and excluded keys allow it?"""
        if not self.any(entry, entry.keys, texts):
            return False
        more = [k for k in entry.secondary_keys if k.strip()]
        if not entry.selective or not more or entry.use_regex:
            return True
        logic = (entry.decorators.get("selective_logic") or ("any",))[0]
        hits = (self.any(entry, (key,), texts) for key in more)
        met = all(hits) if logic in ("all", "not_all") else any(hits)
        return not met if logic.startswith("not_") else met

    def allowed(self, entry: LoreEntry, texts: Sequence[str]) -> bool:
        """The conditions of `@@additional_keys` (each of them) and `@@exclude_keys`."""
        marks = entry.decorators
        more = [keys for name, keys in marks.items() if name.partition("#")[0] == "additional_keys"]
        if not all(self.any(entry, keys, texts) for keys in more):
            return False
        return entry.use_regex or not self.any(entry, marks.get("exclude_keys", ()), texts)

    def any(self, entry: LoreEntry, keys: Iterable[str], texts: Sequence[str]) -> bool:
        """Is one of `keys` in one of `texts`, the way the entry compares? An empty key is in no text."""
        return any(self._one(entry, key, text) for key in keys if key.strip() for text in texts)

    def _one(self, entry: LoreEntry, key: str, text: str) -> bool:
        if entry.use_regex:
            return self._search(key, text, entry.case_sensitive)
        if "key_by_key" in entry.decorators and slashed(key):
            return self._search(key, text, True)  # its own flags say otherwise
        if not entry.case_sensitive:
            key, text = key.casefold(), self._fold(text)
        return _as_words(key, text) if "whole_words" in entry.decorators else key in text

    def _fold(self, text: str) -> str:
        if text not in self._folded:
            self._folded[text] = text.casefold()
        return self._folded[text]

    def _search(self, pattern: str, text: str, case_sensitive: bool) -> bool:
        """A bad pattern, one that takes too long, or one that comes after too many of these, is no match."""
        compiled = _compiled(pattern, case_sensitive)
        if compiled is None or self._left <= 0:
            return False
        start = self._clock()
        try:
            return compiled.search(text, timeout=min(SEARCH_SECONDS, self._left)) is not None
        except (TimeoutError, RecursionError, MemoryError):
            return False
        finally:
            self._left -= self._clock() - start


def _as_words(key: str, text: str) -> bool:
    """Is `key` in `text` as words of their own?"""
    at = text.find(key)
    while at >= 0:
        end = at + len(key)
        if not _joined(text[max(at - 1, 0) : at], key[:1]) and not _joined(key[-1:], text[end : end + 1]):
            return True
        at = text.find(key, at + 1)
    return False


def _joined(before: str, after: str) -> bool:
    """Do two neighbouring characters belong to one word?"""
    return before.isalnum() and after.isalnum() and not _UNSPACED.match(before) and not _UNSPACED.match(after)


def _repeats(pattern: str) -> int:
    """The product of all numbers in braces, an upper bound of what nesting them makes."""
    return math.prod(max(int(n) for n in found if n) or 1 for found in _COUNTS.findall(pattern))


def expressions(entry: LoreEntry) -> list[str]:
    """Those of the entry's keys that are regular expressions, without slashes and flags."""
    keys = [key for key in (*entry.keys, *entry.secondary_keys) if key.strip()]
    found = [(key, slashed(key)) for key in keys]
    if entry.use_regex:
        return [parts[0] if parts else key for key, parts in found]
    return [parts[0] for _, parts in found if parts] if "key_by_key" in entry.decorators else []


def fault(pattern: str) -> str:
    """Why a regular expression (without slashes) can match nothing here; empty where it is sound."""
    if len(pattern) > MAX_PATTERN:
        return f"is longer than {MAX_PATTERN} characters"
    if _repeats(pattern) > MAX_REPEATS:
        return "counts too high"
    made = _engine(pattern, 0)
    return f"is broken: {made}" if isinstance(made, str) else ""


def slashed(key: str) -> tuple[str, str] | None:
    """Pattern and flags of a key written `/like this/i`; None for any other, such as `/a/path` or `/home/user`."""
    found = _SLASHED.fullmatch(key.strip())
    return (found[1], found[2]) if found else None


@functools.lru_cache(maxsize=4_096)
def _compiled(key: str, case_sensitive: bool) -> Any:
    """None for one that is bad or too long."""
    import regex

    pattern, letters = slashed(key) or (key, "")
    if fault(pattern):
        return None
    known = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
    flags = 0 if case_sensitive else regex.IGNORECASE
    made = _engine(pattern, functools.reduce(lambda a, b: a | b, (known.get(x, 0) for x in letters), flags))
    return None if isinstance(made, str) else made


def _engine(pattern: str, flags: int) -> Any:
    """The compiled pattern, or what is wrong with it."""
    import regex

    try:
        return regex.compile(pattern, flags)
    except (
        regex.error,
        ValueError,
        OverflowError,
        RecursionError,
        MemoryError,
        IndexError,
        KeyError,
        TypeError,
    ) as error:
        return str(error) or type(error).__name__
