"""The corpus keeps its own rules, and each rule catches what breaks it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cast import Cast
from agent.dialogue import Scenario
from agent.picture import Maker
from pipeline.corpus.lint import lint
from pipeline.corpus.read import FOLDER, HUMAN, CorpusError, Said, Talk, read, read_file

ROOT = Path(__file__).parents[3]
NOTE = "Tags (machine guess): teapot (0.81). Colours and shape: mostly blue and white; landscape."
SAID = "A teapot, and a blue one! My aunt kept her letters in such a pot, and nobody dared to pour from it."


def talk(said: str = SAID, **changed: object) -> Talk:
    turns = (Said(HUMAN, "What is it?", NOTE, Maker.EYES), Said("ada", said))
    return replace(Talk("ada-1", "ada", Scenario.COMMENTARY, turns), **changed)  # type: ignore[arg-type]


def faults(*talks: Talk) -> str:
    found = [str(f) for f in lint(talks) if "fewer than" not in f.what]
    return "\n".join(found)


def test_the_corpus_has_no_fault() -> None:
    found = lint(read())
    assert not found, "\n".join(map(str, found[:20]))


def test_its_size_is_what_the_card_says() -> None:
    talks = read()
    turns = [t for talk in talks for t in talk.turns if t.by != HUMAN]
    notes = {note for talk in talks for note in talk.notes}
    speakers = {who for talk in talks for who in talk.speakers}
    card = (FOLDER / "CARD.md").read_text()
    assert f"{len(talks):,} dialogues, {len(turns):,} turns of {len(speakers)} characters" in card
    assert f"{len(notes):,} notes" in card
    assert {talk.scenario for talk in talks} == set(Scenario)
    assert {t.maker for talk in talks for t in talk.turns if t.note} == set(Maker)


def test_everybody_who_speaks_has_a_profile_and_everybody_with_one_speaks() -> None:
    own = Cast.load(FOLDER / "characters", FOLDER / "none")
    assert not own.problems, own.problems
    shipped = Cast.load(ROOT / "characters", FOLDER / "none")
    speakers = {who for talk in read() for who in talk.speakers}
    assert not set(own.characters) & set(shipped.characters)
    assert speakers == set(own.characters) | set(shipped.characters)


def test_what_keeps_the_rules_is_no_fault() -> None:
    assert not faults(talk())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Blue.", "words"),
        ("word " * 121, "words"),
        ("As an AI I think that this teapot is of a very fine and blue kind, is it not?", "assistant"),
        ("Ada: a teapot, and a blue one, in which my aunt kept her letters for twenty years.", "label"),
        ("A teapot [smiles] in which my aunt kept her letters for more than twenty years.", "label"),
        (
            "Something with a spout, in which my aunt kept all her letters for so many years.",
            "no word of the note",
        ),
        ("It is mostly blue and white; landscape, I should say, and the teapot pleases me well.", "copied"),
    ],
)
def test_each_rule_catches_its_fault(said: str, told: str) -> None:
    assert told in faults(talk(said))


def test_text_in_the_picture_may_be_quoted() -> None:
    sign = "No fishing from the bridge today"
    note = (
        f'The subject was not recognised. Text in the picture: "{sign}". Colours and shape: grey; landscape.'
    )
    turns = (
        Said(HUMAN, "", note, Maker.EYES),
        Said("ada", "No fishing from the bridge today, it says; and so I long to fish."),
    )
    assert not faults(talk(turns=turns))


def test_faults_of_the_whole() -> None:
    other = SAID + " And so do I."
    assert "2 dialogues have this id" in faults(talk(), talk(other))
    assert "word for word" in faults(talk(), talk(id="ada-2"))
    bob = talk(other, id="bob-1", owner="bob", turns=(talk().turns[0], Said("bob", other)))
    assert "ada/bob: share" in faults(talk(), bob)
    many = [
        talk(f"A blue teapot, and such a fine one as number {n} {'so ' * n}in my aunt's house.", id=f"a{n}")
        for n in range(12)
    ]
    assert "12 turns begin with 'a blue teapot and such'" in faults(*many)
    assert "6 of its turns begin with" in faults(*many[:6])


def test_scenarios_are_what_they_say() -> None:
    assert "a commentary is one picture and one reply" in faults(
        talk(turns=(*talk().turns, Said(HUMAN, "And?")))
    )
    duet = (
        *talk().turns,
        Said("bob", "I have seen a better pot in Leeds, and it was cheaper by half, my dear lady."),
    )
    assert "only two do" in faults(talk(turns=duet, scenario=Scenario.HUMAN_ROLE))
    assert not faults(talk(turns=duet, scenario=Scenario.INTER_ROLE))
    assert "bob does not speak" in faults(talk(owner="bob"))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"id": "x", "scenario": "human-role", "turns": []}',
        '{"id": "x", "scenario": "play", "turns": [{"by": "human", "text": "x"}]}',
        '{"id": "x", "scenario": "human-role", "turns": [{"by": "human", "text": "x", "note": "y"}]}',
        '{"id": "x", "scenario": "human-role", "turns": [{"by": "human", "text": "x", "extra": "y"}]}',
        '{"id": "x", "scenario": "human-role", "turns": [{"by": "human"}]}',
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    good = {"id": "y", "scenario": "human-role", "turns": [{"by": "human", "text": "x"}]}
    path = tmp_path / "ada.jsonl"
    path.write_text(json.dumps(good) + "\n\n" + line + "\n")
    with pytest.raises(CorpusError, match=r"ada\.jsonl:3"):
        read_file(path)
