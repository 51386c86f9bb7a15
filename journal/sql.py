"""The few spellings in which SQLite and PostgreSQL agree with each other but not with the standard.

Statements are built once and told apart by their parameters: to build one takes SQLAlchemy longer than to
run it.
"""

from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_new(tx: AsyncConnection, table: Table, **values: Any) -> bool:
    """Inserts a row; False (and no change) where a row of that key exists."""
    found = await tx.execute(_insert_new(tx.dialect.name, table), values)
    return bool(found.rowcount)


async def upsert(tx: AsyncConnection, table: Table, keys: tuple[str, ...], **values: Any) -> None:
    """Inserts a row, or gives the row of that key these values."""
    await tx.execute(_upsert(tx.dialect.name, table, keys, tuple(values)), values)


@cache
def _insert_new(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    row = _insert(dialect, table)
    changed = {name: row.excluded[name] for name in names if name not in keys}
    return row.on_conflict_do_update(index_elements=list(keys), set_=changed)


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
