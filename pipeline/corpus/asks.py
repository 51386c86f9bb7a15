"""From a dialogue of the corpus to the questions that its answers answer, as the bot would put them to the agent."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from agent.character import Character
from agent.dialogue import Dialogue, Speaker, SpeakerKind, Turn
from agent.picture import Note, Picture
from agent.prompt.ask import Ask
from pipeline.corpus.read import HUMAN, CorpusError, Said, Talk

PERSON = Speaker("corpus:human", "", SpeakerKind.HUMAN)  # without a name: the prompt says `human`


def asks(talk: Talk, characters: Mapping[str, Character]) -> list[tuple[Ask, str, int]]:
    """For every turn of a character: what was asked, the corpus's answer, and the turn's place in the dialogue. The
    history is the corpus's own. Raises CorpusError for a speaker without a profile."""
    missing = sorted(talk.speakers - set(characters))
    if missing:
        raise CorpusError(
            f"nobody is called {missing[0]}", where=talk.id, mend="see pipeline/corpus/characters"
        )
    notes = {picture(t.note).sha256: note(t) for t in talk.turns if t.note}
    turns = tuple(_turn(talk, at, said, characters) for at, said in enumerate(talk.turns))
    found = []
    for at, said in enumerate(talk.turns):
        if said.by != HUMAN:
            heard = Dialogue(talk.id, talk.scenario, turns[:at])
            others = {i: characters[i] for i in sorted(talk.speakers - {said.by})}
            shown = {p.sha256 for t in heard.turns for p in t.pictures}
            known = {sha: told for sha, told in notes.items() if sha in shown}
            found.append((Ask(characters[said.by], heard, others, known), said.text, at))
    return found


def picture(note: str) -> Picture:
    """Stands for the picture that a note tells of, which does not exist: for models that cannot see only."""
    return Picture(
        hashlib.sha256(note.encode()).hexdigest(), Path("no-such-picture"), "image/png", 1, 1, "0" * 16
    )


def note(said: Said) -> Note:
    """The note of a turn that brings one, as sure as its maker was. Raises ValueError for a turn without."""
    if not said.maker:
        raise ValueError("this turn has no note")
    blank = "not recognised" in said.note and "Text in the picture" not in said.note
    return Note(said.note, said.maker, sure=not blank)


def _turn(talk: Talk, at: int, said: Said, characters: Mapping[str, Character]) -> Turn:
    speaker = PERSON
    if said.by != HUMAN:
        speaker = Speaker(said.by, characters[said.by].spoken_name, SpeakerKind.CHARACTER)
    return Turn(f"{talk.id}/{at}", speaker, said.text, (picture(said.note),) if said.note else ())
