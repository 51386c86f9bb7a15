"""Turns: heard from people, planned, written and delivered by characters.

A turn's place in its dialogue is given when it is heard or planned, so an answer stands where it was asked
for. Every function that changes something needs a writing transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.character import Character
from agent.dialogue import SpeakerKind
from agent.errors import JournalError
from journal import characters, dialogues, people
from journal.changes import delete, edit, former_texts
from journal.ids import new_id
from journal.people import Person
from journal.schema import events, turn_messages, turn_pictures, turns
from journal.schema import witnesses as _witnesses
from journal.sql import insert_new
from journal.turn_rows import Made, Question, TurnRow
from journal.types import now, storable

__all__ = ["Made", "Settled", "TurnRow", "delete", "edit", "former_texts"]

Settled = Literal["delivered", "handed-back", "failed", "stopped", "withheld"]
OPEN = ("planned", "written")
_PLAIN = [column.name for column in turns.columns if column.name not in ("position", "made")]
UNSAID = ("stopped", "handed-back", "failed")  # nothing of it stands; it may be asked for again
SPOKEN = ("heard", "written", "delivered")  # what others in the dialogue have taken in

_LAST_PLACE = select(func.coalesce(func.max(turns.c.position), 0) + 1)
_INSERT = turns.insert().values(
    position=_LAST_PLACE.where(turns.c.dialogue_id == bindparam("among")).scalar_subquery()
)
_INSERT_PICTURES, _INSERT_WITNESSES = turn_pictures.insert(), _witnesses.insert()
_UPDATE = update(turns).where(turns.c.id == bindparam("which"))
_OWNER = select(turn_messages.c.turn_id).where(
    turn_messages.c.platform == bindparam("platform"), turn_messages.c.message_id == bindparam("message")
)
_ONE = Question(turns.c.id == bindparam("id"))
_DIALOGUES = Question(turns.c.dialogue_id == bindparam("dialogue"))
_WITNESSED = Question(
    turns.c.dialogue_id == bindparam("dialogue"),
    # By its key for each turn of the dialogue: asked the other way round, all that was ever witnessed is read.
    select(_witnesses.c.turn_id)
    .where(_witnesses.c.turn_id == turns.c.id, _witnesses.c.character_id == bindparam("who"))
    .correlate(turns)
    .exists(),
)
_MEANT = (
    turns.c.channel_id == bindparam("channel"),
    turns.c.speaker_kind == SpeakerKind.CHARACTER.value,
    turns.c.deleted_at.is_(None),
)
_STANDING = (*_MEANT, turns.c.state.in_(SPOKEN))
_LAST = Question(*_STANDING, order=(turns.c.id.desc(),), limit=1)
_LAST_OF = Question(*_STANDING, turns.c.speaker_id == bindparam("who"), order=(turns.c.id.desc(),), limit=1)
_LAST_ASKED = Question(*_MEANT, turns.c.state.in_((*SPOKEN, *UNSAID)), order=(turns.c.id.desc(),), limit=1)
_LAST_ID = (
    select(turns.c.id)
    .where(*_STANDING, turns.c.speaker_id == bindparam("who"))
    .order_by(turns.c.id.desc())
    .limit(1)
)


async def hear(
    tx: AsyncConnection,
    *,
    dialogue_id: str,
    channel_id: str,
    person: Person,
    text: str,
    pictures: Sequence[str],
    message_id: str,
    platform: str,
    witnesses: Iterable[str],
    at: datetime,
) -> TurnRow:
    """A person's turn. `pictures` are hashes that pictures.add knows, `witnesses` ids of the characters that
    hear it. A message heard before gives the turn it has already."""
    known = await by_message(tx, platform, message_id)
    if known is not None:
        return known
    await people.touch(tx, person)
    turn = TurnRow(
        id=new_id(),
        dialogue_id=dialogue_id,
        channel_id=channel_id,
        speaker_id=person.id,
        speaker_name=storable(person.name),
        speaker_kind=SpeakerKind.HUMAN,
        text=storable(text),
        state="heard",
        created_at=at,
        finished_at=at,
        pictures=tuple(pictures),
        message_ids=(message_id,),
    )
    await _add(tx, turn, witnesses)
    await posted(tx, turn.id, platform, message_id)
    await dialogues.spoke(tx, dialogue_id, at)
    return turn


async def plan(
    tx: AsyncConnection,
    *,
    dialogue_id: str,
    channel_id: str,
    character: Character,
    rule: str,
    reply_to: str,
    witnesses: Iterable[str],
    alternative_of: str = "",
) -> TurnRow:
    """A character's turn before a word of it is made. The character witnesses it in any case."""
    if alternative_of:
        alternative_of = (await _must(tx, alternative_of)).root
    await characters.record(tx, character)
    turn = TurnRow(
        id=new_id(),
        dialogue_id=dialogue_id,
        channel_id=channel_id,
        speaker_id=character.id,
        speaker_name=storable(character.spoken_name),
        speaker_kind=SpeakerKind.CHARACTER,
        text="",
        state="planned",
        created_at=now(),
        rule=rule,
        reply_to=reply_to,
        alternative_of=alternative_of,
        character_version=character.version,
    )
    await _add(tx, turn, {character.id, *witnesses})
    return turn


