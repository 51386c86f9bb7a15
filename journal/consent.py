"""Who agreed that their words train a model, and forgetting people altogether.

What forgetting takes away: the person's turns, name, stored messages, feedback and consent, the pictures only
they brought, and every dialogue in which they were the only human (its answers were given to them alone).
Answers that characters gave them in company stay, since others took part in that conversation; the tombstone
lists them, so that no data set uses them. A tombstone holds a salted hash of the person's id, never the id.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, delete, or_, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from journal.ids import new_id
from journal.schema import (
    dialogues,
    duets,
    events,
    feedback,
    members,
    people,
    pictures,
    turn_messages,
    turn_pictures,
    turns,
)
from journal.schema import tombstones as _stones
from journal.sql import insert_new

_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Forgotten:
    """How many `turns` and stored `events` are gone, and the hashes of the `pictures` whose files are to be
    unlinked (pictures.unlink) once the transaction is kept."""

    turns: int
    events: int
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Tombstone:
    """That somebody was forgotten at `at`: which `turns` went, which `answers` to them stayed, which
    `pictures` (hashes) went. Whose it is can only be told by trying an id (`is_of`)."""

    id: str
    salt: str
    person_hash: str
    turns: tuple[str, ...]
    answers: tuple[str, ...]
    pictures: tuple[str, ...]
    at: datetime

    def is_of(self, person_id: str) -> bool:
        return secrets.compare_digest(_hash(self.salt, person_id), self.person_hash)


async def consented(tx: AsyncConnection, person_id: str) -> bool:
    """True only where the person said that their words may train a model."""
    query = select(people.c.consented).where(people.c.id == person_id)
    return bool((await tx.execute(query)).scalar_one_or_none())


async def set_consent(tx: AsyncConnection, person_id: str, value: bool, *, at: datetime) -> None:
    """Keeps what the person said; they need not be known yet."""
    platform, _, native = person_id.partition(":")
    await insert_new(tx, people, id=person_id, platform=platform, native_id=native, seen_at=at)
    row = update(people).where(people.c.id == person_id)
    await tx.execute(row.values(consented=value, consent_at=at))


async def forget(tx: AsyncConnection, person_id: str, *, at: datetime) -> Forgotten:
    """Forgets a person as this module's head says, and puts up a tombstone."""
    # Platforms stamp messages with clocks of their own: whatever is here now is forgotten.
    turned, answers, count, brought = await _erase(tx, person_id, _EVER)
    salt = secrets.token_hex(16)
    await tx.execute(
        _stones.insert().values(
            id=new_id(),
            salt=salt,
            person_hash=_hash(salt, person_id),
            turns=turned,
            answers=answers,
            pictures=brought,
            at=at,
        )
    )
    return Forgotten(len(turned), count, tuple(brought))


async def tombstones(tx: AsyncConnection) -> list[Tombstone]:
    """All tombstones, oldest first."""
    return [_tombstone(row._mapping) for row in await tx.execute(select(_stones).order_by(_stones.c.id))]


async def keep_tombstone(tx: AsyncConnection, stone: Tombstone) -> bool:
    """Puts up a tombstone from elsewhere (another database, a file beside a backup); False if it stands."""
    lists = {name: list(getattr(stone, name)) for name in ("turns", "answers", "pictures")}
    return await insert_new(tx, _stones, **(vars(stone) | lists))


async def apply_tombstones(tx: AsyncConnection) -> int:
    """Forgets again whoever a tombstone names and a restored backup brought back; what they said after their
    tombstone stays. Returns how many turns went. Pictures that nobody brought any more are left to pruning."""
    stones = await tombstones(tx)
    if not stones:
        return 0
    known = union(
        select(people.c.id),
        select(events.c.person_id),
        select(feedback.c.person_id),
        select(turns.c.speaker_id).where(turns.c.speaker_kind == SpeakerKind.HUMAN.value),
    )
    ids = [str(row[0]) for row in await tx.execute(known)]
    gone = 0
    for stone in stones:
        for person_id in filter(stone.is_of, ids):
            turned, _, _, _ = await _erase(tx, person_id, stone.at)
            gone += len(turned)
        gone += await _drop(tx, turns, "id", stone.turns)
    return gone


