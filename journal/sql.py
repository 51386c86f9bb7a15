"""The few spellings in which SQLite and PostgreSQL agree with each other but not with the standard."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert(tx: AsyncConnection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


async def insert_new(tx: AsyncConnection, table: Table, **values: Any) -> bool:
    """Inserts a row; False (and no change) where a row of that key exists."""
    found = await tx.execute(insert(tx, table).values(**values).on_conflict_do_nothing())
    return bool(found.rowcount)


async def upsert(tx: AsyncConnection, table: Table, keys: tuple[str, ...], **values: Any) -> None:
    """Inserts a row, or gives the row of that key these values."""
    changed = {name: value for name, value in values.items() if name not in keys}
    row = insert(tx, table).values(**values)
    await tx.execute(row.on_conflict_do_update(index_elements=list(keys), set_=changed))
