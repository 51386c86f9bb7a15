"""The journal's door: opens the database, brings its schema up to date, and hands out transactions.

One writer at a time, across all tasks and processes, on both databases: on SQLite by BEGIN IMMEDIATE (with
its default of a late lock, two transactions that read and then write overwrite each other's work), on
PostgreSQL by an advisory lock. Writers of one process queue here first, in order, so that nobody spins on
SQLite's busy handler. A transaction must not wait for a model, a network or a person.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agent.errors import JournalError
from journal import migrate
from journal.engine import explain, make_brief, make_engine, reaching
from journal.settings import JournalSettings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from journal.brief import Brief

log = logging.getLogger(__name__)

CHECKPOINT = 200  # brief writes after which the log is moved into the database
LONGEST_LOG = 8_000  # its pages (of 4 KB) from which on writers wait until it is moved


class Journal:
    """An open journal. Made by `Journal.open`."""

    def __init__(self, engine: "AsyncEngine", settings: JournalSettings, brief: "Brief | None") -> None:
        self.settings = settings
        self._engine, self._brief = engine, brief
        self._turnstile = asyncio.Lock()
        self._written = 0
        self._checkpoint: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, settings: JournalSettings, *, secrets_password: str = "", busy_seconds: float = 20.0
    ) -> "Journal":
        """Opens (on SQLite: makes, where it is missing) the database and migrates it; whoever opens it at
        the same moment waits. `busy_seconds` is how long to wait for another process that writes. Raises
        JournalError for an address that cannot be used, a file that is no journal, or one that a newer
        version of the program wrote."""
        engine = make_engine(settings, secrets_password, busy_seconds)
        journal = cls(engine, settings, make_brief(engine, settings, busy_seconds))
        try:
            if not await migrate.is_current(journal):
                async with journal.write(long=True) as tx:
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
        if self._checkpoint:
            await asyncio.wait([self._checkpoint])
        if self._brief:
            self._brief.close()
        await self._engine.dispose()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def write(self, *, long: bool = False) -> "AsyncIterator[AsyncConnection]":
        """One transaction that may read and write: all of it is kept, or, where an exception leaves the
        block, nothing. `long` where much is read or changed, or rows are not found by an index: it keeps
        SQLite from holding up everything else meanwhile (journal.brief)."""
        brief = None if long or self.settings.durability == "power" else self._brief
        if brief:
            await _let_others()
        async with self._turnstile:
            if brief:
                with explain(self._engine):
                    async with brief.transaction(writes=True) as tx:
                        yield tx
                self._wrote()
                return
            async with self._connection() as tx:
                await tx.execution_options(vignette_write=True)
                async with tx.begin():
                    yield tx

    @asynccontextmanager
    async def read(self, *, long: bool = False) -> "AsyncIterator[AsyncConnection]":
        """One transaction that sees the journal as it was at its first question, whatever others write.
        `long` as in `write`."""
        if self._brief and not long:
            await _let_others()
            with explain(self._engine):
                async with self._brief.transaction(writes=False) as tx:
                    yield tx
            return
        async with self._connection() as tx, tx.begin():
            yield tx

    def _wrote(self) -> None:
        self._written += 1
        if self._written % CHECKPOINT == 0 and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint = asyncio.create_task(self._move_log(), name="checkpoint")

    async def _move_log(self) -> None:
        """Moves the write-ahead log into the database, beside writers as long as it is short: while they go on
        it cannot begin anew, so from some length on they wait."""
        try:
            if await self._pragma("wal_checkpoint(PASSIVE)") > LONGEST_LOG:
                async with self._turnstile:
                    await self._pragma("wal_checkpoint(PASSIVE)")
        except JournalError as error:
            log.warning("the write-ahead log could not be moved: %s", error)

    async def compact(self) -> None:
        """Gives deleted words no refuge: empties SQLite's write-ahead log into the database, where deleted
        rows are overwritten. PostgreSQL's autovacuum reuses their space in its own time."""
        if self.dialect == "sqlite":
            await self._pragma("wal_checkpoint(TRUNCATE)")

    async def _pragma(self, words: str) -> int:
        """Outside of a transaction; the pages in the log."""
        async with self._connection() as tx:
            driver = (await tx.get_raw_connection()).driver_connection
            if driver is None:
                raise JournalError("the database connection is closed")
            cursor = await driver.execute(f"PRAGMA {words}")
            (_, pages, _), *_ = await cursor.fetchall()
            return int(pages)

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


async def _let_others() -> None:
    """One turn of the event loop: a brief transaction never waits, so a loop of them would hold up everything."""
    await asyncio.sleep(0)
