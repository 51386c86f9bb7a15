"""People, as far as a conversation needs them: who they are on their platform, what they call themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.schema import people
from journal.sql import upsert
from journal.types import now


@dataclass(frozen=True)
class Person:
    """`id` is `platform:native_id`; `name` is for display only, and hostile."""

    id: str
    platform: str
    native_id: str
    name: str


async def touch(tx: AsyncConnection, person: Person) -> None:
    """Makes the person known, or notes the name they go by now."""
    await upsert(
        tx,
        people,
        ("id",),
        id=person.id,
        platform=person.platform,
        native_id=person.native_id,
        name=person.name,
        seen_at=now(),
    )


async def get(tx: AsyncConnection, id: str) -> Person | None:
    columns = (people.c.id, people.c.platform, people.c.native_id, people.c.name)
    row = (await tx.execute(select(*columns).where(people.c.id == id))).first()
    return Person(**row._mapping) if row else None


async def names(tx: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """Display names by person id; unknown ids are left out."""
    rows = await tx.execute(select(people.c.id, people.c.name).where(people.c.id.in_(set(ids))))
    return {row.id: row.name for row in rows}
