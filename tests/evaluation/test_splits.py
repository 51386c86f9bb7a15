"""The one split: every name in one part, samples by their strictest part, the pack covered."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from evaluation.splits import Part, _parts, splits
from pipeline.corpus.read import HUMAN, read

ROOT = Path(__file__).parents[2]


def pack() -> Path:
    """The data pack: `VIGNETTE_DATA`, or a `shared/data` beside the checkout or above."""
    named = os.environ.get("VIGNETTE_DATA", "")
    places = [Path(named)] if named else [folder / "shared" / "data" for folder in ROOT.parents]
    for place in places:
        if (place / "mmrole" / "prompts.jsonl.gz").exists():
            return place / "mmrole"
    pytest.skip("MMRole's data pack is not here (VIGNETTE_DATA names its folder)")


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(pack() / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_a_name_stands_in_one_part() -> None:
    with pytest.raises(ValueError, match="Ada stands in two parts"):
        _parts({"train": ["Ada"], "test": ["Ada"]})
    assert splits().pack_characters


def test_a_sample_takes_its_strictest_part() -> None:
    found = splits()
    by_part = {part: [c for c, p in found.pack_characters.items() if p is part] for part in Part}
    pictures = {part: [c for c, p in found.pack_pictures.items() if p is part] for part in Part}
    for character in Part:
        for picture in Part:
            assert found.of_pack([by_part[character][0]], [pictures[picture][0]]) is max(character, picture)
    with pytest.raises(KeyError):
        found.of_pack(["somebody else"], [])


def test_the_pack_is_covered_and_each_part_has_something() -> None:
    found = splits()
    names = {p["pid"]: p["name"] for p in rows("profiles.jsonl.gz")}
    assert set(names.values()) == set(found.pack_characters)
    parts = Counter(
        found.of_pack([names[w] for w in (q["role"], q["other"]) if w], [q["image"]])
        for q in rows("prompts.jsonl.gz")
    )
    assert set(parts) == set(Part)
    assert parts[Part.TRAIN] > parts[Part.TEST] > parts[Part.DEV]


def test_notes_fall_by_their_words_alone() -> None:
    found = splits()
    assert found.corpus_note("a  dog\non a mat") is found.corpus_note("a dog on a mat")
    shares = Counter(found.corpus_note(f"note {n}") for n in range(5000))
    assert 0.13 < shares[Part.TEST] / 5000 < 0.17
    assert 0.04 < shares[Part.DEV] / 5000 < 0.06


def test_no_training_dialogue_of_the_corpus_meets_a_test_character_or_note() -> None:
    found = splits()
    parts = Counter[Part]()
    for talk in read():
        part = found.of_corpus(talk.speakers, talk.notes)
        parts[part] += 1
        if part is Part.TRAIN:
            assert not {t.by for t in talk.turns if t.by != HUMAN} & set(found.corpus_characters)
            assert all(found.corpus_note(note) is Part.TRAIN for note in talk.notes)
    assert set(parts) == set(Part)
    speakers = {who for talk in read() for who in talk.speakers}
    assert set(found.corpus_characters) <= speakers, "those held out have dialogues to be measured on"
