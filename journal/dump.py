"""The tables as JSON lines, the same for both databases: below our column types are only text, integers and
floats. A dump knows the schema it was made with, and loads into that schema before it is migrated."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnClause, Connection, MetaData, Table, column, inspect, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import JournalError
from journal import migrate
from journal.schema import VERSION_TABLE, metadata

CHUNK = 500
Progress = Callable[[str, int], None]


async def write(tx: AsyncConnection, folder: Path, progress: Progress | None = None) -> dict[str, int]:
    """Writes `TABLE.jsonl` for every table into the folder; returns the number of rows of each. `tx` is a
    reading transaction: all tables are of one moment."""
    counts = {}
    for table in metadata.sorted_tables:
        counts[table.name] = 0
        with (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as file:
            async for row in _rows(tx, table):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                counts[table.name] += 1
        if progress:
            progress(table.name, counts[table.name])
    return counts


async def load(tx: AsyncConnection, folder: Path, revision: str, progress: Progress | None = None) -> None:
    """Replaces everything in the database by the dump in the folder, made at schema `revision`."""
    await tx.run_sync(_drop_all)
    await migrate.upgrade(tx, revision)
    tables = await tx.run_sync(_reflect)
    for table in tables.sorted_tables:
        path = folder / f"{table.name}.jsonl"
        if table.name == VERSION_TABLE or not path.exists():
            continue
        count = 0
        for rows in _chunks(path):
            await tx.execute(table.insert(), rows)
            count += len(rows)
        if progress:
            progress(table.name, count)
    await migrate.upgrade(tx)


async def is_empty(tx: AsyncConnection) -> bool:
    """True where nobody ever said anything."""
    for name in ("dialogues", "events", "people", "pictures", "tombstones", "versions", "runs"):
        if (await tx.execute(select(text("1")).select_from(metadata.tables[name]).limit(1))).first():
            return False
    return True


async def _rows(tx: AsyncConnection, table: Table) -> Any:
    """A table's rows as the database keeps them, in the order of its key, a few hundred at a time."""
    names = [column.name for column in table.columns]
    keys: list[ColumnClause[Any]] = [column(key.name) for key in table.primary_key.columns]
    columns: list[ColumnClause[Any]] = [column(name) for name in names]
    query = select(*columns).select_from(text(table.name)).order_by(*keys).limit(CHUNK)
    at = [names.index(key.name) for key in keys]
    page = query
    while True:
        rows = (await tx.execute(page)).all()
        for row in rows:
            yield dict(zip(names, row, strict=True))
        if len(rows) < CHUNK:
            return
        page = query.where(tuple_(*keys) > tuple_(*(rows[-1][place] for place in at)))


def _drop_all(connection: Connection) -> None:
    for name in (*(table.name for table in reversed(metadata.sorted_tables)), VERSION_TABLE):
        if inspect(connection).has_table(name):
            connection.exec_driver_sql(f"DROP TABLE {name}")


def _reflect(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name in metadata.tables)
    return found


def _chunks(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        try:
            rows = (json.loads(line) for line in file)
            while some := list(islice(rows, CHUNK)):
                yield some
        except (ValueError, UnicodeDecodeError) as error:
            raise JournalError(
                "the backup is damaged", where=path.name, mend="take an older backup"
            ) from error
