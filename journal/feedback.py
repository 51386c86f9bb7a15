"""What people thought of a turn."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.ids import new_id
from journal.schema import feedback
from journal.sql import insert_new
from journal.types import now

Sort = Literal["reaction", "vote", "again", "edit"]


@dataclass(frozen=True)
class Feedback:
    """`value` is the emoji, the vote, or what the platform says beside it."""

    turn_id: str
    person_id: str
    kind: Sort
    value: str
    at: datetime


async def add(tx: AsyncConnection, turn_id: str, person_id: str, kind: Sort, value: str) -> bool:
    """Keeps a person's feedback on a turn; False where it is there already. A new vote replaces the old."""
    if kind == "vote":
        other = delete(feedback).where(*_by(turn_id, person_id, kind), feedback.c.value != value)
        await tx.execute(other)
    what = {"turn_id": turn_id, "person_id": person_id, "kind": kind, "value": value}
    return await insert_new(tx, feedback, id=new_id(), at=now(), **what)


async def remove(tx: AsyncConnection, turn_id: str, person_id: str, kind: Sort, value: str) -> bool:
    """Takes feedback back; False where there was none."""
    mine = (*_by(turn_id, person_id, kind), feedback.c.value == value)
    return bool((await tx.execute(delete(feedback).where(*mine))).rowcount)


async def of_turn(tx: AsyncConnection, turn_id: str) -> list[Feedback]:
    """All feedback on a turn, oldest first."""
    columns = [feedback.c[name] for name in ("turn_id", "person_id", "kind", "value", "at")]
    rows = await tx.execute(select(*columns).where(feedback.c.turn_id == turn_id).order_by(feedback.c.id))
    return [Feedback(**row._mapping) for row in rows]


def _by(turn_id: str, person_id: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return feedback.c.turn_id == turn_id, feedback.c.person_id == person_id, feedback.c.kind == kind
