"""Duets: characters in conversation with each other about a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.ids import new_id
from journal.schema import duets
from journal.types import now


@dataclass(frozen=True)
class Duet:
    """`turns` is how many were asked for; `started_by` a person's id, or empty."""

    id: str
    dialogue_id: str
    channel_id: str
    characters: tuple[str, ...]
    turns: int
    state: Literal["running", "ended"]
    end_reason: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None


async def begin(
    tx: AsyncConnection,
    *,
    dialogue_id: str,
    channel_id: str,
    characters: Sequence[str],
    turns: int,
    started_by: str = "",
) -> Duet:
    duet = Duet(
        new_id(), dialogue_id, channel_id, tuple(characters), turns, "running", "", started_by, now(), None
    )
    await tx.execute(duets.insert().values(vars(duet) | {"characters": list(characters)}))
    return duet


async def end(tx: AsyncConnection, id: str, reason: str) -> None:
    """Ends a duet; one that has ended keeps its first reason."""
    going = update(duets).where(duets.c.id == id, duets.c.state == "running")
    await tx.execute(going.values(state="ended", end_reason=reason, ended_at=now()))


async def running(tx: AsyncConnection, channel_id: str | None = None) -> list[Duet]:
    """Duets going on, in one channel or anywhere, oldest first."""
    query = select(duets).where(duets.c.state == "running").order_by(duets.c.id)
    if channel_id is not None:
        query = query.where(duets.c.channel_id == channel_id)
    return [_row(row._mapping) for row in await tx.execute(query)]


async def get(tx: AsyncConnection, id: str) -> Duet | None:
    row = (await tx.execute(select(duets).where(duets.c.id == id))).first()
    return _row(row._mapping) if row else None


def _row(found: Any) -> Duet:
    return Duet(**{**found, "characters": tuple(found["characters"])})
