"""What is deleted in the course of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.schema import dialogues, events, pictures, turn_pictures, turns

UNUSED = timedelta(days=1)  # a picture may lie so long before a turn shows it


@dataclass(frozen=True)
class Pruned:
    """How many are gone, and the hashes of pictures whose files are to be unlinked (pictures.unlink) once
    the transaction is kept."""

    dialogues: int
    turns: int
    events: int
    pictures: tuple[str, ...]


async def prune(tx: AsyncConnection, *, now: datetime, days: int) -> Pruned:
    """Deletes dialogues that ended more than `days` ago with all their turns, stored events that were settled
    and came in before that, and pictures that no turn shows any more. With 0 days only such pictures go."""
    ended = turned = settled = 0
    if days > 0:
        limit = now - timedelta(days=days)
        old = select(dialogues.c.id).where(dialogues.c.ended_at < limit)
        count = select(func.count()).select_from(turns).where(turns.c.dialogue_id.in_(old))
        turned = int((await tx.execute(count)).scalar_one())
        ended = (await tx.execute(delete(dialogues).where(dialogues.c.ended_at < limit))).rowcount
        done = events.c.state.in_(("done", "refused", "failed"))
        settled = (await tx.execute(delete(events).where(done, events.c.received_at < limit))).rowcount
    shown = select(turn_pictures.c.sha256).where(turn_pictures.c.sha256 == pictures.c.sha256)
    unused = select(pictures.c.sha256).where(~shown.exists(), pictures.c.added_at < now - UNUSED)
    orphans = [str(row.sha256) for row in await tx.execute(unused.order_by(pictures.c.sha256))]
    for start in range(0, len(orphans), 500):
        some = pictures.c.sha256.in_(orphans[start : start + 500])
        await tx.execute(delete(pictures).where(some))
    return Pruned(ended, turned, settled, tuple(orphans))