async def begin_attempt(tx: AsyncConnection, id: str) -> int:
    """Counts one more try at the turn and says the how-manieth it is (1 for the first)."""
    await tx.execute(_UPDATE.values(attempts=turns.c.attempts + 1), {"which": id})
    return (await _must(tx, id)).attempts


async def write(tx: AsyncConnection, id: str, text: str, made: Made) -> None:
    """The turn's words are complete; they are yet to be delivered."""
    at = now()
    await _change(tx, id, text=text, made=made.as_json(), state="written", finished_at=at, chosen_at=at)
    await dialogues.spoke_in_turn(tx, id, at)


async def posted(tx: AsyncConnection, id: str, platform: str, message_id: str) -> None:
    """A platform's message belongs to this turn. Saying so again changes nothing."""
    await insert_new(tx, turn_messages, platform=platform, message_id=message_id, turn_id=id, id=new_id())


async def delivered(tx: AsyncConnection, id: str) -> None:
    """People can read all of the turn."""
    await _change(tx, id, state="delivered", delivered_at=now(), error="")


async def settle(tx: AsyncConnection, id: str, state: Settled, error: str = "") -> None:
    """Ends a character's turn in another way, or as `delivered`."""
    if state == "delivered":
        await delivered(tx, id)
    else:
        await _change(tx, id, state=state, error=error)


async def get(tx: AsyncConnection, id: str) -> TurnRow | None:
    found = await _ONE.ask(tx, id=id)
    return found[0] if found else None


async def by_message(tx: AsyncConnection, platform: str, message_id: str) -> TurnRow | None:
    """The turn that a platform's message is, or is part of."""
    id = (await tx.execute(_OWNER, {"platform": platform, "message": message_id})).scalar_one_or_none()
    return None if id is None else await get(tx, id)


async def message_channel(tx: AsyncConnection, platform: str, message_id: str) -> str | None:
    """The journal's id of the channel a message was in, whether it became a turn or is only an event."""
    turn = await by_message(tx, platform, message_id)
    if turn is not None:
        return turn.channel_id
    event = select(events.c.channel_id).where(
        events.c.platform == platform, events.c.message_id == message_id
    )
    found = (await tx.execute(event)).scalar_one_or_none()
    return None if found is None else str(found)


async def open_turns(tx: AsyncConnection, platform: str) -> list[TurnRow]:
    """Characters' turns that are planned or written but not delivered, oldest first."""
    there = turns.c.channel_id.startswith(f"{platform}:", autoescape=True)
    return await Question(turns.c.state.in_(OPEN), there, order=(turns.c.id,)).ask(tx)


