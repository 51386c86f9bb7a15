"""Model versions with their lineage, and the one pointer that says which of them answers.

Every move of the pointer is a new generation and none is overwritten: whoever serves the model compares the
generation with the one it has loaded, and going back is one more move.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import JournalError
from journal.schema import pointers, versions
from journal.sql import insert_new
from journal.types import now


@dataclass(frozen=True)
class Version:
    """`lineage` is JSON: what it was made from, and how."""

    id: str
    lineage: dict[str, Any]
    registered_at: datetime


@dataclass(frozen=True)
class Pointer:
    """`candidate` (or an empty string) answers the share `canary` of turns, `current` the rest. An empty
    `current` means what config.toml names."""

    generation: int
    current: str
    candidate: str
    canary: float
    reason: str
    moved_at: datetime


async def register(tx: AsyncConnection, id: str, lineage: dict[str, Any]) -> bool:
    """Makes a version known; False where it is already (its lineage never changes)."""
    return await insert_new(tx, versions, id=id, lineage=lineage, registered_at=now())


async def get(tx: AsyncConnection, id: str) -> Version | None:
    row = (await tx.execute(select(versions).where(versions.c.id == id))).first()
    return Version(**row._mapping) if row else None


async def listing(tx: AsyncConnection) -> list[Version]:
    """All versions, newest first."""
    rows = await tx.execute(select(versions).order_by(versions.c.registered_at.desc(), versions.c.id))
    return [Version(**row._mapping) for row in rows]


async def pointer(tx: AsyncConnection) -> Pointer | None:
    """Where the pointer stands; None before it was ever moved."""
    found = await moves(tx, limit=1)
    return found[0] if found else None


async def moves(tx: AsyncConnection, *, limit: int = 20) -> list[Pointer]:
    """The pointer's last moves, newest first."""
    rows = await tx.execute(select(pointers).order_by(pointers.c.generation.desc()).limit(limit))
    return [Pointer(**row._mapping) for row in rows]


async def point(
    tx: AsyncConnection, *, current: str, candidate: str = "", canary: float = 0.0, reason: str = ""
) -> Pointer:
    """Moves the pointer. Raises JournalError for a version that is not registered or a share outside 0..1."""
    if not 0 <= canary <= 1 or (canary and not candidate):
        raise JournalError(
            f"a canary share of {canary} for candidate '{candidate}'",
            mend="name a candidate and a share 0..1",
        )
    for id in filter(None, (current, candidate)):
        if await get(tx, id) is None:
            raise JournalError(f"version {id} is not registered", mend="`models list` shows those that are")
    former = await pointer(tx)
    moved = Pointer(former.generation + 1 if former else 1, current, candidate, canary, reason, now())
    await tx.execute(pointers.insert().values(vars(moved)))
    return moved
