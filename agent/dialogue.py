"""Turns and dialogues: who said what about which pictures."""

from dataclasses import dataclass
from enum import StrEnum

from agent.picture import Picture


class Scenario(StrEnum):
    """MMRole's three scenarios (arXiv 2408.04203, section 3)."""

    COMMENTARY = "commentary"
    HUMAN_ROLE = "human-role"
    INTER_ROLE = "inter-role"


class SpeakerKind(StrEnum):
    HUMAN = "human"
    CHARACTER = "character"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks. `id` is what the journal keeps and what tells speakers apart: a character's id, or
    `platform:native-id` for a person. `name` is for display only, is chosen by people, and is hostile.
    """

    id: str
    name: str
    kind: SpeakerKind


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance by one speaker. `id` is the journal's (sortable, unique), `text` may be empty when the
    turn consists of pictures.
    """

    id: str
    speaker: Speaker
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in the order spoken, as one listener witnessed them."""

    id: str
    scenario: Scenario
    turns: tuple[Turn, ...] = ()
