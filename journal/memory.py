"""A few strings that platforms keep across restarts: webhooks, and which commands are registered."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.schema import memory
from journal.sql import upsert


async def get(tx: AsyncConnection, key: str) -> str:
    """What was put under the key last, or an empty string."""
    return str(
        (await tx.execute(select(memory.c.value).where(memory.c.key == key))).scalar_one_or_none() or ""
    )


async def put(tx: AsyncConnection, key: str, value: str) -> None:
    await upsert(tx, memory, ("key",), key=key, value=value)
