"""What came in, before anything is done about it: keyed by the platform's own message id, so that a repeat is
recognised and a crash forgets nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.ids import new_id
from journal.schema import events
from journal.sql import insert_new

Settled = Literal["done", "refused", "failed"]
NEW = "new"


@dataclass(frozen=True)
class StoredEvent:
    """`payload` is the event as JSON; `state` is `new` until settled as `done`, `refused` or `failed`."""

    platform: str
    message_id: str
    channel_id: str
    payload: dict[str, Any]
    state: str
    received_at: datetime


_COLUMNS = [events.c[n] for n in ("platform", "message_id", "channel_id", "payload", "state", "received_at")]
_SETTLE = update(events).where(
    events.c.platform == bindparam("of_platform"), events.c.message_id == bindparam("of_message")
)


async def store(tx: AsyncConnection, event: StoredEvent, *, person_id: str = "") -> bool:
    """Keeps an event; False where it is already known (then nothing changes). `person_id` says whose words
    they are, so that they can be forgotten; without it, it is read from payload["author"]."""
    return await insert_new(
        tx,
        events,
        platform=event.platform,
        message_id=event.message_id,
        id=new_id(),
        channel_id=event.channel_id,
        person_id=person_id or _author(event),
        payload=event.payload,
        state=event.state or NEW,
        received_at=event.received_at,
    )


async def settle(
    tx: AsyncConnection, platform: str, message_id: str, state: Settled, reason: str = ""
) -> None:
    """Marks an event as dealt with."""
    which = {"of_platform": platform, "of_message": message_id}
    await tx.execute(_SETTLE, {**which, "state": state, "reason": reason})


async def unsettled(tx: AsyncConnection, platform: str) -> list[StoredEvent]:
    """Events taken but not yet dealt with, oldest first."""
    pending = events.c.state.not_in(("done", "refused", "failed"))
    rows = await tx.execute(
        select(*_COLUMNS).where(events.c.platform == platform, pending).order_by(events.c.id)
    )
    return [StoredEvent(**row._mapping) for row in rows]


def _author(event: StoredEvent) -> str:
    """The journal's person id (`platform:native-id`) of an event written down field by field."""
    author = event.payload.get("author")
    if isinstance(author, dict) and author.get("id"):
        return f"{author.get('platform') or event.platform}:{author['id']}"
    return ""
