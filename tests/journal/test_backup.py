"""Backup, restore, verify, retention, export."""

import json
import tarfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from agent.errors import JournalError
from agent.picture import Maker, Note
from journal import consent, dialogues, events, export, feedback, pictures, retention, turns, versions
from journal.backup import SIDECAR, backup
from journal.dialogues import DialogueRow
from journal.events import StoredEvent
from journal.journal import Journal
from journal.restore import restore
from journal.schema import metadata
from journal.schema import pictures as pictures_table
from journal.schema import turns as turn_table
from journal.settings import JournalSettings
from journal.stats import stats
from journal.types import now
from journal.verify import verify
from tests.journal.makers import AT, HOLMES, answer, begin, bring, person, say

ANN, BOB = person("Ann"), person("Bob")


@pytest_asyncio.fixture
async def other(tmp_path: Path) -> AsyncIterator[Journal]:
    """An empty journal on SQLite, to restore into."""
    async with await Journal.open(JournalSettings(url=f"sqlite+aiosqlite:///{tmp_path}/other.db")) as opened:
        yield opened


async def fill(journal: Journal, folder: Path) -> DialogueRow:
    dialogue = await begin(journal)
    picture = await bring(journal, folder, b"cat")
    async with journal.write() as tx:
        await pictures.add_note(tx, picture.sha256, Note("a cat \0", Maker.EYES, "e1", sure=False))
        await events.store(tx, StoredEvent("web", "m1", "web:1", {"odd": "\0\ud800é"}, "done", AT))
        await versions.register(tx, "v1", {"made": "by hand"})
        await versions.point(tx, current="v1", candidate="v1", canary=0.25)
    heard = await say(journal, dialogue, ANN, "a cat 🐈\u2028", "m1", shown=[picture.sha256])
    reply = await answer(journal, dialogue, "Indeed.", to=heard)
    async with journal.write() as tx:
        await feedback.add(tx, reply.id, ANN.id, "vote", "1")
    for number in range(600):  # more than one page of a dump
        if number % 100 == 0:
            await say(journal, dialogue, BOB, f"and {number}", f"n{number}")
    return dialogue


async def rows(journal: Journal) -> dict[str, list[tuple[object, ...]]]:
    async with journal.read() as tx:
        return {
            table.name: sorted(tuple(map(repr, row)) for row in await tx.execute(select(table)))
            for table in metadata.sorted_tables
        }


async def test_a_backup_moves_everything_to_another_database(
    journal: Journal, other: Journal, tmp_path: Path
) -> None:
    await fill(journal, tmp_path / "p")
    manifest = await backup(journal, tmp_path / "p", tmp_path / "b" / "one.tar.gz")
    assert manifest["pictures"] == 1
    done = await restore(other, tmp_path / "q", tmp_path / "b" / "one.tar.gz")
    assert (done.pictures, done.forgotten, done.damaged) == (1, 0, ())
    assert await rows(other) == await rows(journal)
    async with other.read() as tx:
        assert [f.what for f in await verify(tx, tmp_path / "q") if f.serious] == []
    # And back again, into what is there already.
    await backup(other, tmp_path / "q", tmp_path / "b" / "two.tar.gz")
    before = await rows(journal)
    with pytest.raises(JournalError, match="not empty"):
        await restore(journal, tmp_path / "p", tmp_path / "b" / "two.tar.gz")
    await restore(journal, tmp_path / "p", tmp_path / "b" / "two.tar.gz", replace=True)
    assert await rows(journal) == before
    await begin(journal, "after")


async def test_who_was_forgotten_stays_forgotten(journal: Journal, other: Journal, tmp_path: Path) -> None:
    dialogue = await fill(journal, tmp_path / "p")
    old = tmp_path / "b" / "old.tar.gz"
    await backup(journal, tmp_path / "p", old)
    async with journal.write() as tx:
        await consent.forget(tx, ANN.id, at=now())
    done = await restore(journal, tmp_path / "p", old, replace=True)
    assert done.forgotten == 1
    async with journal.read() as tx:
        assert {t.speaker_id for t in await turns.of_dialogue(tx, dialogue.id)} == {BOB.id, HOLMES.id}
        assert len(await consent.tombstones(tx)) == 1
    # On a machine that knows nothing of it, the file beside the backups does.
    assert not (old.parent / SIDECAR).exists()
    await backup(journal, tmp_path / "p", old.with_name("new.tar.gz"))
    assert (await restore(other, tmp_path / "q", old)).forgotten == 1
    assert "a cat" not in str(await rows(other))
    assert not (tmp_path / "q").exists()
    (old.parent / SIDECAR).write_text("{}\n")
    with pytest.raises(JournalError, match="tombstones"):
        await restore(other, tmp_path / "q", old, replace=True)


