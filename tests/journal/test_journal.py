"""Opening, transactions, many writers."""

import asyncio
import contextlib
import gc
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from agent.errors import JournalError
from journal import channels, memory, migrate
from journal.channels import Channel
from journal.journal import Journal
from journal.settings import JournalSettings
from tests.journal.makers import begin

COUNT = """
import asyncio, sys
from journal import memory
from journal.journal import Journal
from journal.settings import JournalSettings

async def main(url, times):
    async with await Journal.open(JournalSettings(url=url)) as journal:
        async def one():
            async with journal.write() as tx:
                value = int(await memory.get(tx, "web:1"))
                await asyncio.sleep(0)
                await memory.put(tx, "web:1", str(value + 1))
        await asyncio.gather(*(one() for _ in range(times)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
ROOT = Path(__file__).parents[2]


async def test_opens_twice_and_keeps_what_was_written(url: str) -> None:
    async with await Journal.open(JournalSettings(url=url)) as first:
        await begin(first)
        assert await migrate.is_current(first)
    async with await Journal.open(JournalSettings(url=url)) as again, again.read() as tx:
        assert await channels.get(tx, "web:1") == Channel("web:1", "web", "1")


async def test_many_open_an_empty_database_at_once(url: str) -> None:
    opened = await asyncio.gather(*(Journal.open(JournalSettings(url=url)) for _ in range(4)))
    for journal in opened:
        assert await migrate.is_current(journal)
        await journal.close()


async def test_a_new_file_that_somebody_is_writing_to_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses the change to WAL at once there, whatever the busy timeout."""
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(
            Journal.open(JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/new.db"))
        )
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not opening.done(), opening.exception()
        other.execute("ROLLBACK")
        async with await asyncio.wait_for(opening, 60) as journal:
            assert await migrate.is_current(journal)


async def test_an_exception_leaves_nothing(journal: Journal) -> None:
    async def fail() -> None:
        async with journal.write() as tx:
            await channels.touch(tx, Channel("web:1", "web", "1"))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    async with journal.read() as tx:
        assert await channels.get(tx, "web:1") is None


async def test_foreign_keys_are_enforced(journal: Journal) -> None:
    with pytest.raises(IntegrityError):
        async with journal.write() as tx:
            await channels.add_member(tx, "web:nowhere", "ada-lovelace")


async def test_a_reader_keeps_its_moment(journal: Journal) -> None:
    await begin(journal)
    async with journal.read() as old:
        assert await memory.get(old, "web:1") == ""
        async with journal.write() as tx:
            await memory.put(tx, "web:1", "new")
        assert await memory.get(old, "web:1") == ""
    async with journal.read() as tx:
        assert await memory.get(tx, "web:1") == "new"


async def test_a_reader_cannot_write(journal: Journal) -> None:
    async def write_while_reading() -> None:
        async with journal.read() as tx:
            await channels.touch(tx, Channel("web:1", "web", "1"))

    for _ in range(2):
        with pytest.raises((JournalError, DBAPIError), match=r"read-?only"):
            await write_while_reading()
        await begin(journal, "2")


async def test_no_increment_is_lost_among_tasks_and_processes(journal: Journal, url: str) -> None:
    await begin(journal)
    async with journal.write() as tx:
        await memory.put(tx, "web:1", "0")
    command = (sys.executable, "-c", COUNT, url, "100")
    processes = [await asyncio.create_subprocess_exec(*command, cwd=ROOT) for _ in range(2)]
    assert [await asyncio.wait_for(process.wait(), 120) for process in processes] == [0, 0]
    async with journal.read() as tx:
        assert await memory.get(tx, "web:1") == "200"


async def test_cancelled_writers_leave_the_journal_usable(url: str) -> None:
    async with await Journal.open(JournalSettings(url=url)) as journal:
        await begin(journal)
        done = await _cancel_every_second(journal, 60)
        assert done >= 30
        async with journal.read() as tx:
            # A writer cancelled while its commit was on the way may have been kept, but never half.
            assert done <= int(await memory.get(tx, "web:1")) <= 60
    gc.collect()  # a connection cut in mid-air and left lying is blamed on this test, not on a later one


async def _cancel_every_second(journal: Journal, writers: int) -> int:
    """How many of the writers, begun all at once and cancelled at different moments, were done."""

    async def bump() -> None:
        async with journal.write() as tx:
            value = int(await memory.get(tx, "web:1") or "0")
            await memory.put(tx, "web:1", str(value + 1))

    tasks = [asyncio.create_task(bump()) for _ in range(writers)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.001)
        if number % 2:
            task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} <= {type(None), asyncio.CancelledError}
    return sum(end is None for end in ends)


async def test_a_newer_schema_is_refused(journal: Journal, url: str) -> None:
    async with journal.write() as tx:
        await tx.execute(text("UPDATE vignette_version SET version_num = '9999'"))
    with pytest.raises(JournalError, match="newer version") as caught:
        await Journal.open(JournalSettings(url=url))
    assert caught.value.mend


@pytest.mark.postgres
async def test_a_postgres_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(JournalError) as caught:
        await Journal.open(JournalSettings(url=f"postgresql+asyncpg://x@/y?host={tmp_path}"), busy_seconds=2)
    assert caught.value.mend


@pytest.mark.postgres
async def test_a_postgres_database_that_is_missing(postgres_socket: str) -> None:
    url = f"postgresql+asyncpg://vignette@/nothing?host={postgres_socket}"
    with pytest.raises(JournalError, match="nothing"):
        await Journal.open(JournalSettings(url=url))


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://x/y", "sqlite:///x.db", "sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"],
)
async def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(JournalError) as caught:
        await Journal.open(JournalSettings(url=url))
    assert "sqlite+aiosqlite:///data/journal.db" in str(caught.value)


async def test_files_that_are_no_journal(tmp_path: Path) -> None:
    words = tmp_path / "words.db"
    words.write_bytes(b"These are words, and no database at all. " * 100)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.commit()
    connection.close()
    for path, why in ((words, "not a database"), (other, "recipes"), (tmp_path, "folder")):
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(JournalError, match=why):
            await Journal.open(JournalSettings(url=f"sqlite+aiosqlite:///{path}"))
        assert not path.is_file() or path.read_bytes()[100:] == before[100:]


async def test_a_file_held_by_another_program(tmp_path: Path) -> None:
    settings = JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/journal.db")
    async with await Journal.open(settings, busy_seconds=0.2) as journal:
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked"):
            async with journal.write():
                pass
        other.execute("ROLLBACK")
        other.close()
        await begin(journal)


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="folder"):
        await Journal.open(JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/file/journal.db"))


async def test_power_durability_is_set(tmp_path: Path) -> None:
    for durability, wanted in (("process", 1), ("power", 2)):
        settings = JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/j.db", durability=durability)
        async with await Journal.open(settings) as journal, journal.read() as tx:
            assert (await tx.exec_driver_sql("PRAGMA synchronous")).scalar_one() == wanted
            assert (await tx.exec_driver_sql("PRAGMA journal_mode")).scalar_one() == "wal"