async def of_dialogue(tx: AsyncConnection, dialogue_id: str) -> list[TurnRow]:
    """Every turn of the dialogue in order, whatever became of it."""
    return await _DIALOGUES.ask(tx, dialogue=dialogue_id)


async def witnessed(
    tx: AsyncConnection, dialogue_id: str, character_id: str, *, before: str = "", messages: bool = True
) -> list[TurnRow]:
    """What a character has taken in: turns heard, written or delivered in its presence, in order, without
    deleted ones; of alternatives the one chosen last, in the place of the first. `before` ends the list in
    front of that turn's place (to make another answer without seeing the first). Without `messages` the
    turns come without their message ids."""
    found = await _WITNESSED.ask(tx, messages=messages, dialogue=dialogue_id, who=character_id)
    stop = ""
    if before:
        end = next((turn for turn in reversed(found) if turn.id == before), None)
        stop = (end or await _must(tx, before)).root
    places: dict[str, TurnRow | None] = {}
    for turn in found:
        if turn.root == stop:
            break
        places.setdefault(turn.root, None)
        if turn.state not in SPOKEN or turn.deleted_at is not None:
            continue
        former = places[turn.root]
        if former is None or _chosen(turn) >= _chosen(former):
            places[turn.root] = turn
    return [turn for turn in places.values() if turn is not None]


async def last_by_character(
    tx: AsyncConnection, channel_id: str, character_id: str | None = None
) -> TurnRow | None:
    """The newest turn that a character (any, or this one) wrote in the channel and that still stands."""
    if character_id is None:
        found = await _LAST.ask(tx, channel=channel_id)
    else:
        found = await _LAST_OF.ask(tx, channel=channel_id, who=character_id)
    return found[0] if found else None


async def last_asked(tx: AsyncConnection, channel_id: str) -> TurnRow | None:
    """The newest turn that a character was to have in the channel, also where nothing came of it."""
    found = await _LAST_ASKED.ask(tx, channel=channel_id)
    return found[0] if found else None


async def last_spoke(tx: AsyncConnection, channel_id: str, character_id: str) -> str:
    """The id of the newest turn that this character wrote in the channel and that still stands, or an empty
    string."""
    return (await tx.execute(_LAST_ID, {"channel": channel_id, "who": character_id})).scalar() or ""


async def witnesses(tx: AsyncConnection, id: str) -> list[str]:
    """The ids of the characters that took the turn in, sorted."""
    query = select(_witnesses.c.character_id).where(_witnesses.c.turn_id == id)
    return sorted((await tx.execute(query)).scalars())


async def choose(tx: AsyncConnection, id: str) -> None:
    """Of a turn's alternatives, this one stands in the dialogue from now on."""
    await _change(tx, id, chosen_at=now())


def _chosen(turn: TurnRow) -> datetime:
    return turn.chosen_at or turn.created_at


async def _add(tx: AsyncConnection, turn: TurnRow, present: Iterable[str]) -> None:
    values: dict[str, Any] = {name: getattr(turn, name) for name in _PLAIN}
    values["speaker_kind"] = turn.speaker_kind.value
    await tx.execute(_INSERT, {**values, "among": turn.dialogue_id})
    if turn.pictures:
        rows = [{"turn_id": turn.id, "number": n, "sha256": sha} for n, sha in enumerate(turn.pictures)]
        await tx.execute(_INSERT_PICTURES, rows)
    if seen := sorted(set(present)):
        await tx.execute(_INSERT_WITNESSES, [{"turn_id": turn.id, "character_id": who} for who in seen])


async def _change(tx: AsyncConnection, id: str, **values: Any) -> None:
    found = await tx.execute(_UPDATE, {"which": id, **values})
    if not found.rowcount:
        raise _unknown(id)


async def _must(tx: AsyncConnection, id: str) -> TurnRow:
    turn = await get(tx, id)
    if turn is None:
        raise _unknown(id)
    return turn


def _unknown(id: str) -> JournalError:
    return JournalError(f"there is no turn {id}", mend="it may have been forgotten or deleted meanwhile")