async def _erase(
    tx: AsyncConnection, person_id: str, at: datetime
) -> tuple[list[str], list[str], int, list[str]]:
    """Deletes; returns ids of turns gone, ids of answers that stay, the number of events gone, and hashes."""
    mine = (
        turns.c.speaker_id == person_id,
        turns.c.speaker_kind == SpeakerKind.HUMAN.value,
        turns.c.created_at <= at,
    )
    alone = await _ids(tx, _dialogues_alone(person_id, at))
    going = or_(turns.c.dialogue_id.in_(alone), turns.c.id.in_(select(turns.c.id).where(*mine)))
    gone = await _ids(tx, select(turns.c.id).where(going).order_by(turns.c.id))
    answers = await _ids(
        tx,
        select(turns.c.id).where(
            turns.c.reply_to.in_(select(turns.c.id).where(*mine)), turns.c.dialogue_id.not_in(alone)
        ),
    )
    brought = await _ids(
        tx,
        select(turn_pictures.c.sha256)
        .where(turn_pictures.c.turn_id.in_(select(turns.c.id).where(going)))
        .where(turn_pictures.c.sha256.not_in(_kept_pictures(going)))
        .distinct(),
    )
    messages = select(turn_messages.c.platform, turn_messages.c.message_id)
    spoken = messages.where(turn_messages.c.turn_id.in_(select(turns.c.id).where(*mine)))
    theirs = or_(events.c.person_id == person_id, tuple_(events.c.platform, events.c.message_id).in_(spoken))
    dropped = await tx.execute(delete(events).where(theirs, events.c.received_at <= at))
    await tx.execute(delete(turns).where(going))
    await tx.execute(delete(dialogues).where(dialogues.c.id.in_(alone)))
    await _drop(tx, pictures, "sha256", brought)
    await _unname(tx, person_id, at)
    return gone, answers, int(dropped.rowcount), brought


def _dialogues_alone(person_id: str, at: datetime) -> Select[Any]:
    """Dialogues begun by then in which nobody else spoke, or started a duet."""
    human = turns.c.speaker_kind == SpeakerKind.HUMAN.value
    spoke = select(turns.c.dialogue_id).where(human, turns.c.speaker_id == person_id)
    started = select(duets.c.dialogue_id).where(duets.c.started_by == person_id)
    others = select(turns.c.dialogue_id).where(human, turns.c.speaker_id != person_id)
    starters = select(duets.c.dialogue_id).where(duets.c.started_by.not_in((person_id, "")))
    later = select(turns.c.dialogue_id).where(human, turns.c.created_at > at)
    return (
        select(dialogues.c.id)
        .where(or_(dialogues.c.id.in_(spoke), dialogues.c.id.in_(started)))
        .where(dialogues.c.id.not_in(others), dialogues.c.id.not_in(starters), dialogues.c.id.not_in(later))
        .where(dialogues.c.started_at <= at)
    )


def _kept_pictures(going: Any) -> Select[Any]:
    """Hashes that a turn which stays shows too."""
    return select(turn_pictures.c.sha256).where(
        turn_pictures.c.turn_id.not_in(select(turns.c.id).where(going))
    )


async def _unname(tx: AsyncConnection, person_id: str, at: datetime) -> None:
    """Takes the person's name from where their turns are not."""
    await tx.execute(delete(feedback).where(feedback.c.person_id == person_id, feedback.c.at <= at))
    await tx.execute(update(members).where(members.c.added_by == person_id).values(added_by=""))
    await tx.execute(
        update(duets).where(duets.c.started_by == person_id, duets.c.started_at <= at).values(started_by="")
    )
    still = select(turns.c.id).where(turns.c.speaker_id == person_id).limit(1)
    if (await tx.execute(still)).first() is None:
        await tx.execute(delete(people).where(people.c.id == person_id, people.c.seen_at <= at))


async def _ids(tx: AsyncConnection, query: Any) -> list[str]:
    return [str(row[0]) for row in await tx.execute(query)]


async def _drop(tx: AsyncConnection, table: Any, key: str, ids: Any) -> int:
    """Deletes rows by key, a few hundred at a time (databases bound the parameters of a statement)."""
    ids, gone = list(ids), 0
    for start in range(0, len(ids), 500):
        found = await tx.execute(delete(table).where(table.c[key].in_(ids[start : start + 500])))
        gone += found.rowcount
    return gone


def _tombstone(row: Any) -> Tombstone:
    lists = {name: tuple(row[name]) for name in ("turns", "answers", "pictures")}
    return Tombstone(**{**row, **lists})


def _hash(salt: str, person_id: str) -> str:
    return hashlib.sha256(f"{salt}:{person_id}".encode()).hexdigest()
