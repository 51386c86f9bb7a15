"""The journal's door: opens the database, brings its schema up to date, and hands out transactions.

One writer at a time, across all tasks and processes, on both databases: on SQLite by BEGIN IMMEDIATE (with
its default of a late lock, two transactions that read and then write overwrite each other's work), on
PostgreSQL by an advisory lock. Writers of one process queue here first, in order, so that nobody spins on
SQLite's busy handler. A transaction must not wait for a model, a network or a person.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agent.errors import JournalError
from journal import migrate
from journal.engine import explain, make_engine, reaching
from journal.settings import JournalSettings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Journal:
    """An open journal. Made by `Journal.open`."""

    def __init__(self, engine: "AsyncEngine", settings: JournalSettings) -> None:
        self.settings = settings
        self._engine = engine
        self._turnstile = asyncio.Lock()

    @classmethod
    async def open(
        cls, settings: JournalSettings, *, secrets_password: str = "", busy_seconds: float = 20.0
    ) -> "Journal":
        """Opens (on SQLite: makes, where it is missing) the database and migrates it; whoever opens it at
        the same moment waits. `busy_seconds` is how long to wait for another process that writes. Raises
        JournalError for an address that cannot be used, a file that is no journal, or one that a newer
        version of the program wrote."""
        engine = make_engine(settings, secrets_password, busy_seconds)
        journal = cls(engine, settings)
        try:
            if not await migrate.is_current(journal):
                async with journal.write() as tx:
                    await migrate.upgrade(tx)
        except BaseException:
            await journal.close()
            raise
        return journal

    async def __aenter__(self) -> "Journal":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._engine.dispose()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def write(self) -> "AsyncIterator[AsyncConnection]":
        """One transaction that may read and write: all of it is kept, or, where an exception leaves the
        block, nothing."""
        async with self._turnstile, self._connection() as tx:
            await tx.execution_options(vignette_write=True)
            async with tx.begin():
                yield tx

    @asynccontextmanager
    async def read(self) -> "AsyncIterator[AsyncConnection]":
        """One transaction that sees the journal as it was at its first question, whatever others write."""
        async with self._connection() as tx, tx.begin():
            yield tx

    async def compact(self) -> None:
        """Gives deleted words no refuge: empties SQLite's write-ahead log into the database, where deleted
        rows are overwritten. PostgreSQL's autovacuum reuses their space in its own time."""
        if self.dialect == "sqlite":
            async with self._connection() as tx:
                driver = (await tx.get_raw_connection()).driver_connection
                if driver is None:
                    raise JournalError("the database connection is closed")
                await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @asynccontextmanager
    async def _connection(self) -> "AsyncIterator[AsyncConnection]":
        with explain(self._engine):
            with reaching(self._engine):
                tx = await self._engine.connect()
            try:
                yield tx
            finally:
                # Even where the task is being cancelled, the connection goes back whole.
                await asyncio.shield(tx.close())
