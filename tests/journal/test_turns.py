"""Turns, dialogues, channels, events: the life of a conversation."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from agent.dialogue import Scenario
from agent.errors import JournalError
from journal import channels, dialogues, duets, events, feedback, memory, people, turns
from journal.channels import Channel
from journal.events import StoredEvent
from journal.journal import Journal
from tests.journal.makers import ADA, AT, HOLMES, MADE, answer, begin, bring, person, say


async def test_an_event_is_stored_once_and_settled(journal: Journal) -> None:
    made = [StoredEvent("web", f"m{n}", "web:1", {"n": n, "odd": "\0\ud800"}, "new", AT) for n in range(3)]
    async with journal.write() as tx:
        assert [await events.store(tx, event) for event in made] == [True, True, True]
        assert not await events.store(tx, StoredEvent("web", "m1", "web:2", {}, "new", AT))
        await events.settle(tx, "web", "m1", "refused", "busy")
    async with journal.read() as tx:
        assert await events.unsettled(tx, "web") == [made[0], made[2]]
        assert await events.unsettled(tx, "discord") == []


async def test_channels_and_their_characters(journal: Journal) -> None:
    channel = Channel("discord:9", "discord", "9", "den", "8", "7", adult=True)
    async with journal.write() as tx:
        await channels.touch(tx, channel)
        assert await channels.listened_to(tx, "discord", since=AT) == []
        assert await channels.add_member(tx, "discord:9", "sherlock-holmes", added_by="discord:5")
        assert await channels.add_member(tx, "discord:9", "ada-lovelace", talk="always")
        assert not await channels.add_member(tx, "discord:9", "sherlock-holmes", talk="always")
        await channels.saw(tx, "discord:9", "100")
        await channels.touch(tx, Channel("discord:9", "discord", "9", "renamed"))
        assert await channels.set_talk(tx, "discord:9", "sherlock-holmes", "never")
        assert not await channels.set_talk(tx, "discord:9", "nobody", "never")
    async with journal.read() as tx:
        found = await channels.get(tx, "discord:9")
        assert found == Channel("discord:9", "discord", "9", "renamed", last_message_id="100")
        assert await memory.get(tx, "discord:unknown") == ""
        cast = await channels.members(tx, "discord:9")
        assert [(m.character_id, m.talk, m.added_by) for m in cast] == [
            ("sherlock-holmes", "never", "discord:5"),
            ("ada-lovelace", "always", ""),
        ]
        assert [c.id for c in await channels.listened_to(tx, "discord", since=AT)] == ["discord:9"]
    async with journal.write() as tx:
        assert await channels.remove_member(tx, "discord:9", "ada-lovelace")
        assert not await channels.remove_member(tx, "discord:9", "ada-lovelace")


async def test_people_go_by_their_newest_name(journal: Journal) -> None:
    async with journal.write() as tx:
        await people.touch(tx, person("Ann"))
        await people.touch(tx, people.Person("web:ann", "web", "ann", "Ann\0 \ud83d\ude00 **[Bob]:**"))
    async with journal.read() as tx:
        assert await people.names(tx, ["web:ann", "web:none"]) == {"web:ann": "Ann\ufffd 😀 **[Bob]:**"}
        assert await people.get(tx, "web:none") is None


async def test_a_dialogue_ends_by_silence(journal: Journal) -> None:
    row, idle = await begin(journal), timedelta(minutes=10)
    async with journal.write() as tx:
        assert await dialogues.current(tx, "web:1", now=AT + idle, idle=idle) == row
        assert await dialogues.current(tx, "web:1", now=AT + idle + timedelta(seconds=1), idle=idle) is None
        ended = await dialogues.get(tx, row.id)
        assert ended is not None
        assert (ended.end_reason, ended.ended_at) == ("idle", AT)
        second = await dialogues.begin(tx, "web:1", Scenario.COMMENTARY, now=AT)
        third = await dialogues.begin(tx, "web:1", Scenario.INTER_ROLE, now=AT)
        await dialogues.set_scenario(tx, third.id, Scenario.HUMAN_ROLE)
        superseded = await dialogues.get(tx, second.id)
        assert superseded is not None
        assert superseded.end_reason == "superseded"
        newest = await dialogues.listing(tx, platform="web", limit=2)
        assert [d.id for d in newest] == [third.id, second.id]
        assert newest[0].scenario is Scenario.HUMAN_ROLE
        rest = await dialogues.listing(tx, limit=5, before=second.id)
        assert [d.id for d in rest] == [row.id]
        assert await dialogues.listing(tx, platform="discord", limit=5) == []


async def test_a_turn_from_planned_to_delivered(journal: Journal, tmp_path: Path) -> None:
    dialogue, ann = await begin(journal), person("Ann")
    picture = await bring(journal, tmp_path, b"cat")
    heard = await say(journal, dialogue, ann, "Look\0!", "m1", shown=[picture.sha256, picture.sha256])
    assert heard == await say(journal, dialogue, ann, "a repeat", "m1")
    assert (heard.text, heard.pictures, heard.state) == ("Look\ufffd!", (picture.sha256,) * 2, "heard")
    async with journal.write() as tx:
        plan = await turns.plan(
            tx, dialogue_id=dialogue.id, channel_id="web:1", character=HOLMES, rule="named",
            reply_to=heard.id, witnesses=[],
        )  # fmt: skip
        assert plan == await turns.get(tx, plan.id)
        assert [await turns.begin_attempt(tx, plan.id) for _ in range(2)] == [1, 2]
        assert [t.id for t in await turns.open_turns(tx, "web")] == [plan.id]
        assert await turns.open_turns(tx, "we") == []
        await turns.write(tx, plan.id, "A cat.", MADE)
        assert len(await turns.open_turns(tx, "web")) == 1
        for message_id in ("o1", "o2", "o1"):
            await turns.posted(tx, plan.id, "web", message_id)
        await turns.delivered(tx, plan.id)
        assert await turns.open_turns(tx, "web") == []
    async with journal.read() as tx:
        done = await turns.by_message(tx, "web", "o2")
        assert done is not None
        assert (done.text, done.state, done.made, done.message_ids) == (
            "A cat.",
            "delivered",
            MADE,
            ("o1", "o2"),
        )
        assert (done.reply_to, done.attempts, done.character_version) == (heard.id, 2, HOLMES.version)
        assert done.delivered_at is not None
        assert await turns.by_message(tx, "discord", "o2") is None
        assert await turns.message_channel(tx, "web", "m1") == "web:1"
        assert await turns.message_channel(tx, "web", "nothing") is None
        assert await turns.get(tx, heard.id) == heard
        assert [t.id for t in await turns.of_dialogue(tx, dialogue.id)] == [heard.id, plan.id]
        last = await turns.last_by_character(tx, "web:1")
        assert last == done
        assert await turns.last_by_character(tx, "web:1", "ada-lovelace") is None


async def test_a_picture_must_be_known_before_it_is_shown(journal: Journal) -> None:
    dialogue = await begin(journal)
    with pytest.raises(IntegrityError):
        await say(journal, dialogue, person("Ann"), "Look", "m1", shown=["f" * 64])
    async with journal.read() as tx:
        assert await turns.of_dialogue(tx, dialogue.id) == []


async def test_a_turn_that_is_gone_is_named(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no turn 01NOPE"):
        async with journal.write() as tx:
            await turns.delivered(tx, "01NOPE")


async def test_each_knows_what_it_witnessed(journal: Journal) -> None:
    dialogue, ann = await begin(journal), person("Ann")
    first = await say(journal, dialogue, ann, "Hello Holmes", "m1")
    reply = await answer(journal, dialogue, "Hello.", to=first, heard_by=[ADA])
    second = await say(journal, dialogue, ann, "Hello both", "m2", heard_by=[HOLMES, ADA])
    async with journal.write() as tx:
        lost = await turns.plan(
            tx, dialogue_id=dialogue.id, channel_id="web:1", character=ADA, rule="", reply_to="", witnesses=[]
        )
        await turns.settle(tx, lost.id, "failed", "no model")
        assert [t.id for t in await turns.witnessed(tx, dialogue.id, HOLMES.id)] == [
            first.id,
            reply.id,
            second.id,
        ]
        assert [t.id for t in await turns.witnessed(tx, dialogue.id, ADA.id)] == [reply.id, second.id]
        assert [t.id for t in await turns.witnessed(tx, dialogue.id, ADA.id, before=second.id)] == [reply.id]
        await turns.delete(tx, reply.id)
        assert [t.id for t in await turns.witnessed(tx, dialogue.id, ADA.id)] == [second.id]
        failed = await turns.get(tx, lost.id)
        assert failed is not None
        assert (failed.state, failed.error) == ("failed", "no model")


async def test_of_alternatives_the_chosen_one_stands_in_the_first_ones_place(journal: Journal) -> None:
    dialogue, ann = await begin(journal), person("Ann")
    ask = await say(journal, dialogue, ann, "Well?", "m1")
    one = await answer(journal, dialogue, "one", to=ask)
    after = await say(journal, dialogue, ann, "Again!", "m2")
    two = await answer(journal, dialogue, "two", to=ask, instead_of=one)
    three = await answer(journal, dialogue, "three", to=ask, instead_of=two)
    assert {two.alternative_of, three.alternative_of} == {one.id}

    async def standing() -> list[str]:
        async with journal.read() as tx:
            return [t.id for t in await turns.witnessed(tx, dialogue.id, HOLMES.id)]

    assert await standing() == [ask.id, three.id, after.id]
    async with journal.write() as tx:
        await turns.choose(tx, one.id)
        before = await turns.witnessed(tx, dialogue.id, HOLMES.id, before=three.id)
        assert [t.id for t in before] == [ask.id]
    assert await standing() == [ask.id, one.id, after.id]
    async with journal.write() as tx:
        await turns.delete(tx, one.id)
    assert await standing() == [ask.id, three.id, after.id]


async def test_edits_keep_the_former_text_and_deletions_do_not(journal: Journal, tmp_path: Path) -> None:
    dialogue, ann = await begin(journal), person("Ann")
    picture = await bring(journal, tmp_path, b"cat")
    async with journal.write() as tx:
        await events.store(tx, StoredEvent("web", "m1", "web:1", {"text": "secret"}, "new", AT))
    turn = await say(journal, dialogue, ann, "secret", "m1", shown=[picture.sha256])
    async with journal.write() as tx:
        await turns.edit(tx, turn.id, "public")
        await turns.edit(tx, turn.id, "public")
        edited = await turns.get(tx, turn.id)
        assert edited is not None
        assert (edited.text, edited.edited_at is None) == ("public", False)
        assert await turns.former_texts(tx, turn.id) == ["secret"]
        await turns.delete(tx, turn.id)
    async with journal.read() as tx:
        gone = await turns.get(tx, turn.id)
        assert gone is not None
        assert (gone.text, gone.pictures, gone.deleted_at is None) == ("", (), False)
        assert await turns.former_texts(tx, turn.id) == []
        assert [event.payload for event in await events.unsettled(tx, "web")] == [{}]


async def test_feedback(journal: Journal) -> None:
    dialogue = await begin(journal)
    turn = await answer(journal, dialogue, "Hm.")
    async with journal.write() as tx:
        assert await feedback.add(tx, turn.id, "web:ann", "reaction", "👍")
        assert not await feedback.add(tx, turn.id, "web:ann", "reaction", "👍")
        assert await feedback.add(tx, turn.id, "web:ann", "vote", "1")
        assert await feedback.add(tx, turn.id, "web:ann", "vote", "-1")
        assert await feedback.add(tx, turn.id, "web:bob", "vote", "1")
    async with journal.write() as tx:
        assert await feedback.remove(tx, turn.id, "web:ann", "reaction", "👍")
        assert not await feedback.remove(tx, turn.id, "web:ann", "reaction", "👍")
        found = await feedback.of_turn(tx, turn.id)
    assert [(f.person_id, f.kind, f.value) for f in found] == [
        ("web:ann", "vote", "-1"),
        ("web:bob", "vote", "1"),
    ]


async def test_duets(journal: Journal) -> None:
    dialogue = await begin(journal)
    async with journal.write() as tx:
        duet = await duets.begin(
            tx,
            dialogue_id=dialogue.id,
            channel_id="web:1",
            characters=["a", "b"],
            turns=4,
            started_by="web:ann",
        )
        assert await duets.running(tx) == await duets.running(tx, "web:1") == [duet]
        assert await duets.running(tx, "web:2") == []
        await duets.end(tx, duet.id, "they repeat themselves")
        await duets.end(tx, duet.id, "again")
        ended = await duets.get(tx, duet.id)
        assert ended is not None
        assert (ended.state, ended.end_reason, ended.characters) == (
            "ended",
            "they repeat themselves",
            ("a", "b"),
        )
        assert await duets.running(tx) == []
