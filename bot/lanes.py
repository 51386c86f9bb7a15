"""One lane a channel: its jobs run in order, lanes run side by side, and a full lane says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.errors import Busy

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]


class Lanes:
    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._queues: dict[str, asyncio.Queue[Job]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    def put(self, key: str, job: Job, *, urgent: bool = False) -> None:
        """Adds a job. Raises Busy when as many wait as may; `urgent` ones (what a restart must finish, edits,
        deletions) are always taken."""
        queue = self._queues.setdefault(key, asyncio.Queue())
        if not urgent and queue.qsize() >= self._longest:
            raise Busy(
                f"{self._longest} messages are waiting here already",
                mend="wait for the answers, or /stop them",
            )
        queue.put_nowait(job)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(key, queue), name=f"lane {key}")

    def turn(self, key: str) -> asyncio.Lock:
        """Held while somebody in the channel speaks: the lane's own jobs and a duet take it in turns."""
        return self._turns.setdefault(key, asyncio.Lock())

    async def _run(self, key: str, queue: "asyncio.Queue[Job]") -> None:
        while not queue.empty():
            job = queue.get_nowait()
            try:
                await job()
            except Exception:
                log.exception("a job in %s failed", key)
        # No await between the last look and this: nothing can be added in between and be left lying.
        del self._tasks[key]
        del self._queues[key]
        lock = self._turns.get(key)
        if lock and not lock.locked():
            del self._turns[key]

    async def idle(self) -> None:
        """Waits until every lane is empty."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Stops at once; what is unfinished stays in the journal and is taken up at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._queues.clear()
