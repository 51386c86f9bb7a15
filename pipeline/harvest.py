"""From the journal to training samples: only what people agreed to, in MMRole's shape.

A turn is harvested if every person in what its speaker witnessed has opted in, and if the platform allows
training: Discord's developer policy forbids it without Discord's express permission, so its turns stay out
until the owner has recorded that permission ([bot.discord] harvest_permitted).
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from agent.dialogue import Scenario, SpeakerKind
from journal import consent, dialogues, turns
from journal.journal import Journal
from journal.turns import TurnRow

PAGE = 100  # dialogues read at a time
NEEDS_PERMISSION = frozenset({"discord"})


@dataclass(frozen=True, slots=True)
class Line:
    """One earlier turn: who said it (an id, never a display name), what, and the pictures' hashes."""

    speaker: str
    kind: SpeakerKind
    text: str
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to learn from, with what its speaker had witnessed. `character_version` names the exact
    profile; `model` what wrote the answer."""

    turn_id: str
    scenario: Scenario
    character_id: str
    character_version: str
    history: tuple[Line, ...]
    answer: str
    model: str


async def harvest(journal: Journal, *, permitted: Collection[str] = ()) -> AsyncIterator[Sample]:
    """Every sample the journal may give, newest dialogue first. `permitted` are the platforms with an express
    permission on record, beyond those that need none."""
    before: str | None = None
    while True:
        async with journal.read(long=True) as tx:
            page = await dialogues.listing(tx, limit=PAGE, before=before)
        for dialogue in page:
            platform = dialogue.channel_id.split(":", 1)[0]
            if platform in NEEDS_PERMISSION and platform not in permitted:
                continue
            for sample in await _samples(journal, dialogue.id, dialogue.scenario):
                yield sample
        if len(page) < PAGE:
            return
        before = page[-1].id


async def _samples(journal: Journal, dialogue_id: str, scenario: Scenario) -> list[Sample]:
    found: list[Sample] = []
    async with journal.read(long=True) as tx:
        rows = [r for r in await turns.of_dialogue(tx, dialogue_id) if _spoken(r)]
        people = {r.speaker_id for r in rows if r.speaker_kind == SpeakerKind.HUMAN}
        agreed = {p for p in people if await consent.consented(tx, p)}
        for row in rows:
            if row.speaker_kind != SpeakerKind.CHARACTER or row.made is None:
                continue
            history = await turns.witnessed(tx, dialogue_id, row.speaker_id, before=row.id)
            if {r.speaker_id for r in history if r.speaker_kind == SpeakerKind.HUMAN} <= agreed:
                found.append(_sample(row, history, scenario))
    return found


def _spoken(row: TurnRow) -> bool:
    return row.state in ("heard", "delivered") and row.deleted_at is None


def _sample(row: TurnRow, history: list[TurnRow], scenario: Scenario) -> Sample:
    lines = tuple(Line(r.speaker_id, SpeakerKind(r.speaker_kind), r.text, r.pictures) for r in history)
    model = row.made.model if row.made else ""
    return Sample(row.id, scenario, row.speaker_id, row.character_version, lines, row.text, model)
