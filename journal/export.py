"""The journal as JSON lines: one record a dialogue, self-contained, for research and for training.

A record: `dialogue` (id, platform, channel, scenario, start, end), `people` (id, name, `consented`),
`characters` (id -> version -> full JSON), `turns` (with `pictures`: hash and best note, `feedback`, `made`,
`former_texts`). Times are ISO 8601 in UTC. Deleted turns are there without words, alternatives all.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from agent.errors import JournalError
from journal import changes, channels, characters, consent, dialogues, feedback, pictures, turns
from journal.dialogues import DialogueRow
from journal.journal import Journal
from journal.schema import duets
from journal.turns import TurnRow

PAGE = 50


async def records(
    journal: Journal, *, platform: str | None = None, consented_only: bool = False
) -> AsyncIterator[dict[str, Any]]:
    """Records, newest dialogue first, read page by page (so that an export of any size holds up no writer).
    `consented_only` leaves out dialogues in which somebody took part who did not consent to training."""
    before: str | None = None
    while True:
        async with journal.read(long=True) as tx:
            page = await dialogues.listing(tx, platform=platform, limit=PAGE, before=before)
            found = [await record(tx, row) for row in page]
        for made in found:
            if not consented_only or all(person["consented"] for person in made["people"]):
                yield made
        if len(page) < PAGE:
            return
        before = page[-1].id


async def record(tx: AsyncConnection, row: DialogueRow) -> dict[str, Any]:
    """One dialogue with all that belongs to it."""
    spoken = await turns.of_dialogue(tx, row.id)
    channel = await channels.get(tx, row.channel_id)
    return {
        "dialogue": _plain(asdict(row)) | {"platform": channel.platform if channel else ""},
        "people": await _people(tx, row.id, spoken),
        "characters": await _characters(tx, spoken),
        "turns": [await _turn(tx, turn) for turn in spoken],
    }


async def _people(tx: AsyncConnection, dialogue_id: str, spoken: Sequence[TurnRow]) -> list[dict[str, Any]]:
    names = {turn.speaker_id: turn.speaker_name for turn in spoken if turn.speaker_kind is SpeakerKind.HUMAN}
    started = select(duets.c.started_by).where(duets.c.dialogue_id == dialogue_id, duets.c.started_by != "")
    for (person_id,) in await tx.execute(started):
        names.setdefault(person_id, "")
    return [
        {"id": id, "name": name, "consented": await consent.consented(tx, id)} for id, name in names.items()
    ]


async def _characters(tx: AsyncConnection, spoken: Sequence[TurnRow]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for turn in spoken:
        versions = found.setdefault(turn.speaker_id, {}) if turn.character_version else {}
        if turn.character_version and turn.character_version not in versions:
            try:
                body = await characters.load(tx, turn.speaker_id, turn.character_version)
            except JournalError:
                continue
            versions[turn.character_version] = body
    return found


async def _turn(tx: AsyncConnection, turn: TurnRow) -> dict[str, Any]:
    shown = []
    for sha256 in turn.pictures:
        note = await pictures.best_note(tx, sha256)
        shown.append({"sha256": sha256, "note": None if note is None else _plain(asdict(note))})
    thoughts = [_plain(asdict(thought)) for thought in await feedback.of_turn(tx, turn.id)]
    former = await changes.former_texts(tx, turn.id) if turn.edited_at else []
    return _plain(asdict(turn)) | {"pictures": shown, "feedback": thoughts, "former_texts": former}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Times as text; tuples and enums are JSON already."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
