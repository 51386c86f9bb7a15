"""Brief transactions on SQLite: on the caller's own thread.

SQLite finds a row by its index in ten microseconds; to hand the question to another thread and wait for the
answer takes a hundred and fifty, and SQLAlchemy's way through greenlets as much again. So the few statements
that each message needs are asked right where the caller stands. For that nothing here may wait on anything
but the processor: for another process that writes we wait asynchronously, a commit syncs no file (with
`durability = "power"` it would, so brief writes are not used then), and moving the log into the database,
which does, is left to `Journal`, in a thread.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, NullPool, Transaction, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from journal.sqlite import manners

RETRY = 0.005  # seconds between two looks at a lock that another process holds


class BriefConnection(AsyncConnection):
    """Answers where it is asked: what it is awaited for is done without a pause."""

    async def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        return self._proxied.execute(statement, parameters, execution_options=execution_options)

    async def exec_driver_sql(
        self, statement: str, parameters: Any = None, execution_options: Any = None
    ) -> Any:
        return self._proxied.exec_driver_sql(statement, parameters, execution_options)


class Brief:
    """The connections for brief transactions. They stay open, each for reading or for writing only; more than
    one of a kind where a transaction's block waits for something after all."""

    def __init__(self, engine: AsyncEngine, path: str, synchronous: str, busy_seconds: float) -> None:
        self._outer, self._patience = engine, busy_seconds
        self._engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
        manners(self._engine, synchronous, brief=True)
        self._idle: dict[bool, list[BriefConnection]] = {True: [], False: []}

    @asynccontextmanager
    async def transaction(self, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        tx = self._idle[writes].pop() if self._idle[writes] else self._open(writes)
        connection = tx.sync_connection
        assert connection is not None
        try:
            with await self._begin(connection):
                yield tx
        except BaseException:
            connection.close()  # a new one is cheap, and certainly whole
            raise
        self._idle[writes].append(tx)

    def close(self) -> None:
        for some in self._idle.values():
            while some:
                connection = some.pop().sync_connection
                assert connection is not None
                connection.close()

    def _open(self, writes: bool) -> BriefConnection:
        connection = self._engine.connect()
        if not writes:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.rollback()  # nothing was begun but SQLAlchemy's own idea of it
        connection.info["begin"] = "BEGIN IMMEDIATE" if writes else "BEGIN"
        return BriefConnection(self._outer, connection)

    async def _begin(self, connection: Connection) -> Transaction:
        driver, words = connection.connection.driver_connection, connection.info["begin"]
        assert driver is not None
        until = time.monotonic() + self._patience
        while True:
            try:
                driver.execute(words)
                return connection.begin()
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0)
                if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise OperationalError(words, None, error) from error
            await asyncio.sleep(RETRY)


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
