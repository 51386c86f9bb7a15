"""Channels, threads and direct messages, and which characters are in them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.ids import new_id
from journal.schema import channels, dialogues
from journal.schema import members as _members
from journal.sql import insert_new, upsert
from journal.types import now


@dataclass(frozen=True)
class Channel:
    """A place where people talk. `id` is `platform:native_id`; `parent` and `server` are native ids, empty if
    there is none; `last_message_id` the newest message that is known to be stored."""

    id: str
    platform: str
    native_id: str
    name: str = ""
    parent: str = ""
    server: str = ""
    private: bool = False
    adult: bool = False
    last_message_id: str = ""


@dataclass(frozen=True)
class Member:
    """A character in a channel. `talk` is its talk policy, `added_by` a person's id."""

    character_id: str
    talk: str
    added_by: str
    added_at: datetime


_FIELDS = ("id", "platform", "native_id", "name", "parent", "server", "private", "adult", "last_message_id")
_COLUMNS = [channels.c[name] for name in _FIELDS]
_SAW = update(channels).where(channels.c.id == bindparam("channel"))
_HERE = (
    select(*(_members.c[name] for name in ("character_id", "talk", "added_by", "added_at")))
    .where(_members.c.channel_id == bindparam("channel"))
    .order_by(_members.c.id)
)


async def touch(tx: AsyncConnection, channel: Channel) -> None:
    """Makes the channel known, or brings its names and marks up to date. What `saw` noted is kept."""
    values = {name: getattr(channel, name) for name in _FIELDS}
    if not channel.last_message_id:
        del values["last_message_id"]
    await upsert(tx, channels, ("id",), **values)


async def get(tx: AsyncConnection, id: str) -> Channel | None:
    row = (await tx.execute(select(*_COLUMNS).where(channels.c.id == id))).first()
    return Channel(**row._mapping) if row else None


async def saw(tx: AsyncConnection, channel_id: str, message_id: str) -> None:
    """Notes the newest message of the channel that is stored: a backfill begins after it."""
    await tx.execute(_SAW, {"channel": channel_id, "last_message_id": message_id})


async def listened_to(tx: AsyncConnection, platform: str, *, since: datetime) -> list[Channel]:
    """The platform's channels in which something may have been missed: those with at least one character in
    them, and private ones in which something was said after `since`."""
    recent = select(dialogues.c.channel_id).where(dialogues.c.last_at > since)
    active = channels.c.id.in_(select(_members.c.channel_id))
    lately = and_(channels.c.private == True, channels.c.id.in_(recent))  # noqa: E712 - SQL
    rows = await tx.execute(
        select(*_COLUMNS).where(channels.c.platform == platform, or_(active, lately)).order_by(channels.c.id)
    )
    return [Channel(**row._mapping) for row in rows]


async def members(tx: AsyncConnection, channel_id: str) -> list[Member]:
    """The channel's characters in the order they were added."""
    return [Member(*row) for row in await tx.execute(_HERE, {"channel": channel_id})]


async def add_member(
    tx: AsyncConnection, channel_id: str, character_id: str, *, talk: str = "mentioned", added_by: str = ""
) -> bool:
    """Adds a character to a channel that is known; False where it is there already."""
    values = {"channel_id": channel_id, "character_id": character_id, "talk": talk, "added_by": added_by}
    return await insert_new(tx, _members, id=new_id(), added_at=now(), **values)


async def remove_member(tx: AsyncConnection, channel_id: str, character_id: str) -> bool:
    """Takes a character out; False where it was not there."""
    found = await tx.execute(delete(_members).where(*_member(channel_id, character_id)))
    return bool(found.rowcount)


async def set_talk(tx: AsyncConnection, channel_id: str, character_id: str, talk: str) -> bool:
    """Changes a character's talk policy; False where it is not in the channel."""
    found = await tx.execute(update(_members).where(*_member(channel_id, character_id)).values(talk=talk))
    return bool(found.rowcount)


def _member(channel_id: str, character_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _members.c.channel_id == channel_id, _members.c.character_id == character_id
