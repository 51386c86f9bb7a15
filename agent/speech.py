"""From what a model writes to what a character says.

A reply never carries its own `Name:` prefix, never goes on to speak for somebody else, and never breaks off
in the middle of a sentence when the token limit cuts it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|Mme|Sr|Jr|vs|etc|e\.g|i\.e|No)|\b[A-Z])\.$")
_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]*_~`]*(?=\s|$))|(?:[。！？]+[」』”’）]*)")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Heard:
    """`text` is safe to show; `ended` that the model began to speak for another, so generation can stop."""

    text: str
    ended: bool


class Speech:
    """Cleans one reply by `own` label (and its variants), knowing the labels of `others`.

    >>> Speech(["Holmes"], ["Sam"]).hear("[Holmes]: Elementary.\\n[Sam]: What?", final=True).text
    'Elementary.'
    """

    def __init__(self, own: Collection[str], others: Collection[str]) -> None:
        mark = r"[*_]{0,3}"
        mine, theirs = _either(own), _either(others)
        self._prefix = re.compile(
            rf"(?im)^[^\S\n]*{mark}(?:\[{mine}\]|{mine}){mark}[^\S\n]*[:：]{mark}[^\S\n]*"
        )
        # A known name, bare or in brackets, or any short bracketed name at all: somebody else's turn.
        self._other = re.compile(
            rf"(?im)^[^\S\n]*{mark}(?:\[{theirs}\]|{theirs}|\[[^\]\n]{{1,40}}\]){mark}[^\S\n]*[:：]"
        )
        self._names = tuple(n.casefold() for n in (*own, *others) if n)

    def hear(self, raw: str, *, final: bool = False) -> Heard:
        """All that was written so far -> what may be shown of it. With `final`, nothing is held back."""
        text = self._prefix.sub("", raw)
        other = self._other.search(text)
        if other:
            return Heard(text[: other.start()].strip(), ended=True)
        if not final:
            text = self._held_back(text)
        return Heard(text.strip(), ended=False)

    def _held_back(self, text: str) -> str:
        """Withholds a last line that may still turn out to be a label."""
        start = text.rfind("\n") + 1
        line = text[start:].strip().lstrip("*_").casefold()
        bracketed = line.startswith("[") and len(line) <= 42 and not re.search(r"\][*_]*.", line)
        named = any(name.startswith(line) or line.rstrip("*_ ") == name for name in self._names)
        return text[:start] if bracketed or named else text


def _either(names: Collection[str]) -> str:
    """A group that matches any of the names, the longest first; nothing where there are none."""
    return "(?:" + ("|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n) or "(?!)") + ")"


def whole_sentences(text: str) -> str:
    """Cuts a text that ran into its limit after its last whole sentence.

    Where not one sentence is whole it ends after the last whole word, with an ellipsis: a reply of nothing
    would be worse. An open code fence is closed.
    """
    end = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[: match.end()]):
            end = match.end()
    if end:
        text = text[:end]
    elif len(text.split()) > 1:
        text = text.rsplit(maxsplit=1)[0].rstrip(" ,;:-–—") + "…"
    return text + "\n```" if text.count(_FENCE) % 2 else text
