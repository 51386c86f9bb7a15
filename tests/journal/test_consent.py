"""Consent and forgetting."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from agent.dialogue import Scenario
from journal import channels, consent, dialogues, duets, events, feedback, people, pictures, turns
from journal.events import StoredEvent
from journal.journal import Journal
from journal.schema import metadata
from journal.types import now
from tests.journal.makers import ADA, AT, HOLMES, answer, begin, bring, person, say

ANN, BOB = person("Ann"), person("Bob")


async def test_nobody_consents_by_default(journal: Journal) -> None:
    async with journal.write() as tx:
        assert not await consent.consented(tx, ANN.id)
        await consent.set_consent(tx, ANN.id, True, at=AT)
        assert await consent.consented(tx, ANN.id)
        await people.touch(tx, ANN)
        assert await consent.consented(tx, ANN.id)
        await consent.set_consent(tx, ANN.id, False, at=AT)
        assert not await consent.consented(tx, ANN.id)


async def everything(journal: Journal) -> str:
    """All rows of all tables as one text."""
    async with journal.read() as tx:
        rows = [str(row) for table in metadata.sorted_tables for row in await tx.execute(select(table))]
    return "\n".join(rows)


async def test_forgetting_takes_words_names_and_pictures(journal: Journal, tmp_path: Path) -> None:
    mine, both = await bring(journal, tmp_path, b"mine"), await bring(journal, tmp_path, b"both")
    alone, company = await begin(journal, "alone"), await begin(journal, "company")
    async with journal.write() as tx:
        await events.store(
            tx, StoredEvent("web", "a1", "web:alone", {"text": "zebra"}, "done", AT), person_id=ANN.id
        )
        payload = {"author": {"platform": "web", "id": "ann"}, "text": "zebra"}
        await events.store(tx, StoredEvent("web", "a9", "web:alone", payload, "new", AT))
        await events.store(tx, StoredEvent("web", "c1", "web:company", {"text": "zebra"}, "done", AT))
        await channels.add_member(tx, "web:company", HOLMES.id, added_by=ANN.id)
    question = await say(journal, alone, ANN, "a zebra", "a1", shown=[mine.sha256])
    private = await answer(journal, alone, "Your zebra, Ann.", to=question)
    asked = await say(journal, company, ANN, "another zebra", "c1", shown=[mine.sha256, both.sha256])
    public = await answer(journal, company, "I see.", to=asked)
    kept = await say(journal, company, BOB, "hello", "c2", shown=[both.sha256])
    async with journal.write() as tx:
        await turns.edit(tx, asked.id, "a zebra, I said")
        await feedback.add(tx, public.id, ANN.id, "reaction", "🦓")
        await consent.set_consent(tx, ANN.id, True, at=AT)
    async with journal.write() as tx:
        gone = await consent.forget(tx, ANN.id, at=now())
    assert gone == consent.Forgotten(3, 3, (mine.sha256,))
    assert pictures.unlink(tmp_path, gone.pictures) == 1
    left = await everything(journal)
    assert "zebra" not in left
    assert "Ann" not in left
    assert ANN.id not in left
    async with journal.write() as tx:
        assert await dialogues.get(tx, alone.id) is None
        assert [t.id for t in await turns.of_dialogue(tx, company.id)] == [public.id, kept.id]
        stone = (await consent.tombstones(tx))[0]
        assert stone.is_of(ANN.id)
        assert not stone.is_of(BOB.id)
        assert set(stone.turns) == {question.id, private.id, asked.id}
        assert (stone.answers, stone.pictures) == ((public.id,), (mine.sha256,))
        assert await consent.apply_tombstones(tx) == 0


async def test_who_comes_back_is_not_forgotten_again(journal: Journal) -> None:
    dialogue = await begin(journal)
    await say(journal, dialogue, ANN, "before", "m1")
    async with journal.write() as tx:
        await consent.forget(tx, ANN.id, at=AT + timedelta(seconds=1))
    later = await begin(journal)
    async with journal.write() as tx:
        turn = await turns.hear(
            tx, dialogue_id=later.id, channel_id="web:1", person=ANN, text="after", pictures=[], message_id="m2",
            platform="web", witnesses=[], at=AT + timedelta(seconds=2),
        )  # fmt: skip
        assert await consent.apply_tombstones(tx) == 0
        assert await turns.get(tx, turn.id) == turn
        assert await people.get(tx, ANN.id) == ANN


async def test_a_duet_belongs_to_who_started_it(journal: Journal) -> None:
    for number, starter, stays in ((1, ANN, False), (2, BOB, True)):
        dialogue = await begin(journal, str(number))
        if starter is BOB:
            await say(journal, dialogue, ANN, "I join", f"m{number}")
        async with journal.write() as tx:
            await dialogues.set_scenario(tx, dialogue.id, Scenario.INTER_ROLE)
            duet = await duets.begin(
                tx, dialogue_id=dialogue.id, channel_id=dialogue.channel_id, characters=["a", "b"], turns=2,
                started_by=starter.id,
            )  # fmt: skip
        await answer(journal, dialogue, "Quite.", by=ADA)
        async with journal.write() as tx:
            await consent.forget(tx, ANN.id, at=now())
            assert (await duets.get(tx, duet.id) is not None) == stays
            assert (await dialogues.get(tx, dialogue.id) is not None) == stays


async def test_forgetting_a_stranger_is_no_error(journal: Journal) -> None:
    async with journal.write() as tx:
        assert await consent.forget(tx, "web:nobody", at=AT) == consent.Forgotten(0, 0, ())


async def test_forgotten_words_are_not_left_in_the_file(tmp_path: Path) -> None:
    from journal.settings import JournalSettings

    path = tmp_path / "journal.db"
    async with await Journal.open(JournalSettings(url=f"sqlite+aiosqlite:///{path}")) as journal:
        dialogue = await begin(journal)
        await say(journal, dialogue, ANN, "xylophone " * 50, "m1")
        async with journal.write() as tx:
            await consent.forget(tx, ANN.id, at=now())
        await journal.compact()
        files = [path, path.with_name("journal.db-wal")]
        assert not [file for file in files if b"xylophone" in await asyncio.to_thread(file.read_bytes)]
