"""Money for remote models: a cap a day (UTC), kept in a small file that outlives restarts.

What a request may cost at most is reserved before it is sent and written down at once, so that neither
parallel requests nor a crash can overshoot the cap; what it did cost replaces the reservation afterwards.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.backends.store import read_json, write_json
from agent.errors import SpendCapReached

log = logging.getLogger(__name__)


class Bill:
    """One request's money: `most` was reserved; set `usd` to what it really cost."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.usd = 0.0


class Ledger:
    """Spending of one day in `path`. `cap` in US dollars, 0 for none (then nothing is written)."""

    def __init__(self, path: Path, cap: float, now: Callable[[], datetime] | None = None) -> None:
        self._path, self._cap = path, cap
        self._now = now or (lambda: datetime.now(UTC))
        self._turn = asyncio.Lock()

    async def spent(self) -> float:
        """US dollars today, reservations included."""
        return await asyncio.to_thread(self._read, self._today())

    @contextlib.asynccontextmanager
    async def reserve(self, most: float) -> AsyncIterator[Bill]:
        """Holds `most` dollars while the block runs; afterwards `bill.usd` stands in its place.

        Raises SpendCapReached where the day's cap leaves no room for it.
        """
        bill = Bill(most)
        if not self._cap or not most:
            yield bill
            return
        day = self._today()
        await self._add(day, most, check=True)
        try:
            yield bill
        finally:
            # Shielded: a cancelled request must still give back what it did not use.
            settling = asyncio.ensure_future(self._settle(day, bill))
            await asyncio.shield(settling)

    async def _settle(self, day: str, bill: Bill) -> None:
        try:
            await self._add(day, bill.usd - bill.most, check=False)
        except (OSError, SpendCapReached) as error:
            log.error("the day's spending could not be corrected: %s", error)

    async def _add(self, day: str, usd: float, *, check: bool) -> None:
        async with self._turn:
            work = asyncio.ensure_future(asyncio.to_thread(self._write, day, usd, check))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                # The thread cannot be stopped: wait for it, then take back what nobody will settle.
                with contextlib.suppress(SpendCapReached, OSError):
                    await work
                    if check:
                        await asyncio.to_thread(self._write, day, -usd, False)
                raise

    def _write(self, day: str, usd: float, check: bool) -> None:
        with _alone(self._path):
            spent = self._read(day)
            if check and spent + usd > self._cap:
                raise SpendCapReached(
                    f"today's {self._cap:.2f} USD for remote models are used up ({spent:.4f} spent or reserved,"
                    f" this reply may cost {usd:.4f})",
                    mend=f"wait until {self._resets()} or raise agent.openai.spend_cap_usd",
                )
            if not check and self._today() != day:
                return  # a reservation of yesterday: its day is closed
            write_json(self._path, {"day": day, "usd": round(max(0.0, spent + usd), 9)})

    def _read(self, day: str) -> float:
        """Raises SpendCapReached where the file cannot be trusted: better no reply than an unknown bill."""
        try:
            found = read_json(self._path)
            usd = float(found["usd"]) if found and found.get("day") == day else 0.0
            if not math.isfinite(usd) or usd < 0:
                raise ValueError(f"{usd} is no sum of money")
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise SpendCapReached(
                f"today's spending is unknown: {error}",
                where=str(self._path),
                mend="mend or delete that file",
            ) from error
        return usd

    def _today(self) -> str:
        return self._now().date().isoformat()

    def _resets(self) -> str:
        tomorrow = (self._now() + timedelta(days=1)).date()
        return f"{tomorrow.isoformat()} 00:00 UTC"


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keeps other processes on the same folder out while the file is read and replaced."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock: there only one process may spend
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
