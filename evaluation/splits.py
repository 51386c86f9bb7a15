"""One split for everything that learns or is measured: `splits.json` beside this file.

Characters and pictures of MMRole's pack are named there. Of the project's own corpus the characters are named (those
that are not are for training), and its notes fall by the hash of their words, so that a note added later has its part
already. A sample takes the strictest part of all that it contains: what was met in training is never in a test, and
nothing is trained, selected or tuned on the test part.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("splits.json")


class Part(IntEnum):
    """In the order of their strictness."""

    TRAIN = 0
    DEV = 1
    TEST = 2


@dataclass(frozen=True)
class Splits:
    """`pack_*` by upstream's names and relative picture paths; `corpus` by character id."""

    pack_characters: Mapping[str, Part]
    pack_pictures: Mapping[str, Part]
    corpus_characters: Mapping[str, Part]
    test_below: int
    dev_below: int

    def corpus_note(self, note: str) -> Part:
        """By the SHA-256 of its words, modulo 100."""
        slot = int(hashlib.sha256(" ".join(note.split()).encode()).hexdigest(), 16) % 100
        return Part.TEST if slot < self.test_below else Part.DEV if slot < self.dev_below else Part.TRAIN

    def of_pack(self, characters: Iterable[str], pictures: Iterable[str]) -> Part:
        """The part of a sample of the pack. Raises KeyError for a name that the split does not know."""
        found = [self.pack_characters[c] for c in characters] + [self.pack_pictures[p] for p in pictures]
        return max(found, default=Part.TRAIN)

    def of_corpus(self, characters: Iterable[str], notes: Iterable[str]) -> Part:
        """The part of a dialogue of the corpus."""
        found = [self.corpus_characters.get(c, Part.TRAIN) for c in characters]
        return max(found + [self.corpus_note(n) for n in notes], default=Part.TRAIN)


@cache
def splits() -> Splits:
    """As committed."""
    raw = json.loads(FILE.read_text(encoding="utf-8"))
    pack, corpus = raw["pack"], raw["corpus"]
    return Splits(
        pack_characters=_parts(pack["characters"]),
        pack_pictures=_parts(pack["pictures"]),
        corpus_characters=_parts(corpus["characters"]),
        test_below=corpus["notes"]["test_below"],
        dev_below=corpus["notes"]["dev_below"],
    )


def _parts(named: Mapping[str, Iterable[str]]) -> dict[str, Part]:
    """Raises ValueError where a name stands in two parts."""
    found: dict[str, Part] = {}
    for part, names in named.items():
        for name in names:
            if name in found:
                raise ValueError(f"{name} stands in two parts of {FILE.name}")
            found[name] = Part[part.upper()]
    return found
