"""How a turn looks when it comes out of the journal, and the one query that fetches turns."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from journal.schema import turn_messages, turn_pictures, turns


@dataclass(frozen=True)
class Made:
    """How a character's words came about. Times in milliseconds from the call to the backend; `cost` in US
    dollars; `dropped_turns` were left out of the prompt to fit the context; `finish` is the backend's
    (`stop`, `limit`) or why it was cut; `model` names what answered."""

    template_version: str
    prompt_hash: str
    model: str
    adapter: str = ""
    seed: int | None = None
    prompt_tokens: int = 0
    reply_tokens: int = 0
    cached_tokens: int = 0
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    cost: float = 0.0
    finish: str = ""
    dropped_turns: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class TurnRow:
    """One turn. `pictures` are hashes; `reply_to` is the turn it answers; `message_ids` are the platform's,
    in order; `alternative_of` is the first answer, of which this is another version.

    `state` of a person's turn: `heard`. Of a character's: `planned`, `written`, then one of `delivered`,
    `handed-back`, `failed`, `stopped`, `withheld`. `attempts` counts how often it was begun.
    """

    id: str
    dialogue_id: str
    channel_id: str
    speaker_id: str
    speaker_name: str
    speaker_kind: SpeakerKind
    text: str
    state: str
    created_at: datetime
    pictures: tuple[str, ...] = ()
    rule: str = ""
    reply_to: str = ""
    message_ids: tuple[str, ...] = ()
    alternative_of: str = ""
    character_version: str = ""
    made: Made | None = None
    attempts: int = 0
    finished_at: datetime | None = None
    delivered_at: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    chosen_at: datetime | None = None
    error: str = ""

    @property
    def root(self) -> str:
        """The turn whose place in the dialogue this one takes: itself, or the first of its alternatives."""
        return self.alternative_of or self.id


async def fetch(
    tx: AsyncConnection,
    *conditions: ColumnElement[bool],
    order: tuple[ColumnElement[Any], ...] = (turns.c.dialogue_id, turns.c.position),
    limit: int | None = None,
) -> list[TurnRow]:
    """The turns that meet all conditions, with their pictures and messages, in `order`."""
    rows = [
        r._mapping for r in await tx.execute(select(turns).where(*conditions).order_by(*order).limit(limit))
    ]
    if not rows:
        return []
    mine = select(turns.c.id).where(*conditions) if limit is None else [row["id"] for row in rows]
    pictures: defaultdict[str, list[str]] = defaultdict(list)
    brought = select(turn_pictures.c.turn_id, turn_pictures.c.sha256).where(turn_pictures.c.turn_id.in_(mine))
    for turn_id, sha256 in await tx.execute(
        brought.order_by(turn_pictures.c.turn_id, turn_pictures.c.number)
    ):
        pictures[turn_id].append(sha256)
    messages: defaultdict[str, list[str]] = defaultdict(list)
    posted = select(turn_messages.c.turn_id, turn_messages.c.message_id)
    for turn_id, message_id in await tx.execute(
        posted.where(turn_messages.c.turn_id.in_(mine)).order_by(turn_messages.c.id)
    ):
        messages[turn_id].append(message_id)
    return [_turn(row, pictures[row["id"]], messages[row["id"]]) for row in rows]


def _turn(row: Mapping[Any, Any], pictures: list[str], messages: list[str]) -> TurnRow:
    values = {name: value for name, value in row.items() if name != "position"}
    made = values["made"]
    values["made"] = Made(**made) if made is not None else None
    values["speaker_kind"] = SpeakerKind(values["speaker_kind"])
    return TurnRow(pictures=tuple(pictures), message_ids=tuple(messages), **values)
