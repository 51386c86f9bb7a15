"""Counts for a person who wonders what the journal holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from journal.schema import channels, characters, dialogues, events, feedback, notes, people, pictures, turns
from journal.types import Flag, When


@dataclass(frozen=True)
class Stats:
    """`turns` by state, `characters` (turns by character id), `scenarios` (dialogues by scenario),
    `platforms` (turns by platform); `tokens` are of replies, `cost` in US dollars; `bytes` of the database."""

    dialogues: int
    open_dialogues: int
    turns: dict[str, int]
    characters: dict[str, int]
    character_versions: int
    scenarios: dict[str, int]
    platforms: dict[str, int]
    people: int
    consented: int
    pictures: int
    notes: int
    feedback: int
    unsettled_events: int
    tokens: int
    cost: float
    first_at: datetime | None
    last_at: datetime | None
    bytes: int


async def stats(tx: AsyncConnection) -> Stats:
    """All of them, from one moment."""
    tokens, cost = await _made(tx)
    by_platform = select(channels.c.platform, func.count()).join(turns, turns.c.channel_id == channels.c.id)
    spoken = turns.c.speaker_kind == SpeakerKind.CHARACTER.value
    moments = select(func.min(dialogues.c.started_at, type_=When), func.max(dialogues.c.last_at, type_=When))
    first_at, last_at = (await tx.execute(moments)).one()
    return Stats(
        dialogues=await _count(tx, select(func.count()).select_from(dialogues)),
        open_dialogues=await _count(
            tx, select(func.count()).select_from(dialogues).where(dialogues.c.ended_at.is_(None))
        ),
        turns=await _by(tx, select(turns.c.state, func.count()).group_by(turns.c.state)),
        characters=await _by(
            tx, select(turns.c.speaker_id, func.count()).where(spoken).group_by(turns.c.speaker_id)
        ),
        character_versions=await _count(tx, select(func.count()).select_from(characters)),
        scenarios=await _by(tx, select(dialogues.c.scenario, func.count()).group_by(dialogues.c.scenario)),
        platforms=await _by(tx, by_platform.group_by(channels.c.platform)),
        people=await _count(tx, select(func.count()).select_from(people)),
        consented=await _count(
            tx, select(func.count()).select_from(people).where(people.c.consented == literal(True, Flag))
        ),
        pictures=await _count(tx, select(func.count()).select_from(pictures)),
        notes=await _count(tx, select(func.count()).select_from(notes)),
        feedback=await _count(tx, select(func.count()).select_from(feedback)),
        unsettled_events=await _count(
            tx,
            select(func.count())
            .select_from(events)
            .where(events.c.state.not_in(("done", "refused", "failed"))),
        ),
        tokens=tokens,
        cost=cost,
        first_at=first_at,
        last_at=last_at,
        bytes=await _size(tx),
    )


async def _made(tx: AsyncConnection) -> tuple[int, float]:
    tokens, cost = 0, 0.0
    for (made,) in await tx.execute(select(turns.c.made).where(turns.c.made.is_not(None))):
        tokens += made.get("reply_tokens", 0)
        cost += made.get("cost", 0.0)
    return tokens, cost


async def _size(tx: AsyncConnection) -> int:
    if tx.dialect.name == "postgresql":
        found = await tx.exec_driver_sql("SELECT pg_database_size(current_database())")
        return int(found.scalar_one())
    pages = (await tx.exec_driver_sql("PRAGMA page_count")).scalar_one()
    return int(pages) * int((await tx.exec_driver_sql("PRAGMA page_size")).scalar_one())


async def _count(tx: AsyncConnection, query: Select[Any]) -> int:
    return int((await tx.execute(query)).scalar_one())


async def _by(tx: AsyncConnection, query: Select[Any]) -> dict[str, int]:
    found = [(str(name), int(count)) for name, count in await tx.execute(query)]
    return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))
