"""From the corpus to samples: one for each turn of a character, with what went before it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.character import Character
from agent.prompt.ask import Ask
from evaluation.splits import Part, splits
from pipeline.corpus.asks import asks
from pipeline.corpus.read import Talk, read


@dataclass(frozen=True, slots=True)
class Sample:
    """`answer` is what is said to `ask`; `talk` names the dialogue it is of, `weight` what its words weigh in the
    loss."""

    talk: str
    ask: Ask
    answer: str
    weight: float = 1.0

    @property
    def id(self) -> str:
        return f"{self.talk}/{len(self.ask.dialogue.turns)}"


def corpus(
    part: Part, cast: Mapping[str, Character], talks: Iterable[Talk] | None = None, *, share: float = 1.0
) -> list[Sample]:
    """Samples of that part of the split, those of a dialogue together; a duet teaches both who speak in it. Raises
    CorpusError."""
    return [
        Sample(talk.id, ask, answer)
        for talk in (read() if talks is None else talks)
        if part_of(talk) is part and drawn(talk.id, share)
        for ask, answer, _ in asks(talk, cast)
    ]


def part_of(talk: Talk) -> Part:
    return splits().of_corpus(talk.speakers, talk.notes)


def drawn(name: str, share: float) -> bool:
    """Whether a thing of that name is of a fixed share of all: a larger share holds the smaller one."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10_000 < share * 10_000
