"""What the web platform needs from the rest of the house: the door hands it in.

The page shows what the journal holds, but the adapter knows no journal: it asks these small questions.
Ids and hashes that reach these functions have been checked for their form, not for their existence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agent.character import Character
from agent.dialogue import Scenario, Speaker
from agent.picture import Note, Picture
from agent.supply import Progress
from bot.events import Place


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture as a turn shows it. `width` and `height` in pixels (0: not known)."""

    sha256: str
    width: int = 0
    height: int = 0
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class TurnView:
    """One turn. `message_id` is the platform's id of it (the first, if there are several), `dialogue` the id
    of its dialogue: where that changes, the page draws a border; `over`: what is said next begins another.
    Of a turn that has `gone` nothing was said: these words stand in its place."""

    id: str
    speaker: Speaker
    text: str
    pictures: tuple[PictureView, ...] = ()
    at: datetime | None = None
    message_id: str = ""
    dialogue: str = ""
    over: bool = False
    gone: str = ""


@dataclass(frozen=True, slots=True)
class DialogueSummary:
    """A past dialogue in one line. `characters` are the ids of those who spoke or were spoken to, `opening`
    its first words (at most a few hundred characters), `cover` the hash of its first picture or empty,
    `last` when its last turn was spoken: what the list is ordered by."""

    id: str
    scenario: Scenario
    platform: str
    place: str
    characters: tuple[str, ...]
    opening: str
    turns: int
    last: datetime
    cover: str = ""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """Where a picture lies, `image/png` or `image/jpeg`, and the note on it, if there is one yet."""

    path: Path
    mime: str
    note: Note | None = None


class TakesPictures(Protocol):
    """agent.intake: bytes to a Picture. Raises PictureError for what is none, or exceeds a limit."""

    async def take(self, data: bytes, *, filename: str = "") -> Picture: ...


class ShowsCast(Protocol):
    """The characters by id, in the order to show them, and their faces (PNG, JPEG or WebP bytes; blocking, a
    few milliseconds; called in a thread)."""

    @property
    def characters(self) -> Mapping[str, Character]: ...

    def face(self, character: Character) -> bytes: ...


class TellsModel(Protocol):
    """One or two sentences for people: which model speaks, and whether it sees (bot.model)."""

    async def __call__(self) -> str: ...


class BringsModels(Protocol):
    """agent.supply: another model, without a restart."""

    def obstacle(self) -> str: ...

    def progress(self) -> Progress: ...

    def begin(self, name: str) -> None: ...

    def connect(self, address: str, model: str, key: str) -> None: ...


class Archive(Protocol):
    """Read-only questions about the journal.

    `viewer` is an Author.key. Empty, it means the owner of the machine, who may read everything; otherwise
    only dialogues in which that person took part exist.
    """

    async def dialogues(
        self, before: datetime | None, limit: int, *, viewer: str = ""
    ) -> list[DialogueSummary]:
        """Dialogues whose last turn was spoken before that moment (None: now), newest first."""
        ...

    async def dialogue(self, dialogue_id: str, *, viewer: str = "") -> list[TurnView]:
        """The turns of a dialogue in the order spoken; empty if there is none."""
        ...

    async def current(self, place: Place) -> list[TurnView]:
        """What was said in a place since a person last asked for a new dialogue, in order; empty if nothing
        was. Turns without words yet (planned, not written) are left out."""
        ...

    async def picture(self, sha256: str) -> StoredPicture | None: ...
