"""From the corpus's files to frozen values. One line is one dialogue:

{"id": "captain-nemo-01", "scenario": "commentary" | "human-role" | "inter-role", "turns": [
  {"by": "human", "text": "...", "note": "Tags (machine guess): ...", "maker": "eyes" | "model" | "person"},
  {"by": "captain-nemo", "text": "..."}]}

`by` is "human" or a character's id; a picture is a `note` on the turn that brings it. In a commentary the one human
turn may be empty but for its note; a duet (inter-role) may begin with one that sets the topic.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from agent.dialogue import Scenario
from agent.errors import VignetteError
from agent.picture import Maker

FOLDER = Path(__file__).parent
HUMAN = "human"


class CorpusError(VignetteError):
    """A line of the corpus that cannot be read."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn. `note` tells what the picture it brings shows, empty where it brings none."""

    by: str
    text: str
    note: str = ""
    maker: Maker | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """One dialogue, filed under `owner`, whose voice it teaches (in a duet, both are taught)."""

    id: str
    owner: str
    scenario: Scenario
    turns: tuple[Said, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(t.note for t in self.turns if t.note)

    @property
    def speakers(self) -> frozenset[str]:
        """The characters that speak in it."""
        return frozenset(t.by for t in self.turns if t.by != HUMAN)


def read(folder: Path = FOLDER / "dialogues") -> list[Talk]:
    """Every dialogue, by file and line. Raises CorpusError naming file and line."""
    return [talk for path in sorted(folder.glob("*.jsonl")) for talk in read_file(path)]


def read_file(path: Path) -> list[Talk]:
    talks = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                talks.append(_talk(json.loads(line), path.stem))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                where = f"{path}:{number}"
                raise CorpusError(
                    f"this line is no dialogue ({error!r})", where=where, mend="see pipeline/corpus/read.py"
                ) from error
    return talks


def _talk(line: dict[str, object], owner: str) -> Talk:
    turns = line["turns"]
    if not isinstance(turns, list) or not turns:
        raise ValueError("no turns")
    return Talk(str(line["id"]), owner, Scenario(str(line["scenario"])), tuple(_said(t) for t in turns))


def _said(turn: dict[str, str]) -> Said:
    unknown = set(turn) - {"by", "text", "note", "maker"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    note, maker = turn.get("note", ""), turn.get("maker")
    if bool(note) != bool(maker):
        raise ValueError("a note says who made it, and nothing else does")
    return Said(turn["by"], turn["text"], note, Maker(maker) if maker else None)
