"""Samples of MMRole's data pack (its README tells the layout): characters and pictures of the training part, in
English, where a note is certain. Answers there are long: their first sentences are taken, and always whole ones."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.cast import slug
from agent.character import Character, Kind, Profile
from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
from agent.errors import DataError
from agent.picture import Maker, Note
from agent.prompt.ask import Ask
from evaluation.splits import Part, splits
from pipeline.corpus.asks import PERSON, picture
from pipeline.train.samples import Sample, drawn

SENTENCES, WORDS = 3, 70
BEST = 2  # so many answers a prompt beside the reference, where judges found them as good as that
FILES = ("profiles.jsonl.gz", "prompts.jsonl.gz", "answers.jsonl.gz", "image_notes.jsonl")
_SECTIONS = {"personality": "personality", "life story": "life_story", "main interpersonal": "relationships"}
_END = re.compile(r"(?<=[.!?…])[\"”’)*]*\s+")
_LINE = re.compile(r"^\[([^\]\n]+)\]: ", re.MULTILINE)
_SCENARIOS = {"comment": Scenario.COMMENTARY}


def pack(folder: Path, *, share: float = 1.0, weight: float = 1.0) -> list[Sample]:
    """Raises DataError, naming file and line, for a folder that is none."""
    profiles, prompts, answers, notes = (list(_rows(folder / name)) for name in FILES)
    try:
        people = {row["pid"]: character(row) for row in profiles}
        told = {row["image"]: row["note"] for row in notes if row["certain"]}
        best = _best(answers)
        return [
            sample
            for row in prompts
            if row["lang"] == "en"
            and row["image"] in told
            and drawn(row["qid"], share)
            and _trains(row, people)
            for sample in _samples(row, people, told[row["image"]], best[row["qid"]], weight)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"this pack is not as its README says ({error!r})", where=str(folder), mend="get it anew"
        ) from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as lines
        ):
            for line in lines:
                number += 1
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(
            f"it cannot be read: {error}", where=f"{path}:{number}", mend="name a whole pack"
        ) from error


def character(row: Mapping[str, Any]) -> Character:
    """Its profile by MMRole's five sections; one without them is an introduction as a whole."""
    parts = re.split(r"^#+ *(.+)$", row["text"], flags=re.MULTILINE)
    found = {"introduction": parts[0].strip()}
    phrases: tuple[str, ...] = ()
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        name = next((n for begins, n in _SECTIONS.items() if title.strip().lower().startswith(begins)), "")
        if title.strip().lower().startswith("catchphrase"):
            phrases = tuple(
                re.sub(r"^(\d+\.|-) *", "", p).strip('" ') for p in text.splitlines() if p.strip()
            )
        else:
            name = name or "introduction"
            found[name] = f"{found.get(name, '')}\n{text.strip()}".strip()
    return Character(
        slug(row["name"]), row["name"], row["script"], Kind.FICTIONAL, Profile(**found, catchphrases=phrases)
    )


def _trains(row: Mapping[str, Any], people: Mapping[str, Character]) -> bool:
    who = [people[pid].name for pid in (row["role"], row["other"]) if pid]
    return splits().of_pack(who, [row["image"]]) is Part.TRAIN


def _best(answers: list[dict[str, Any]]) -> dict[str, list[str]]:
    """By prompt, those whose scores are at least the reference's own, the best first."""
    ranked: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for row in answers:
        if row["scores"] and (ratio := sum(a / b for a, b in row["scores"]) / len(row["scores"])) >= 1:
            ranked[row["qid"]].append((-ratio, row["model"], row["answer"]))
    return defaultdict(
        list, {qid: [text for *_, text in sorted(some)[:BEST]] for qid, some in ranked.items()}
    )


def _samples(
    row: Mapping[str, Any], people: Mapping[str, Character], note: str, best: list[str], weight: float
) -> Iterator[Sample]:
    me, other = people[row["role"]], people.get(row["other"] or "")
    blocks = [block for block in row["blocks"] if isinstance(block, str)]
    known = " ".join(" ".join(b.split("\n")[1:]) for b in blocks if b.startswith("The auxiliary information"))
    shown = picture(told := " ".join(f"{note} {known}".split()))
    speakers = {c.name: Speaker(c.id, c.spoken_name, SpeakerKind.CHARACTER) for c in (me, other) if c}
    history = next((b for b in blocks if b.startswith("The conversation history")), "")
    said = [(speakers.get(name, PERSON), text) for name, text in spoken(history)]
    head, _, words = blocks[-1].partition("\n")
    if head.startswith("Please respond") and words.strip():
        said.append((speakers[other.name] if other else PERSON, words.strip()))
    if not said or said[0][0] is not PERSON:
        said.insert(0, (PERSON, ""))  # somebody shows the picture that they talk about
    turns = tuple(
        Turn(f"{n:03}", who, text, (shown,) if n == 0 else ()) for n, (who, text) in enumerate(said)
    )
    scenario = _SCENARIOS.get(row["scenario"]) or Scenario(row["scenario"])
    dialogue = Dialogue(f"pack-{row['qid']}", scenario, turns)
    others = {other.id: other} if other else {}
    ask = Ask(me, dialogue, others, {shown.sha256: Note(told, Maker.MODEL)})
    for answer in dict.fromkeys(cut(text) for text in (row["reference"], *best)):
        if answer:
            yield Sample(dialogue.id, ask, answer, weight)


def spoken(history: str) -> list[tuple[str, str]]:
    """Who says what, of lines `[Name]: words`."""
    parts = _LINE.split(history)
    return [(name, text.strip()) for name, text in zip(parts[1::2], parts[2::2], strict=True)]


def cut(text: str) -> str:
    """Its first whole sentences; empty where the first is too long already, or is no sentence."""
    kept = ""
    words = " ".join(text.split())
    ends = [match.end() for match in _END.finditer(words)] + [len(words)]
    for end in ends[:SENTENCES]:
        if len(words[:end].split()) > WORDS:
            break
        kept = words[:end].strip()
    return kept if re.search(r"[.!?…][\"”’)*]*$", kept) else ""
