"""Dialogues: where one conversation ends and the next begins. A channel has at most one that is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import Scenario
from journal.ids import new_id
from journal.schema import channels, dialogues, turns
from journal.types import now as clock


@dataclass(frozen=True)
class DialogueRow:
    """`last_at` is when something was last said; an open dialogue has no `ended_at`. `end_reason` is `idle`,
    `superseded`, or what the caller of `end` gave."""

    id: str
    channel_id: str
    scenario: Scenario
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    end_reason: str


_OPEN = select(dialogues).where(
    dialogues.c.channel_id == bindparam("channel"), dialogues.c.ended_at.is_(None)
)
_GET = select(dialogues).where(dialogues.c.id == bindparam("id"))
_SPOKE = update(dialogues).where(dialogues.c.id == bindparam("which"), dialogues.c.last_at < bindparam("at"))
_SPOKE_IN_TURN = update(dialogues).where(
    dialogues.c.id == select(turns.c.dialogue_id).where(turns.c.id == bindparam("turn")).scalar_subquery(),
    dialogues.c.last_at < bindparam("at"),
)


async def current(
    tx: AsyncConnection, channel_id: str, *, now: datetime, idle: timedelta
) -> DialogueRow | None:
    """The channel's open dialogue. One silent for longer than `idle` is ended (as of its last word), and
    there is none. Needs a writing transaction."""
    row = await _open(tx, channel_id)
    if row is not None and now - row.last_at > idle:
        await end(tx, row.id, "idle", now=row.last_at)
        return None
    return row


async def begin(tx: AsyncConnection, channel_id: str, scenario: Scenario, *, now: datetime) -> DialogueRow:
    """Begins a dialogue in a channel that is known; one still open there is ended as `superseded`."""
    former = await _open(tx, channel_id)
    if former is not None:
        await end(tx, former.id, "superseded", now=now)
    row = DialogueRow(new_id(), channel_id, Scenario(scenario), now, now, None, "")
    await tx.execute(dialogues.insert().values(vars(row) | {"scenario": row.scenario.value}))
    return row


async def end(tx: AsyncConnection, id: str, reason: str, *, now: datetime) -> None:
    """Ends a dialogue; one that has ended keeps its first reason."""
    still_open = update(dialogues).where(dialogues.c.id == id, dialogues.c.ended_at.is_(None))
    await tx.execute(still_open.values(ended_at=now, end_reason=reason))


async def set_scenario(tx: AsyncConnection, id: str, scenario: Scenario) -> None:
    row = update(dialogues).where(dialogues.c.id == id)
    await tx.execute(row.values(scenario=Scenario(scenario).value))


async def spoke(tx: AsyncConnection, id: str, at: datetime | None = None) -> None:
    """Notes that something was said, so that the dialogue is not idle."""
    at = at or clock()
    await tx.execute(_SPOKE, {"which": id, "at": at, "last_at": at})


async def spoke_in_turn(tx: AsyncConnection, turn_id: str, at: datetime) -> None:
    """The same, for the dialogue of a turn."""
    await tx.execute(_SPOKE_IN_TURN, {"turn": turn_id, "at": at, "last_at": at})


async def get(tx: AsyncConnection, id: str) -> DialogueRow | None:
    row = (await tx.execute(_GET, {"id": id})).first()
    return _row(row._mapping) if row else None


async def beginning(tx: AsyncConnection, start: str, *, limit: int = 2) -> list[DialogueRow]:
    """Dialogues whose id begins so."""
    query = select(dialogues).where(dialogues.c.id.startswith(start, autoescape=True)).limit(limit)
    return [_row(row._mapping) for row in await tx.execute(query)]


async def listing(
    tx: AsyncConnection, *, platform: str | None = None, limit: int, before: str | None = None
) -> list[DialogueRow]:
    """Dialogues, newest first; `before` is the last id of the page before."""
    query = select(dialogues).order_by(dialogues.c.id.desc()).limit(limit)
    if platform is not None:
        known = select(channels.c.id).where(channels.c.platform == platform)
        query = query.where(dialogues.c.channel_id.in_(known))
    if before is not None:
        query = query.where(dialogues.c.id < before)
    return [_row(row._mapping) for row in await tx.execute(query)]


async def _open(tx: AsyncConnection, channel_id: str) -> DialogueRow | None:
    row = (await tx.execute(_OPEN, {"channel": channel_id})).first()
    return _row(row._mapping) if row else None


def _row(found: Any) -> DialogueRow:
    return DialogueRow(**{**found, "scenario": Scenario(found["scenario"])})
