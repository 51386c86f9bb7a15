"""Runs of long work: a row that locks, so that two machines never do the same work at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import Busy, JournalError
from journal.ids import new_id
from journal.schema import runs
from journal.types import now

STALE = timedelta(minutes=10)


@dataclass(frozen=True)
class Run:
    """`lock` names what nobody else may work on meanwhile; `details` is JSON. `state` is `running`, `done`,
    `failed`, or `lost` (its heartbeat stopped and another run took its place)."""

    id: str
    kind: str
    lock: str
    state: Literal["running", "done", "failed", "lost"]
    details: dict[str, Any]
    error: str
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None


async def start(
    tx: AsyncConnection,
    kind: str,
    *,
    lock: str = "",
    details: dict[str, Any] | None = None,
    stale: timedelta = STALE,
) -> Run:
    """Begins a run and takes its lock (by default its kind). Raises Busy while another run holds it; one
    whose heartbeat is older than `stale` has lost it."""
    lock, at = lock or kind, now()
    holder = (await tx.execute(select(runs).where(runs.c.lock == lock, runs.c.ended_at.is_(None)))).first()
    if holder is not None:
        if at - holder.heartbeat_at <= stale:
            raise Busy(
                f"{holder.kind} has been running since {holder.started_at:%Y-%m-%d %H:%M} UTC",
                mend="wait until it ends, or stop it",
            )
        await tx.execute(
            update(runs).where(runs.c.id == holder.id).values(state="lost", ended_at=at, error="no heartbeat")
        )
    run = Run(new_id(), kind, lock, "running", details or {}, "", at, at, None)
    await tx.execute(runs.insert().values(vars(run)))
    return run


async def heartbeat(tx: AsyncConnection, id: str, details: dict[str, Any] | None = None) -> None:
    """Says that the run is alive (and how far it is). Raises JournalError where its lock is lost."""
    values: dict[str, Any] = {"heartbeat_at": now()}
    if details is not None:
        values["details"] = details
    mine = update(runs).where(runs.c.id == id, runs.c.ended_at.is_(None))
    if not (await tx.execute(mine.values(**values))).rowcount:
        raise JournalError(f"run {id} no longer holds its lock", mend="another run took over: stop this one")


async def finish(tx: AsyncConnection, id: str, *, error: str = "") -> None:
    """Ends the run and frees its lock: `done`, or with an `error` `failed`."""
    mine = update(runs).where(runs.c.id == id, runs.c.ended_at.is_(None))
    await tx.execute(mine.values(state="failed" if error else "done", error=error, ended_at=now()))


async def active(tx: AsyncConnection, lock: str | None = None) -> list[Run]:
    """Runs going on, oldest first."""
    query = select(runs).where(runs.c.ended_at.is_(None)).order_by(runs.c.id)
    if lock is not None:
        query = query.where(runs.c.lock == lock)
    return [Run(**row._mapping) for row in await tx.execute(query)]


async def get(tx: AsyncConnection, id: str) -> Run | None:
    row = (await tx.execute(select(runs).where(runs.c.id == id))).first()
    return Run(**row._mapping) if row else None
