"""From the corpus to samples: one for each turn of a character, with what went before it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.cast import Cast
from agent.character import Character
from agent.dialogue import Dialogue, Speaker, SpeakerKind, Turn
from agent.errors import DataError
from agent.picture import Note, Picture
from evaluation.splits import Part, splits
from pipeline.corpus.read import FOLDER, HUMAN, Talk, read

SOMEBODY = Speaker("corpus:human", "", SpeakerKind.HUMAN)
SHIPPED = Path(__file__).parents[2] / "characters"


@dataclass(frozen=True, slots=True)
class Sample:
    """`answer` is what `character` says after `dialogue`; `talk` names the dialogue it is of, `weight` what its words
    weigh in the loss."""

    talk: str
    character: Character
    dialogue: Dialogue
    answer: str
    others: Mapping[str, Character] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    weight: float = 1.0

    @property
    def id(self) -> str:
        return f"{self.talk}/{len(self.dialogue.turns)}"


def corpus_cast() -> dict[str, Character]:
    """Those that ship and those of the corpus, by id. Raises CharacterError for a file that is none."""
    cast = Cast.load(SHIPPED, FOLDER / "characters")
    if cast.problems:
        raise cast.problems[0]
    return dict(cast.characters)


def corpus(
    part: Part, cast: Mapping[str, Character], talks: Iterable[Talk] | None = None, *, share: float = 1.0
) -> list[Sample]:
    """Samples of that part of the split, those of a dialogue together. Raises CorpusError, DataError."""
    found: list[Sample] = []
    for talk in read() if talks is None else talks:
        if part_of(talk) is part and drawn(talk.id, share):
            found += samples(talk, cast)
    return found


def part_of(talk: Talk) -> Part:
    return splits().of_corpus(talk.speakers, talk.notes)


def drawn(name: str, share: float) -> bool:
    """Whether a thing of that name is of a fixed share of all: a larger share holds the smaller one."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10_000 < share * 10_000


def samples(talk: Talk, cast: Mapping[str, Character]) -> list[Sample]:
    """A duet teaches both who speak in it."""
    if unknown := sorted(i for i in talk.speakers if i not in cast):
        raise DataError(
            f"no character file for {', '.join(unknown)}",
            where=f"dialogue {talk.id}",
            mend="add it beside the corpus",
        )
    turns: list[Turn] = []
    notes: dict[str, Note] = {}
    made: list[Sample] = []
    for number, said in enumerate(talk.turns):
        if said.by == HUMAN:
            speaker = SOMEBODY
        else:
            me = cast[said.by]
            speaker = Speaker(me.id, me.spoken_name, SpeakerKind.CHARACTER)
            others = {i: cast[i] for i in sorted(talk.speakers) if i != me.id}
            before = Dialogue(talk.id, talk.scenario, tuple(turns))
            made.append(Sample(talk.id, me, before, said.text, others, dict(notes)))
        shown: Sequence[Picture] = ()
        if said.note and said.maker:
            picture = stand_in(said.note)
            notes[picture.sha256] = Note(said.note, said.maker)
            shown = (picture,)
        turns.append(Turn(f"{number:03}", speaker, said.text, tuple(shown)))
    return made


def stand_in(note: str) -> Picture:
    """For a picture of which only a note is known."""
    digest = hashlib.sha256(note.encode()).hexdigest()
    return Picture(digest, Path("/nowhere"), "image/png", 1, 1, "0" * 16)
