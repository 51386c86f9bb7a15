"""What is asked: the character turns of one part of the corpus."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.agent import Ask
from agent.backends.base import Message
from agent.character import Character
from agent.labels import one_line
from evaluation.splits import Part, splits
from pipeline.corpus.asks import asks
from pipeline.corpus.read import CorpusError, Talk


@dataclass(frozen=True)
class Case:
    """One turn to make. `id` is `DIALOGUE/TURN`, `answer` what the corpus says there."""

    id: str
    talk: str
    ask: Ask
    answer: str

    @property
    def words(self) -> str:
        """What is to be answered, empty where a picture alone is."""
        turns = self.ask.dialogue.turns
        return turns[-1].text if turns else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """In the order shown."""
        shown = (p.sha256 for t in self.ask.dialogue.turns for p in t.pictures)
        return tuple(dict.fromkeys(self.ask.notes[sha].text for sha in shown))


@dataclass(frozen=True)
class Asked:
    """A case with the messages that the model is given for it."""

    case: Case
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        return "\n".join(m.text for m in self.messages)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those that stand in the prompt (an old one may have been dropped)."""
        text = self.text
        return tuple(n for n in self.case.notes if one_line(n) in text)


def part_of(talks: Sequence[Talk], part: Part) -> list[Talk]:
    """In the order of files and lines. Raises CorpusError where the part has no dialogue."""
    found = [t for t in talks if splits().of_corpus(t.speakers, t.notes) is part]
    if not found:
        raise CorpusError(
            f"the part `{part.name.lower()}` has no dialogue",
            where="pipeline/corpus/dialogues",
            mend="evaluation/splits.json says which characters and notes are in it",
        )
    return found


def cases(talks: Sequence[Talk], people: Mapping[str, Character]) -> list[Case]:
    """Every character turn, in the order of the talks."""
    return [Case(f"{t.id}/{at}", t.id, ask, answer) for t in talks for ask, answer, at in asks(t, people)]


def some(all_cases: Sequence[Case], limit: int | None) -> list[Case]:
    """At most `limit` of them, drawn by the hash of their ids: the first 40 of file order would be two characters.
    A smaller draw is part of a larger one."""
    drawn = sorted(all_cases, key=lambda c: hashlib.sha256(c.id.encode()).digest())[:limit]
    chosen = {c.id for c in drawn}
    return [c for c in all_cases if c.id in chosen]


def draw(seed: int, about: str) -> random.Random:
    """Chance that is the same in each run: by the run's seed and what it is for."""
    return random.Random(f"{seed}:{about}")


def seed_for(seed: int, name: str) -> int:
    """The seed of one reply: the same for every system, far enough from the next for second tries."""
    return int(hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:7], 16)
