"""Brief transactions on SQLite: beside long ones, other programs, and blocks that wait after all."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.errors import JournalError
from journal import memory
from journal.journal import CHECKPOINT, Journal
from journal.settings import JournalSettings


async def bump(journal: Journal, *, long: bool) -> None:
    async with journal.write(long=long) as tx:
        value = int(await memory.get(tx, "n") or "0")
        await asyncio.sleep(0)
        await memory.put(tx, "n", str(value + 1))


async def count(journal: Journal) -> str:
    async with journal.read() as tx:
        return await memory.get(tx, "n")


async def test_brief_and_long_writers_take_turns(journal: Journal) -> None:
    await asyncio.gather(*(bump(journal, long=bool(n % 3)) for n in range(60)))
    assert await count(journal) == "60"


async def write(journal: Journal) -> None:
    async with journal.write() as tx:
        await memory.put(tx, "n", "1")


@pytest.mark.parametrize("ask", [count, write])
async def test_a_loop_of_brief_transactions_lets_others_run(
    journal: Journal, ask: Callable[[Journal], Awaitable[object]]
) -> None:
    loop, begun, fired = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.call_soon(begun.set)
    await ask(journal)
    assert begun.is_set(), "what stood in the queue came first"
    loop.call_later(0.001, fired.set)
    for _ in range(5_000):
        await ask(journal)
        if fired.is_set():
            return
    pytest.fail("a timer never fired beside them")


async def test_a_brief_writer_waits_for_another_program_and_holds_up_nothing(tmp_path: Path) -> None:
    settings = JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/journal.db")
    async with await Journal.open(settings, busy_seconds=60) as journal:
        await bump(journal, long=False)
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(bump(journal, long=False))
        # The other program lets go only below: had the writer held the loop meanwhile, it would have given up.
        for _ in range(100):
            await asyncio.sleep(0.001)
        assert await count(journal) == "1", "readers do not wait"
        assert not waiting.done()
        other.execute("ROLLBACK")
        other.close()
        await asyncio.wait_for(waiting, 60)
        assert await count(journal) == "2"


async def test_cancelled_while_it_waits_for_another_program(tmp_path: Path) -> None:
    settings = JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/journal.db")
    async with await Journal.open(settings) as journal:
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(bump(journal, long=False))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.execute("ROLLBACK")
        other.close()
        await bump(journal, long=False)
        assert await count(journal) == "1"


async def test_a_block_that_waits_and_is_cancelled_leaves_nothing(journal: Journal) -> None:
    async def stuck() -> None:
        async with journal.write() as tx:
            await memory.put(tx, "n", "99")
            await asyncio.sleep(60)

    task = asyncio.create_task(stuck())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(journal) == ""
    await bump(journal, long=False)
    assert await count(journal) == "1"


@pytest.mark.parametrize("durability", ["process", "power"])
async def test_a_brief_reader_cannot_write(tmp_path: Path, durability: str) -> None:
    settings = JournalSettings.model_validate(
        {"url": f"sqlite+aiosqlite:///{tmp_path}/journal.db", "durability": durability}
    )
    async with await Journal.open(settings) as journal:
        await bump(journal, long=False)
        for _ in range(2):
            with pytest.raises(JournalError, match="readonly"):
                async with journal.read() as tx:
                    await memory.put(tx, "n", "7")
        assert await count(journal) == "1"


async def test_the_log_is_moved_into_the_database(tmp_path: Path) -> None:
    settings = JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/journal.db")
    log = tmp_path / "journal.db-wal"
    async with await Journal.open(settings) as journal:
        sizes = []
        for number in range(6 * CHECKPOINT):
            async with journal.write() as tx:
                await memory.put(tx, "n", str(number) * 2000)
            if number % CHECKPOINT == CHECKPOINT - 1:
                assert journal._checkpoint
                await asyncio.wait([journal._checkpoint])
                sizes.append(log.stat().st_size)
    assert sizes[-1] <= sizes[0] * 1.5, "it begins anew"
