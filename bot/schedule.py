"""What happens by the clock. Triggers only: the work is a call into the room that does it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.house import House, now
from journal import pictures, retention

log = logging.getLogger(__name__)


def schedule(house: House) -> Callable[[], None]:
    """Starts the clock (inside a running event loop); returns what stops it."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    clock = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600})
    for name, hour, work in jobs(house):
        clock.add_job(_logged, "cron", hour=hour, args=[name, work], id=name)
    clock.start()
    return lambda: clock.shutdown(wait=False)


def jobs(house: House) -> list[tuple[str, int, Callable[[], Awaitable[None]]]]:
    """(name, hour of the day, work)."""
    return [("retention", 4, lambda: prune(house))]


async def prune(house: House) -> None:
    """Deletes dialogues older than [journal] retention_days, and pictures nobody shows any more."""
    async with house.journal.write(long=True) as tx:
        gone = await retention.prune(tx, now=now(), days=house.journal.settings.retention_days)
    await asyncio.to_thread(pictures.unlink, house.pictures, gone.pictures)
    log.info("retention: %d dialogues, %d pictures", gone.dialogues, len(gone.pictures))


async def _logged(name: str, work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception:
        log.exception("%s failed", name)