async def test_a_damaged_backup_changes_nothing(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, tmp_path / "p")
    target = tmp_path / "one.tar.gz"
    await backup(journal, tmp_path / "p", target)
    with pytest.raises(JournalError, match="file of this name"):
        await backup(journal, tmp_path / "p", target)
    before, whole = await rows(journal), target.read_bytes()
    for size in (0, 10, len(whole) // 3, len(whole) - 40):
        target.write_bytes(whole[:size])
        with pytest.raises(JournalError, match="no whole backup"):
            await restore(journal, tmp_path / "p", target, replace=True)
    with pytest.raises(JournalError, match="no whole backup"):
        await restore(journal, tmp_path / "p", tmp_path / "nothing.tar.gz", replace=True)
    folder = tmp_path / "x"
    target.write_bytes(whole)
    with tarfile.open(target) as archive:
        archive.extractall(folder, filter="data")
    manifest = json.loads((folder / "manifest.json").read_text())
    for change in ({"schema": "9999"}, {"format": 2}, {"sha256": manifest["sha256"] | {"turns": "0" * 64}}):
        (folder / "manifest.json").write_text(json.dumps(manifest | change))
        with tarfile.open(target, "w:gz") as archive:
            archive.add(folder, arcname="")
        with pytest.raises(JournalError):
            await restore(journal, tmp_path / "p", target, replace=True)
    assert await rows(journal) == before


async def test_verify_names_what_is_amiss(journal: Journal, tmp_path: Path) -> None:
    dialogue = await fill(journal, tmp_path)
    async with journal.read() as tx:
        assert [f for f in await verify(tx, tmp_path) if f.serious] == []
    async with journal.read() as tx:
        file = pictures.file_of(
            tmp_path, (await tx.execute(select(pictures_table.c.sha256))).scalar_one(), "image/png"
        )
    file.write_bytes(b"something else")
    (file.parent / f"{'0' * 64}.png").write_bytes(b"")
    async with journal.write() as tx:
        reply = await turns.last_by_character(tx, dialogue.channel_id)
        assert reply is not None
        await tx.execute(update(turn_table).where(turn_table.c.id == reply.id).values(state="odd"))
    async with journal.read() as tx:
        found = [(f.what, f.serious) for f in await verify(tx, tmp_path)]
    assert ("1 turns of a character are 'odd'", True) in found
    assert ("the picture's bytes are not what they were", True) in found
    assert ("this file is no picture of the journal's", False) in found
    file.unlink()
    async with journal.read() as tx:
        assert "the picture's file is missing" in [f.what for f in await verify(tx, tmp_path)]


async def test_verify_finds_lost_references(tmp_path: Path, other: Journal) -> None:
    dialogue = await fill(other, tmp_path)
    async with other.read() as tx:
        await tx.exec_driver_sql("COMMIT")
        await tx.exec_driver_sql("PRAGMA query_only = OFF")
        await tx.exec_driver_sql("PRAGMA foreign_keys = OFF")
        await tx.execute(text("DELETE FROM dialogues WHERE id = :id"), {"id": dialogue.id})
        found = [f.where for f in await verify(tx, tmp_path)]
        await tx.exec_driver_sql("BEGIN")
    assert "turns" in found


async def test_retention(journal: Journal, tmp_path: Path) -> None:
    dialogue = await fill(journal, tmp_path)
    fresh = await begin(journal, "2")
    async with journal.write() as tx:
        await dialogues.end(tx, dialogue.id, "new", now=AT)
        kept = await retention.prune(tx, now=AT + timedelta(days=30), days=30)
        assert (kept.dialogues, kept.turns) == (0, 0)
        gone = await retention.prune(tx, now=now() + timedelta(days=2), days=30)
    assert (gone.dialogues, gone.turns, gone.events, len(gone.pictures)) == (1, 8, 1, 1)
    async with journal.read() as tx:
        assert await dialogues.get(tx, dialogue.id) is None
        assert await dialogues.get(tx, fresh.id) is not None


async def test_export_holds_everything_of_a_dialogue(journal: Journal, tmp_path: Path) -> None:
    dialogue = await fill(journal, tmp_path)
    await answer(journal, await begin(journal, "9", "discord"), "Alone.")
    found = [record async for record in export.records(journal, platform="web")]
    assert len(found) == 1
    record = json.loads(json.dumps(found[0]))
    assert record["dialogue"]["id"] == dialogue.id
    assert {p["name"]: p["consented"] for p in record["people"]} == {"Ann": False, "Bob": False}
    assert record["characters"][HOLMES.id][HOLMES.version]["spoken"] == HOLMES.spoken()
    first, reply = record["turns"][:2]
    assert first["pictures"][0]["note"] == {
        "text": "a cat \ufffd",
        "maker": "eyes",
        "version": "e1",
        "sure": False,
    }
    assert (reply["made"]["cost"], reply["feedback"][0]["value"]) == (0.25, "1")


async def test_export_of_consented_dialogues_only(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, tmp_path)
    wanted = [ANN.id, BOB.id]
    counts = []
    for id in [*wanted, None]:
        counts.append(len([r async for r in export.records(journal, consented_only=True)]))
        if id is not None:
            async with journal.write() as tx:
                await consent.set_consent(tx, id, True, at=AT)
    assert counts == [0, 0, 1]


async def test_an_export_longer_than_a_page(journal: Journal) -> None:
    made = [(await begin(journal, str(number % 7))).id for number in range(2 * export.PAGE)]
    found = [record["dialogue"]["id"] async for record in export.records(journal)]
    assert found == made[::-1]


async def test_statistics(journal: Journal, tmp_path: Path) -> None:
    async with journal.read() as tx:
        empty = await stats(tx)
    assert (empty.dialogues, empty.first_at, empty.cost) == (0, None, 0.0)
    await fill(journal, tmp_path)
    async with journal.read() as tx:
        found = await stats(tx)
    assert (found.dialogues, found.open_dialogues, found.turns) == (1, 1, {"heard": 7, "delivered": 1})
    assert (found.characters, found.platforms) == ({HOLMES.id: 1}, {"web": 8})
    assert (found.people, found.pictures, found.notes, found.feedback) == (2, 1, 1, 1)
    assert (found.tokens, found.cost, found.first_at) == (5, 0.25, AT)
    assert found.bytes > 0
