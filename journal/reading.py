"""Past dialogues, to be read by people: which there were, newest word first."""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.dialogues import DialogueRow
from journal.schema import dialogues, turns


async def latest(
    tx: AsyncConnection, *, before: datetime | None, limit: int, person_id: str = ""
) -> list[DialogueRow]:
    """At most `limit` dialogues whose last word fell before that moment, the latest first; with `person_id`,
    only those in which that person spoke."""
    query = select(dialogues).order_by(dialogues.c.last_at.desc(), dialogues.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(dialogues.c.last_at < before)
    query = query.where(exists().where(turns.c.dialogue_id == dialogues.c.id, *_by(person_id)))
    return [DialogueRow(**row._mapping) for row in await tx.execute(query)]


async def of_channel(tx: AsyncConnection, channel_id: str, *, limit: int) -> list[DialogueRow]:
    """The channel's last dialogues, the latest first."""
    query = select(dialogues).where(dialogues.c.channel_id == channel_id)
    query = query.order_by(dialogues.c.started_at.desc(), dialogues.c.id.desc()).limit(limit)
    return [DialogueRow(**row._mapping) for row in await tx.execute(query)]


def _by(person_id: str) -> list[ColumnElement[bool]]:
    return [turns.c.speaker_id == person_id] if person_id else []
