"""How a turn looks when it comes out of the journal, and the questions that fetch turns."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
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
    (`stop`, `limit`) or why it was cut; `model` names what answered; `refused` says why tries before were not
    shown."""

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
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


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


_FIELDS = [field.name for field in fields(TurnRow) if field.name not in ("pictures", "message_ids")]
_COLUMNS = [turns.c[name] for name in _FIELDS]


class Question:
    """A question for turns: those that meet all conditions, in `order`. Built once, asked often; what its
    bound parameters stand for is given when it is asked."""

    def __init__(
        self,
        *conditions: ColumnElement[bool],
        order: tuple[ColumnElement[Any], ...] = (turns.c.dialogue_id, turns.c.position),
        limit: int | None = None,
    ) -> None:
        self._turns = select(*_COLUMNS).where(*conditions).order_by(*order).limit(limit)
        mine = select(turns.c.id).where(*conditions)
        if limit is not None:
            mine = mine.order_by(*order).limit(limit)
        brought, posted = turn_pictures.c, turn_messages.c
        self._pictures = (
            select(brought.turn_id, brought.sha256)
            .where(brought.turn_id.in_(mine))
            .order_by(brought.turn_id, brought.number)
        )
        self._messages = (
            select(posted.turn_id, posted.message_id).where(posted.turn_id.in_(mine)).order_by(posted.id)
        )

    async def ask(self, tx: AsyncConnection, *, messages: bool = True, **parameters: Any) -> list[TurnRow]:
        """The turns with their pictures and, unless nobody needs them, the platform's messages."""
        rows = (await tx.execute(self._turns, parameters)).all()
        if not rows:
            return []
        pictures = _gathered(await tx.execute(self._pictures, parameters))
        posted = _gathered(await tx.execute(self._messages, parameters)) if messages else {}
        return [_turn(row, pictures.get(row[0], ()), posted.get(row[0], ())) for row in rows]


def _gathered(rows: Iterable[Any]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for turn_id, value in rows:
        found[turn_id].append(value)
    return found


def _turn(row: Sequence[Any], pictures: Sequence[str], messages: Sequence[str]) -> TurnRow:
    values = dict(zip(_FIELDS, row, strict=True))
    made = values["made"]
    values["made"] = Made(**made) if made is not None else None
    values["speaker_kind"] = SpeakerKind(values["speaker_kind"])
    return TurnRow(pictures=tuple(pictures), message_ids=tuple(messages), **values)
