"""Is the journal whole? Reads everything, changes nothing."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journal.pictures import SUFFIXES, file_of
from journal.schema import dialogues, events, metadata, pictures, turn_pictures, turns

Progress = Callable[[int, int], None]
STATES = {
    "human": {"heard"},
    "character": {"planned", "written", "delivered", "handed-back", "failed", "stopped", "withheld"},
}


@dataclass(frozen=True)
class Finding:
    """Something amiss. `serious` where words or pictures are damaged or missing."""

    what: str
    where: str
    serious: bool = True


async def verify(tx: AsyncConnection, folder: Path, progress: Progress | None = None) -> list[Finding]:
    """Checks the database's own integrity, its references, the states of turns, and every picture's bytes in
    `folder` against their hash. `progress` is told (done, all) of the pictures."""
    found = await _database(tx) + await _references(tx) + await _states(tx)
    return found + await _pictures(tx, folder, progress)


async def _database(tx: AsyncConnection) -> list[Finding]:
    if tx.dialect.name != "sqlite":
        return []
    rows = [str(row[0]) for row in await tx.exec_driver_sql("PRAGMA integrity_check")]
    return [Finding(row, "integrity check") for row in rows if row != "ok"]


async def _references(tx: AsyncConnection) -> list[Finding]:
    """Rows whose parent is missing (a database keeps them out, unless it was edited by hand)."""
    found = []
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            there = select(key.column).where(key.column == key.parent).exists()
            lost = select(func.count()).select_from(table).where(key.parent.is_not(None), ~there)
            if count := (await tx.execute(lost)).scalar_one():
                found.append(
                    Finding(f"{count} rows belong to a missing {key.column.table.name} row", table.name)
                )
    return found


async def _states(tx: AsyncConnection) -> list[Finding]:
    found = []
    for kind, state, count in await tx.execute(
        select(turns.c.speaker_kind, turns.c.state, func.count()).group_by(
            turns.c.speaker_kind, turns.c.state
        )
    ):
        if state not in STATES.get(kind, set()):
            found.append(Finding(f"{count} turns of a {kind} are '{state}'", "turns"))
    checks = (
        ("turns are finished but have neither words nor a deletion", turns, _wordless(), True),
        (
            "dialogues are over but have no reason",
            dialogues,
            (dialogues.c.ended_at.is_not(None), dialogues.c.end_reason == ""),
            False,
        ),
        (
            "stored events were never settled (they are taken up at the next start)",
            events,
            (events.c.state == "new",),
            False,
        ),
        ("pictures are shown by no turn (prune removes them)", pictures, (~_shown(),), False),
    )
    for words, table, conditions, serious in checks:
        query = select(func.count()).select_from(table).where(*conditions)
        if count := (await tx.execute(query)).scalar_one():
            found.append(Finding(f"{count} {words}", table.name, serious))
    return found


async def _pictures(tx: AsyncConnection, folder: Path, progress: Progress | None) -> list[Finding]:
    rows = [(row.sha256, row.mime) for row in await tx.execute(select(pictures.c.sha256, pictures.c.mime))]
    found = []
    for done, (sha256, mime) in enumerate(rows, 1):
        path = file_of(folder, sha256, mime)
        words = await asyncio.to_thread(_amiss, path, sha256)
        if words:
            found.append(Finding(words, str(path)))
        if progress:
            progress(done, len(rows))
    known = {sha256 for sha256, _ in rows}
    for path in await asyncio.to_thread(_files, folder):
        if path.stem not in known:
            found.append(Finding("this file is no picture of the journal's", str(path), serious=False))
    return found


def _amiss(path: Path, sha256: str) -> str:
    try:
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "the picture's file is missing"
    except OSError as error:
        return f"the picture's file cannot be read ({error.strerror})"
    return "" if actual == sha256 else "the picture's bytes are not what they were"


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("??/*") if path.suffix in SUFFIXES.values())


def _wordless() -> tuple[ColumnElement[bool], ...]:
    return turns.c.state.in_(("written", "delivered")), turns.c.text == "", turns.c.deleted_at.is_(None)


def _shown() -> Exists:
    return select(turn_pictures.c.sha256).where(turn_pictures.c.sha256 == pictures.c.sha256).exists()
