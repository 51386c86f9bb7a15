"""From what a model writes to what a character says.

A reply never carries its own `Name:` prefix, never goes on to speak for somebody else, and never breaks off
in the middle of a sentence when the token limit cuts it.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agent.labels import ANONYMOUS, CLOSE, COLONS, OPEN

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|Capt|Col|Gen|Lt|Rev|Mme|Sr|Jr|vs|etc|e\.g|i\.e|[ap]\.m|No)|\b[A-Z]"
    r"|(?:^|\n)[^\S\n]*\d{1,3})\.$"
)
_SENTENCE_END = re.compile(r"(?:[.!?…।؟۔։።။]+[\"'”’»)\]*_~`]*(?=\s|$))|(?:[。！？]+[」』”’）]*)")
_FENCE = "```"
# Where a model whose end-of-turn token was missed begins the next turn by itself.
_NEXT_TURN = re.compile(r"<[|｜][^<>\n]{1,64}[|｜]>|</s>|<(?:start|end)_of_turn>|\[/?INST\]")
_BEGUN_TOKEN = re.compile(r"<(?:[|｜/a-z_][^<>\n]{0,64})?$")
_STRANGERS = (ANONYMOUS, "user", "assistant", "{{user}}")  # labels that models know from their training
_O, _C = f"[{re.escape(OPEN)}]", f"[{re.escape(CLOSE)}]"
_MARK = r"[*_]{0,3}"
_COLON = rf"{_MARK}[^\S\n]*[{COLONS}]"
_LEAD = rf"^[^\S\n]*(?:[>#]{{1,6}}[^\S\n]*)?{_MARK}"
_BEGUN_LABEL = re.compile(
    rf"(?m)(?:{_LEAD})?{_O}{{1,2}}[^\n{re.escape(CLOSE)}]{{0,42}}(?:{_C}{{1,2}}{_MARK}[^\S\n]*)?$"
)
_LONGEST_BEGUN = 100  # characters that either can match
_PARTICLES = {"the", "von", "van", "der", "den", "del", "della", "ibn", "bin", "and", "miss", "lady", "lord"}


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
        mine, theirs = _either(own), _either((*others, *_STRANGERS))
        label = rf"(?:{_O}{{1,2}}{mine}{_C}{{1,2}}|\({mine}\)|{mine}){_COLON}{_MARK}[^\S\n]*"
        self._prefix = re.compile(rf"(?im){_LEAD}{label}(?:{_MARK}{label})*")
        # A known name, bare or in brackets, or any short bracketed name at all: somebody else's turn.
        self._other = re.compile(
            rf"(?im){_LEAD}(?:\({theirs}\)|{theirs}|{_O}{{1,2}}[^\n{re.escape(CLOSE)}]{{1,40}}{_C}{{1,2}}){_COLON}"
        )
        self._own_inside = re.compile(rf"(?i){_O}{mine}{_C}[:：][^\S\n]*")
        self._other_inside = re.compile(rf"(?i){_O}{theirs}{_C}[:：]")
        self._names = tuple(n.casefold() for n in (*own, *others, *_STRANGERS) if n)

    def hear(self, raw: str, *, final: bool = False) -> Heard:
        """All that was written so far -> what may be shown of it. With `final`, nothing is held back."""
        text = self._own_inside.sub("", self._prefix.sub("", raw))
        signs = (self._other, self._other_inside, _NEXT_TURN)
        ends = [found.start() for sign in signs if (found := sign.search(text))]
        if ends:
            return Heard(text[: min(ends)].strip(), ended=True)
        if not final:
            text = self._held_back(text)
        return Heard(text.strip(), ended=False)

    def _held_back(self, text: str) -> str:
        """Withholds an end that may still turn out to be a label or a token."""
        start = text.rfind("\n") + 1
        line = text[start:].strip().lstrip("*_>#( \t").casefold()
        named = any(name.startswith(line) or line.rstrip("*_) ") == name for name in self._names)
        if named:
            return text[:start]
        tail = max(0, len(text) - _LONGEST_BEGUN)
        begun = [f.start() for sign in (_BEGUN_LABEL, _BEGUN_TOKEN) if (f := sign.search(text, tail))]
        return text[: min(begun)] if begun else text


def called(names: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """What a model may call its own character by in a label: the names, and the words of them that nobody
    else present bears."""
    whole = tuple(dict.fromkeys(n for n in names if n))
    taken = {w.casefold() for o in others for w in (o, *o.split())}
    words = (w.strip(".,'’\"") for n in whole for w in n.split())
    return tuple(
        dict.fromkeys(
            n
            for n in (*whole, *(w for w in words if len(w) > 2 and w.casefold() not in _PARTICLES))
            if n.casefold() not in taken
        )
    )


def _either(names: Iterable[str]) -> str:
    """A group that matches any of the names, the longest first; nothing where there are none."""
    return "(?:" + ("|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n) or "(?!)") + ")"


def sentences(text: str) -> list[str]:
    """In their order, without blanks around them; the last one may be unfinished."""
    found, begin = [], 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[begin : match.end()]):
            found.append(text[begin : match.end()].strip())
            begin = match.end()
    return [s for s in (*found, text[begin:].strip()) if s]


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
    elif text and text[-1].isalpha() and not text.isascii():  # scripts without blanks
        text += "…"
    return text + "\n```" if text.count(_FENCE) % 2 else text
