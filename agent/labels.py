"""Speaker labels for dialogue lines, and the cleaning of words so that nobody can forge a label.

A dialogue line reads `[Label]: words`. Labels are made here from display names, which people choose freely
and which are therefore hostile; identity is the speaker's id alone.
"""

import re
import unicodedata
from collections.abc import Iterable

from agent.dialogue import Speaker, SpeakerKind

ANONYMOUS = "human"  # MMRole's label for a person without a name
LONGEST = 32  # characters of a label

# Brackets in every width and script that a model might read as the label's own.
_OPEN, _CLOSE = "[［【〔⟦〚", "]］】〕⟧〛"
_COLONS = ":：︰﹕ː"
_FORGED = re.compile(
    rf"(?m)^([^\S\n]*)[{re.escape(_OPEN)}]([^\n{re.escape(_CLOSE)}]{{1,80}})[{re.escape(_CLOSE)}](\s*[{_COLONS}])"
)
# What chat templates and vision placeholders look like: <|im_start|>, </s>, <image>, <__media__>, [INST], <<SYS>>.
_CONTROL = re.compile(r"<(\|[^<>\n]{1,64}\||/?[a-z_]{1,32}|<SYS>|</SYS>)>|\[(/?INST)\]")
_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def clean_words(text: str) -> str:
    """Words as they may stand in a prompt: no control or bidi characters, no chat-template tokens, and no
    line that looks like another speaker's `[Name]:`. Everything a person would read stays readable."""
    text = _LINE_ENDS.sub("\n", text)
    text = "".join(
        c
        for c in text
        if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") or c == "\u200d"
    )
    text = _CONTROL.sub(lambda m: f"‹{m[1].strip('<>')}›" if m[1] else f"({m[2]})", text)
    return _FORGED.sub(r"\1(\2)\3", text).strip()


def clean_name(name: str) -> str:
    """A display name fit for a label; empty when nothing usable is left."""
    name = unicodedata.normalize("NFKC", name)
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in "'’.-_&" else " " for c in name)
    return " ".join("".join(kept).split())[:LONGEST].strip(" .-_&'’")


def labels(speakers: Iterable[Speaker]) -> dict[str, str]:
    """Speaker id -> label, unique without regard to case; characters keep their names, people yield.

    The second Sam becomes `Sam (2)`; a person called like a character present becomes `Name (2)` as well.
    Order decides who is first, so pass turns in the order spoken.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    people: list[Speaker] = []
    for speaker in speakers:
        if speaker.id in found:
            continue
        if speaker.kind is SpeakerKind.CHARACTER:
            found[speaker.id] = _unique(clean_name(speaker.name) or speaker.id, taken)
        elif speaker.id not in {p.id for p in people}:
            people.append(speaker)
    for person in people:
        found[person.id] = _unique(clean_name(person.name) or ANONYMOUS, taken)
    return found


def _unique(name: str, taken: set[str]) -> str:
    label, n = name, 2
    while label.casefold() in taken:
        label, n = f"{name} ({n})", n + 1
    taken.add(label.casefold())
    return label
