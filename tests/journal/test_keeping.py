"""Characters, pictures, versions, runs, identifiers, column types, migrations."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from agent.errors import Busy, JournalError
from agent.picture import Maker, Note
from journal import characters, migrate, pictures, runs, versions
from journal.ids import new_id
from journal.journal import Journal
from journal.schema import HEAD, VERSION_TABLE, metadata
from journal.types import Json, When, storable
from tests.journal.makers import HOLMES, bring


async def test_a_characters_versions(journal: Journal) -> None:
    wordier = dataclasses.replace(
        HOLMES, greeting="Pray, sit.", portrait=b"png", card={"x": {"y": [1, None]}}
    )
    async with journal.write() as tx:
        for character in (HOLMES, HOLMES, wordier):
            await characters.record(tx, character)
        found = await characters.versions(tx, HOLMES.id)
        assert [row.version for row in found] == [HOLMES.version, wordier.version]
        body = await characters.load(tx, HOLMES.id, wordier.version)
        assert (body["spoken"], body["card"]) == (wordier.spoken(), {"x": {"y": [1, None]}})
        assert body["profile"]["introduction"] == "A detective."
        assert len(body["portrait_sha256"]) == 64
        with pytest.raises(JournalError, match="not in the journal"):
            await characters.load(tx, HOLMES.id, "nothing")


async def test_pictures_and_their_notes(journal: Journal, tmp_path: Path) -> None:
    picture = await bring(journal, tmp_path, b"cat")
    async with journal.write() as tx:
        assert not await pictures.add(tx, picture)
        assert await pictures.get(tx, picture.sha256, tmp_path) == picture
        assert await pictures.get(tx, "0" * 64, tmp_path) is None
        assert await pictures.best_note(tx, picture.sha256) is None
        made = [
            Note("old eyes", Maker.EYES, "1"), Note("a person's", Maker.PERSON), Note("a model's", Maker.MODEL, "m"),
            Note("new eyes", Maker.EYES, "2", sure=False),
        ]  # fmt: skip
        assert [await pictures.add_note(tx, picture.sha256, note) for note in [*made, made[0]]] == [
            True
        ] * 4 + [False]
        assert await pictures.best_note(tx, picture.sha256) == made[1]
        assert await pictures.notes(tx, picture.sha256) == made[::-1]


async def test_alike_pictures(journal: Journal, tmp_path: Path) -> None:
    one = await bring(journal, tmp_path, b"1", "00000000000000ff")
    two = await bring(journal, tmp_path, b"2", "80000000000000ff")
    await bring(journal, tmp_path, b"3", "ffffffffffffff00")
    async with journal.read() as tx:
        found = await pictures.similar(tx, one.phash, 3)
    assert [(alike.sha256, alike.distance) for alike in found] == [(one.sha256, 0), (two.sha256, 1)]


async def test_the_pointer_moves_and_goes_back(journal: Journal) -> None:
    async with journal.write() as tx:
        assert await versions.pointer(tx) is None
        with pytest.raises(JournalError, match="not registered"):
            await versions.point(tx, current="a")
        assert await versions.register(tx, "a", {"from": "b"})
        assert not await versions.register(tx, "a", {"from": "c"})
        await versions.register(tx, "b", {})
        first = await versions.point(tx, current="a", reason="seed")
        second = await versions.point(tx, current="a", candidate="b", canary=0.1)
        assert (first.generation, second.generation) == (1, 2)
        assert await versions.pointer(tx) == second
        assert await versions.moves(tx) == [second, first]
        for wrong in ({"current": "a", "canary": 0.1}, {"current": "a", "candidate": "b", "canary": 1.1}):
            with pytest.raises(JournalError, match="canary"):
                await versions.point(tx, **wrong)  # type: ignore[arg-type]
        known = await versions.get(tx, "a")
        assert known is not None
        assert known.lineage == {"from": "b"}
        assert {version.id for version in await versions.listing(tx)} == {"a", "b"}


async def test_a_run_locks(journal: Journal) -> None:
    async with journal.write() as tx:
        run = await runs.start(tx, "pipeline", details={"step": 1})
        with pytest.raises(Busy, match="running since"):
            await runs.start(tx, "pipeline")
        other = await runs.start(tx, "pipeline", lock="elsewhere")
        await runs.heartbeat(tx, run.id, {"step": 2})
        assert [active.id for active in await runs.active(tx)] == [run.id, other.id]
        await runs.finish(tx, other.id, error="no disk")
        assert (await runs.active(tx, "pipeline"))[0].details == {"step": 2}
        heir = await runs.start(tx, "pipeline", stale=timedelta(microseconds=-1))
        with pytest.raises(JournalError, match="no longer holds"):
            await runs.heartbeat(tx, run.id)
        await runs.finish(tx, run.id)
        await runs.finish(tx, heir.id)
        ended = [await runs.get(tx, id) for id in (run.id, other.id, heir.id)]
        assert [row.state for row in ended if row] == ["lost", "failed", "done"]
        assert await runs.active(tx) == []


async def test_the_migrations_make_the_schema(journal: Journal) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, metadata))

    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == HEAD
    async with journal.write() as tx:
        await migrate.upgrade(tx)  # again changes nothing
        assert await tx.run_sync(differences) == []


def test_ids_sort_as_made() -> None:
    made = [new_id() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {len(id) for id in made} == {26}


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_storable(words: str) -> None:
    kept = storable(words)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    if "\0" not in words and not any(0xD800 <= ord(c) < 0xE000 for c in words):
        assert kept == words


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_to_the_microsecond(moment: datetime) -> None:
    kind = When()
    assert kind.process_result_value(kind.process_bind_param(moment, None), None) == moment  # type: ignore[arg-type]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        When().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)


@given(_json)
def test_json_survives(value: object) -> None:
    kind = Json()
    written = kind.process_bind_param(value, None)  # type: ignore[arg-type]
    assert written.isascii()
    assert kind.process_result_value(written, None) == value  # type: ignore[arg-type]
