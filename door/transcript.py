"""A dialogue of the journal as lines for a terminal."""

import json
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from agent.errors import JournalError
from journal import channels, dialogues, export, pictures, turns
from journal.dialogues import DialogueRow
from journal.turns import TurnRow


async def several(tx: AsyncConnection, limit: int, platform: str | None, as_json: bool) -> list[str]:
    """The newest dialogues, one a line."""
    rows = await dialogues.listing(tx, platform=platform, limit=limit)
    if as_json:
        return [json.dumps(asdict(row), default=lambda moment: moment.isoformat()) for row in rows]
    lines = []
    for row in rows:
        spoken = await turns.of_dialogue(tx, row.id)
        names = ", ".join(dict.fromkeys(plain(turn.speaker_name) for turn in spoken))
        lines.append(
            f"{row.id}  {row.started_at:%Y-%m-%d %H:%M}  {row.scenario:<10}  {len(spoken):>3} turns  {names}"
        )
    return lines or ["The journal holds no dialogue yet."]


async def one(tx: AsyncConnection, wanted: str, as_json: bool) -> list[str]:
    """One dialogue. Raises JournalError where no id, or more than one, begins so."""
    row = await _find(tx, wanted.upper())
    if as_json:
        return [json.dumps(await export.record(tx, row), ensure_ascii=False)]
    channel = await channels.get(tx, row.channel_id)
    end = f"ended {row.ended_at:%Y-%m-%d %H:%M} ({row.end_reason})" if row.ended_at else "open"
    place = plain(channel.name or channel.id) if channel else row.channel_id
    lines = [
        f"Dialogue {row.id}: {row.scenario}, {place}, begun {row.started_at:%Y-%m-%d %H:%M} UTC, {end}",
        "",
    ]
    for turn in await turns.of_dialogue(tx, row.id):
        lines += await _lines(tx, turn)
    return lines


async def _lines(tx: AsyncConnection, turn: TurnRow) -> list[str]:
    marks = [turn.state] if turn.state not in ("heard", "delivered") else []
    marks += ["another answer"] if turn.alternative_of else []
    marks += ["edited"] if turn.edited_at else []
    marks += ["deleted"] if turn.deleted_at else []
    marks += [f"because {turn.rule}", turn.made.model] if turn.made else []
    made = f"  ({'; '.join(marks)})" if marks else ""
    kind = "" if turn.speaker_kind is SpeakerKind.HUMAN else "*"
    lines = [f"{turn.created_at:%H:%M:%S} {kind}{plain(turn.speaker_name)}{plain(made)}"]
    for sha256 in turn.pictures:
        note = await pictures.best_note(tx, sha256)
        lines.append(f"    [picture {sha256[:12]}: {plain(note.text) if note else 'no note'}]")
    return [*lines, *(f"    {plain(line)}" for line in turn.text.splitlines()), ""]


async def _find(tx: AsyncConnection, wanted: str) -> DialogueRow:
    exact = await dialogues.get(tx, wanted)
    if exact is not None:
        return exact
    found = await dialogues.beginning(tx, wanted)
    if len(found) == 1:
        return found[0]
    many = "several dialogues" if found else "no dialogue"
    raise JournalError(f"{many} in the journal begin with {wanted!r}", mend="`journal show` lists the newest")


def plain(text: str) -> str:
    """Words from outside without what a terminal would obey (escape sequences, carriage returns)."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
