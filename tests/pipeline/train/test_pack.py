"""A small pack that is made up, about people whose parts the split knows."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import DataError
from evaluation.splits import Part, splits
from pipeline.train.pack import character, cut, pack, spoken

ASKED = "Please respond to the following words of the curious human about the image in English, as {}:\nWhat is it?"


def some(named: Any, part: Part, count: int = 1) -> list[str]:
    return [name for name, found in sorted(named.items()) if found is part][:count]


ME, OTHER = some(splits().pack_characters, Part.TRAIN, 2)
(SEEN,) = some(splits().pack_pictures, Part.TRAIN)


def prompt(qid: str, role: str = "a", image: str = SEEN, **more: Any) -> dict[str, Any]:
    return {
        "qid": qid, "role": role, "other": None, "lang": "en", "image": image, "scenario": "human-role",
        "blocks": ["Please step into the shoes.", {"profile": role}, ASKED.format(ME)],
        "reference": f"It is a cup, says {qid}. " + "And more of it. " * 9, **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    held = [some(splits().pack_characters, part)[0] for part in (Part.DEV, Part.TEST)]
    pictures = [some(splits().pack_pictures, part)[0] for part in (Part.DEV, Part.TEST)]
    names = {"a": ME, "b": OTHER, "c": held[0], "d": held[1]}
    duet: dict[str, Any] = {
        "scenario": "inter-role",
        "other": "b",
        "blocks": [
            "Please step into the shoes.", {"profile": "a"}, {"profile": "b"},
            "The auxiliary information of the image is as follows:\n - Place information: A quay.",
            f"The conversation history between {ME} and {OTHER} is as follows:\n"
            f"[{ME}]: Look.\n[{OTHER}]: Where?\nHere?",
            ASKED.format(ME).replace("the curious human", OTHER),
        ],
    }  # fmt: skip
    prompts = [
        prompt("one"),
        prompt("duet", **duet),
        prompt("zh", lang="zh"),
        prompt("vague", image=some(splits().pack_pictures, Part.TRAIN, 2)[1]),
        *(prompt(f"held-{who}", role=who) for who in "cd"),
        *(prompt(f"unseen-{image}", image=image) for image in pictures),
        prompt("with-held", **{**duet, "other": "d"}),
    ]
    notes = [{"image": p["image"], "note": "A cup.", "certain": p["qid"] != "vague"} for p in prompts]
    answers = [
        {"qid": "one", "model": name, "answer": f"A fine cup, says {name}.", "scores": [[score, 8]] * 8}
        for name, score in (("good", 9), ("poor", 3), ("best", 10), ("even", 8))
    ]
    profiles = [
        {"pid": p, "name": n, "script": "a play", "text": "### Introduction\nCalm."} for p, n in names.items()
    ]
    for name, rows in (("profiles", profiles), ("prompts", prompts), ("answers", answers)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "image_notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in notes))
    return tmp_path


def test_only_the_training_part_in_english_with_a_certain_note(folder: Path) -> None:
    found = pack(folder, weight=0.5)
    assert {s.talk for s in found} == {"pack-one", "pack-duet"}
    assert {s.weight for s in found} == {0.5}
    one = [s for s in found if s.talk == "pack-one"]
    assert [s.answer for s in one] == [
        "It is a cup, says one. And more of it. And more of it.",
        "A fine cup, says best.",
        "A fine cup, says good.",
    ]
    (note,) = one[0].ask.notes.values()
    assert note.text == "A cup."
    assert one[0].ask.dialogue.turns[-1].text == "What is it?"
    assert one[0].ask.dialogue.turns[0].pictures[0].sha256 in one[0].ask.notes


def test_a_duet_is_told_in_turns(folder: Path) -> None:
    (duet,) = (s for s in pack(folder) if s.talk == "pack-duet")
    assert [(t.speaker.name, t.text) for t in duet.ask.dialogue.turns] == [
        ("", ""),
        (ME, "Look."),
        (OTHER, "Where?\nHere?"),
        (OTHER, "What is it?"),
    ]
    assert [c.name for c in duet.ask.others.values()] == [OTHER]
    (note,) = duet.ask.notes.values()
    assert note.text == "A cup. - Place information: A quay."


def test_a_broken_pack_is_named(folder: Path) -> None:
    path = folder / "image_notes.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n{]\n")
    with pytest.raises(DataError) as found:
        pack(folder)
    assert found.value.where == f"{path}:2"
    path.write_text('{"image": "x"}\n')
    with pytest.raises(DataError, match="not as its README says"):
        pack(folder)


def test_answers_are_cut_after_whole_sentences() -> None:
    assert cut('He said "No!" Then he left. A door fell shut. Silence.') == (
        'He said "No!" Then he left. A door fell shut.'
    )
    assert cut("One.\n\nTwo two two. " + "word " * 80 + ".") == "One. Two two two."
    assert cut("word " * 80 + ".") == ""
    assert cut("It breaks off in the") == ""


def test_profiles_and_histories_are_read() -> None:
    text = "### Brief Introduction\nA.\n### Personality Traits\nB.\n### Life Story\nC.\n"
    text += '### Catchphrases\n1. "D."\n2. E.'
    who = character({"name": "Ada B.", "script": "a play", "text": text})
    assert (who.id, who.profile.introduction, who.profile.personality) == ("ada-b", "A.", "B.")
    assert who.profile.catchphrases == ("D.", "E.")
    assert character({"name": "A", "script": "", "text": "Just so."}).profile.introduction == "Just so."
    assert spoken("The history:\n[A]: One\n[B C]: Two\nmore") == [("A", "One"), ("B C", "Two\nmore")]
