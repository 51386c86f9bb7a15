"""A profile in few words: whole sentences chosen by a program that works on any card.

Sources take turns, each giving its next sentence while there is room, so that who somebody is, how they talk and
what they know all get their share, whichever section the card's author put the most into. Nothing is rewritten;
a sentence is cut only where the first one of a source would not fit whole.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.character import Character
from agent.lore import constant
from agent.speech import sentences

LONGEST = 45  # tokens of one sentence
LEAST = 8  # tokens: less room holds nothing worth cutting a sentence for
LOOKED_AT = 6_000  # characters of one text: a gist needs no more, whatever a card holds
_CLAUSE = re.compile(r"[,;:—–(]|\s-\s")
_MARKUP = re.compile(r"^\s*(?:#{1,6}|[-*•+>]|\d{1,2}[.)])\s+", re.MULTILINE)
_PAIR = re.compile(r"[*_]{1,3}(?=\S)(.+?)(?<=\S)[*_]{1,3}", re.DOTALL)


@dataclass(frozen=True)
class Gist:
    """`who` and `knows` are sentences, `talks` tells the manner, `says` holds the character's own words."""

    who: str
    talks: str
    says: tuple[str, ...]
    knows: str


def gist(character: Character, expand: Callable[[str], str], tokens: int) -> Gist:
    """Of at most about `tokens` tokens; `expand` replaces a card's macros and cleans. Never empty-handed where
    the card says anything: the introduction's beginning always fits."""
    p = character.profile
    lore = " ".join(e.content for e in constant(character.lorebook)) if character.lorebook else ""
    texts = {
        "who": [p.introduction],
        "talks": [p.personality],
        "says": [*p.catchphrases, *_own_lines(character)],
        "life": [p.life_story],
        "bonds": [p.relationships],
        "rest": [character.scene, lore, character.system_prompt],
    }
    waiting = {name: _queue(given, expand, whole=name == "says") for name, given in texts.items()}
    kept: dict[str, list[str]] = {name: [] for name in waiting}
    room = float(tokens)
    while any(waiting.values()):
        for name, queue in waiting.items():
            if not queue:
                continue
            # A quarter for a first sentence leaves the others theirs.
            most = LONGEST if name == "who" else min(LONGEST, tokens / 4)
            said = clipped(queue.pop(0), min(room, most), force=not kept[name] and room > LEAST)
            if said:
                kept[name].append(said)
                room -= weigh(said) + 1
    knows = [*kept["life"], *kept["bonds"], *kept["rest"]]
    return Gist(" ".join(kept["who"]), " ".join(kept["talks"]), tuple(kept["says"]), " ".join(knows))


def weigh(text: str) -> float:
    """About how many tokens a text takes, whatever the model: 4.2 characters each, other scripts' letters 2 each."""
    plain = sum(map(str.isascii, text))
    return plain / 4.2 + 2 * (len(text) - plain)


def clipped(text: str, tokens: float, *, force: bool = True) -> str:
    """`text` where it has at most `tokens` tokens; else its beginning up to a clause or, failing that, a word. Empty
    where it must be cut and not `force`."""
    if weigh(text) <= tokens:
        return text
    if not force or tokens <= 0:
        return ""
    end = next((i for i in range(len(text), 0, -1) if weigh(text[:i]) <= tokens), 0)
    clauses = [m.start() for m in _CLAUSE.finditer(text[:end]) if m.start() > end / 3]
    blank = text.rfind(" ", 0, end)
    cut = text[: clauses[-1] if clauses else blank if blank > 0 else end].rstrip()
    return f"{cut}." if clauses else f"{cut}…" if cut else ""


def _queue(texts: Iterable[str], expand: Callable[[str], str], *, whole: bool) -> list[str]:
    """The sentences of `texts` in their order, without a card's list marks and emphasis; `whole`: each text is one."""
    found: list[str] = []
    for text in texts:
        plain = _PAIR.sub(r"\1", _MARKUP.sub("", expand(text[:LOOKED_AT])))
        lines = (
            [" ".join(plain.split())] if whole else [" ".join(line.split()) for line in _paragraphs(plain)]
        )
        found += [s for line in lines for s in ([line] if whole else sentences(line)) if s]
    return list(dict.fromkeys(found))


def _paragraphs(text: str) -> list[str]:
    """Lines that end like a sentence, or are followed by nothing, stand alone; others were only wrapped."""
    return re.split(r"\n\s*\n|(?<=[.!?。！？])\s*\n", text)


def _own_lines(character: Character) -> list[str]:
    """First sentences of what the character says in a card's example dialogue."""
    names = "|".join(re.escape(n) for n in ("{{char}}", "<char>", character.name, character.nickname) if n)
    own = re.compile(rf"(?im)^\s*(?:{names})\s*:\s*(\S.*)$")
    lines = [m[1] for example in character.examples for m in own.finditer(example)]
    return [first for line in lines for first in sentences(line)[:1]]
