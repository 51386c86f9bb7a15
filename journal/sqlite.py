"""SQLite with one visit to its thread per statement.

aiosqlite runs a connection in a thread of its own, and SQLAlchemy makes four visits there for one statement
(open a cursor, execute, fetch, close). Each costs the event loop and a busy machine about a tenth of a
millisecond. Here one visit does all four: results are always read whole, so there is no streaming.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any

import aiosqlite
from sqlalchemy import Connection, Engine, event


def manners(engine: Engine, synchronous: str, *, brief: bool = False) -> None:
    """How each of an engine's connections is set up, and how its transactions begin. Those for brief ones
    begin them themselves, and their commits never move the log into the database."""
    pragmas = [
        f"synchronous = {synchronous}",
        "foreign_keys = ON",
        "secure_delete = ON",  # what people had forgotten is overwritten
    ]
    if brief:
        pragmas.append("wal_autocheckpoint = 0")

    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        writes = bool(connection.get_execution_options().get("vignette_write"))
        # A reader that writes is a bug that PostgreSQL would name: here it is named too. Most connections
        # serve one purpose again and again, so that the switch is seldom thrown.
        if connection.info.get("writes", True) is not writes:
            connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
            connection.info["writes"] = writes
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    if not brief:
        event.listen(engine, "begin", begin)


class WholeCursor:
    """The part of a cursor that SQLAlchemy's adapter uses. Holds no SQLite object between calls."""

    def __init__(self, connection: "WholeConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "WholeCursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "WholeCursor":
        return await self._run(sqlite3.Cursor.execute, sql, parameters)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> "WholeCursor":
        return await self._run(sqlite3.Cursor.executemany, sql, rows)

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []

    async def _run(self, work: Any, sql: str, parameters: Any) -> "WholeCursor":
        visit = self._connection._execute(self._visit, work, sql, parameters)  # type: ignore[no-untyped-call]
        await visit
        return self

    def _visit(self, work: Any, sql: str, parameters: Any) -> None:
        cursor = self._connection._conn.cursor()
        try:
            work(cursor, sql, parameters)
            self.description, self.rowcount = cursor.description, cursor.rowcount
            self.lastrowid = cursor.lastrowid
            self._rows = cursor.fetchall() if cursor.description else []
        finally:
            cursor.close()


class WholeConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors are WholeCursors."""

    def cursor(self) -> WholeCursor:  # type: ignore[override]
        return WholeCursor(self)


async def connect(path: str, busy_seconds: float) -> WholeConnection:
    """A connection in WAL mode. Transactions begin where SQL says so (sqlite3 adds none of its own)."""

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)

    connection = WholeConnection(connector, 64)
    connection._thread.daemon = True
    await connection
    try:
        await _to_wal(connection, busy_seconds)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _to_wal(connection: WholeConnection, busy_seconds: float) -> None:
    """SQLite changes the mode of a new file without asking the busy timeout: whoever opens it at the same moment
    is told at once that it is locked, and has to ask again.
    """
    end = time.monotonic() + busy_seconds
    while True:
        try:
            await connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        await asyncio.sleep(0.01)
