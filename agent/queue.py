"""Admission to a model: who is served next, how many at once, and when to say no. The same for all."""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Sequence

from agent.backends.base import Abilities, Backend, Done, Message, Piece, Priority, Request
from agent.errors import Busy

AGEING = 15.0  # seconds of waiting that make up for one step of priority: nobody starves


class _Served:
    """A backend and how many streams of it are open."""

    def __init__(self, backend: Backend) -> None:
        self.backend, self.streams = backend, 0
        self.free = asyncio.Event()
        self.free.set()

    def __enter__(self) -> Backend:
        self.streams += 1
        self.free.clear()
        return self.backend

    def __exit__(self, *_: object) -> None:
        self.streams -= 1
        if not self.streams:
            self.free.set()


class Queue:
    """A Backend around a Backend: at most `parallel` replies at once, at most `waiting` in line behind them.

    The line is ordered by time of arrival plus AGEING for each step of priority: a person goes before a duet,
    a duet before background work, first come first served among equals, and whoever has waited long enough
    goes before newcomers of any rank. Raises Busy at once when the line is full. Leaving the line, by closing
    the stream or cancelling its reader, leaves no trace.
    """

    def __init__(self, backend: Backend, *, waiting: int, parallel: int) -> None:
        if waiting < 1 or parallel < 1:
            raise ValueError("waiting and parallel are at least 1")
        self._served, self._limit, self._parallel = _Served(backend), waiting, parallel
        self._line: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._running = 0
        self._usual = 0.0  # seconds a reply takes, a moving average

    @property
    def depth(self) -> int:
        """How many wait."""
        return sum(not turn.done() for _, _, turn in self._line)

    @property
    def running(self) -> int:
        """How many are being served."""
        return self._running

    @property
    def backend(self) -> Backend:
        """What it wraps."""
        return self._served.backend

    @property
    def model(self) -> str:
        return self._served.backend.model

    async def start(self) -> None:
        await self._served.backend.start()

    async def close(self) -> None:
        """What waits is let through, and fails there as the closed backend fails."""
        await self._served.backend.close()

    async def change(self, backend: Backend) -> None:
        """Replies begun from now on come from `backend`, which is started; those under way are finished by the
        former, which is then closed. Who waits in line keeps the place."""
        former, self._served = self._served, _Served(backend)
        try:
            await former.free.wait()
        finally:
            await former.backend.close()

    async def abilities(self) -> Abilities:
        return await self._served.backend.abilities()

    async def count(self, messages: Sequence[Message]) -> int:
        """Not queued: counting is cheap, and needed before a request can be made."""
        return await self._served.backend.count(messages)

    async def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        await self._enter(request.priority)
        began = time.monotonic()
        try:
            with self._served as backend:
                stream = backend.generate(request)
                try:
                    async for item in stream:
                        yield item
                finally:
                    close = getattr(stream, "aclose", None)  # an iterator need not be a generator
                    if close is not None:
                        await close()
        finally:
            self._leave(time.monotonic() - began)

    async def _enter(self, priority: Priority) -> None:
        if self._running < self._parallel and not self.depth:
            self._running += 1
            return
        if self.depth >= self._limit:
            wait = self._usual * (self.depth + self._running) / self._parallel
            raise Busy(
                f"{self.depth} replies are waiting for the model already",
                retry_after=wait,
                mend="try again in a moment, or raise `waiting` under [agent]",
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        rank = time.monotonic() + AGEING * int(priority)
        heapq.heappush(self._line, (rank, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # called up in the very moment of giving up
                self._running -= 1
                self._call_up()
            else:
                turn.cancel()
                self._line = [place for place in self._line if place[2] is not turn]
                heapq.heapify(self._line)
            raise

    def _leave(self, seconds: float) -> None:
        self._running -= 1
        self._usual = seconds if not self._usual else 0.8 * self._usual + 0.2 * seconds
        self._call_up()

    def _call_up(self) -> None:
        while self._running < self._parallel and self._line:
            turn = heapq.heappop(self._line)[2]
            if not turn.done():
                self._running += 1
                turn.set_result(None)
