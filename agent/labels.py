"""Speaker labels for dialogue lines, and the cleaning of words so that nobody can forge a label.

A dialogue line reads `[Label]: words`. Labels are made here from display names, which people choose freely
and which are therefore hostile; identity is the speaker's id alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from agent.dialogue import Speaker, SpeakerKind

ANONYMOUS = "human"  # MMRole's label for a person without a name
LONGEST = 32  # characters of a label

# Brackets and colons in every width and script that a model might read as the label's own.
OPEN, CLOSE = "[［【〔⟦〚〖⁅❲", "]］】〕⟧〛〗⁆❳"
COLONS = ":：︰﹕ː∶꞉︓׃։"
RESERVED = ("system", "assistant", "developer", "tool")  # a person called so would speak with their authority
_O, _C = re.escape(OPEN), re.escape(CLOSE)
# Signs between bracket and colon may be marks that nobody sees.
_LABEL = re.compile(rf"[{_O}]{{1,3}}([^\n{_C}]{{1,80}})[{_C}]{{1,3}}(?=[^\w\n]{{0,6}}?\s*[{COLONS}])")
_SUSPECT = re.compile(f"[<{_O}]")
_NAMELIKE = re.compile("[\u200c\u200d]*[^\\W\\d]")
_SAID = re.compile(rf"[\w(){_O}{_C}]")
_ROUND = str.maketrans(OPEN, "(" * len(OPEN))
# What chat templates and vision placeholders look like: <|im_start|>, <｜User｜>, </s>, <row_1_col_1>, [INST], [IMG].
_CONTROL = re.compile(
    r"<([|｜][^<>‹›\n]{1,64}[|｜]|/?[A-Za-z_][A-Za-z0-9_]{0,40}|<SYS>|</SYS>)>|\[(/?[A-Z][A-Z_]{1,30})\]"
)
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]"
)  # letters and signs drawn as nothing
_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def clean_words(text: str) -> str:
    """Words as they may stand in a prompt: no control or bidi characters, no chat-template tokens, and nothing
    that looks like another speaker's `[Name]:`. Everything a person would read stays readable."""
    if not text.replace("\n", "").replace("\t", "").isprintable():  # what is printable is none of these
        text = _LINE_ENDS.sub("\n", text)
        text = "".join(
            c
            for c in text
            if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") or c in "\u200c\u200d"
        )
    if not text.isascii():
        text = _UNSEEN.sub("", text)
    if not _SUSPECT.search(text):
        return text.strip()
    text = _CONTROL.sub(lambda m: f"‹{m[1].strip('<>')}›" if m[1] else f"({m[2]})", text)
    return _LABEL.sub(_rounded, text.strip())


def _rounded(found: re.Match[str]) -> str:
    """A forged label in round brackets. At a line's start anything in brackets is one, whatever signs stand
    before it; within a line only what begins like a name, so that `[1, 2]:` and `list[int]:` stay."""
    text, at = found.string, found.start()
    before = text[at - 1 : at]
    inside = before.isalnum() or before in "_)" or not _NAMELIKE.match(found[1])
    if before and inside and _SAID.search(text, text.rfind("\n", 0, at) + 1, at):
        return found[0]
    return f"({found[1].translate(_ROUND)})"


def one_line(text: str) -> str:
    """Clean words that stand inside a line of ours, which they must not end."""
    return " ".join(clean_words(text).split())


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
    taken.update(RESERVED)
    for person in people:
        found[person.id] = _unique(clean_name(person.name) or ANONYMOUS, taken)
    return found


def _unique(name: str, taken: set[str]) -> str:
    label, n = name, 2
    while label.casefold() in taken:
        label, n = f"{name} ({n})", n + 1
    taken.add(label.casefold())
    return label


def listing(names: Sequence[str]) -> str:
    """`Ada, Sam and Holmes`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
