"""All waits, measured: the table that `bench waits` prints."""

import asyncio
import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from statistics import median

from agent.engine.cpu import this_cpu
from agent.errors import VignetteError
from bench.waits import hostile, program, servers, words, worker
from bench.waits.wait import Wait

WAITS: tuple[Wait, ...] = (*program.WAITS, *words.WAITS, *worker.WAITS, *servers.WAITS, *hostile.WAITS)


@dataclass(frozen=True)
class Row:
    """`samples` in seconds, in their order; fewer than were wanted where `trouble` says why."""

    name: str
    what: str
    goal: str
    samples: tuple[float, ...]
    trouble: str = ""

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def worst(self) -> float:
        return max(self.samples)


@dataclass(frozen=True)
class Report:
    """`loads` are the one-minute load averages before and after."""

    cpu: str
    flags: str
    cores: int
    loads: tuple[float, float]
    repeats: int
    rows: tuple[Row, ...]


def chosen(only: Sequence[str]) -> tuple[Wait, ...]:
    """Those named, in the table's order; all where none is. Raises ValueError for a name that is none."""
    names = [wait.name for wait in WAITS]
    for name in only:
        if name not in names:
            raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return tuple(wait for wait in WAITS if not only or wait.name in only)


def measure(waits: Sequence[Wait], repeats: int, *, begins: Callable[[str], object]) -> Report:
    """Blocking: some minutes for all. `begins` hears each name when its turn comes. What cannot be measured
    here (a model that does not run, a package that is missing) is told in its row."""
    before, rows = os.getloadavg()[0], []
    for wait in waits:
        begins(wait.name)
        with _quiet():
            rows.append(asyncio.run(_row(wait, repeats)))
    cpu = this_cpu()
    loads = (before, os.getloadavg()[0])
    return Report(cpu.name, cpu.notable, os.cpu_count() or 1, loads, repeats, tuple(rows))


async def _row(wait: Wait, repeats: int) -> Row:
    found: list[float] = []
    trouble = ""
    try:
        async with aclosing(wait.samples(repeats)) as samples:
            async for seconds in samples:
                found.append(seconds)
    except (VignetteError, OSError, RuntimeError, ImportError, subprocess.SubprocessError) as error:
        trouble = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Row(wait.name, wait.what, wait.goal, tuple(found), trouble)


@contextmanager
def _quiet() -> Iterator[None]:
    """What is broken on purpose complains; its complaints do not belong in a table."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
