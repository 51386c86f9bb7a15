"""The core, from an event to a delivered and logged turn, and after a crash."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backends.base import Request
from agent.errors import BackendDown
from bot.archive import Archive
from bot.events import Attachment, Author, Deleted, Edited, Incoming, Place, Reacted
from bot.recovery import MOST_ATTEMPTS
from bot.settings import BotSettings, FilterSettings, LimitSettings
from journal import channels, dialogues, events, feedback, pictures, turns
from journal.turns import TurnRow
from tests.fakes.stage import CHANNEL, Post, ScriptedBackend, Stage, StagePlatform, drawn, stage

KIM = Author("stage", "2", "Kim")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        yield s


async def logged(s: Stage, place: Place = CHANNEL) -> list[TurnRow]:
    async with s.bot.house.journal.read() as tx:
        rows = await dialogues.listing(tx, limit=50)
        return [
            t for d in reversed(rows) if d.channel_id == place.key for t in await turns.of_dialogue(tx, d.id)
        ]


async def test_a_message_becomes_a_logged_reply(on: Stage) -> None:
    await on.say("What do you see?")
    await on.quiet()
    assert [(p.name, p.text) for p in on.platform.posts] == [("Sherlock Holmes", "I see it. It is fine.")]
    heard, answer = await logged(on)
    assert (heard.text, heard.state, heard.speaker_id) == ("What do you see?", "heard", "stage:1")
    assert (answer.state, answer.reply_to, answer.message_ids) == ("delivered", heard.id, ("b0001",))
    assert "every message" in answer.rule
    assert answer.made is not None
    assert (answer.made.model, answer.made.prompt_tokens, answer.made.finish) == ("scripted-1", 10, "stop")
    assert answer.character_version == on.bot.house.cast.characters["sherlock-holmes"].version
    assert on.platform.posts[0].versions[0] != "I see it. It is fine.", "it streamed"


async def test_what_is_not_for_us_leaves_no_row(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.say("just chatting")
        await s.quiet()
        assert not await logged(s)
        async with s.bot.house.journal.read() as tx:
            assert not await events.unsettled(tx, "stage")


async def test_a_channel_that_all_have_left_is_no_longer_kept(on: Stage) -> None:
    await on.say("one")
    await on.quiet()
    await on.do("character.remove", character="sherlock-holmes")
    await on.say("two")
    await on.quiet()
    assert not any(r.text == "two" for r in await logged(on))


async def test_a_repeat_is_dropped(on: Stage) -> None:
    for _ in range(3):
        await on.say("once", id="same")
    await on.quiet()
    await on.say("once", id="same")
    await on.quiet()
    assert len(on.platform.posts) == 1
    assert len(await logged(on)) == 2


async def test_a_channel_keeps_its_order_and_channels_run_side_by_side(on: Stage) -> None:
    other = Place("stage", "c2", server="s1")
    await on.do("character.add", place=other, character="ada-lovelace", talk="always")
    on.backend.hold.clear()
    for text in ("one", "two"):
        await on.say(text)
        await on.say(text, place=other)
    await on.backend.asked(2)
    on.backend.hold.set()
    await on.quiet()
    assert on.backend.most_open == 2
    rows = await logged(on)
    assert [r.text for r in rows if r.speaker_kind == "human"] == ["one", "two"]
    answered = [r.reply_to for r in rows if r.speaker_kind == "character"]
    assert answered == [r.id for r in rows if r.speaker_kind == "human"]


async def test_a_full_lane_says_so_and_loses_nothing(tmp_path: Path) -> None:
    limits = LimitSettings(channel_queue=1, user_burst=99, channel_burst=99, server_burst=99)
    async with stage(tmp_path, settings=BotSettings(limits=limits)) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        s.backend.hold.clear()
        await s.say("first")
        await s.backend.asked()
        for n in range(3):
            await s.say(f"more {n}")
        s.backend.hold.set()
        await s.quiet()
        assert any("waiting here already" in n for n in s.platform.notices)
        heard = [r.text for r in await logged(s) if r.speaker_kind == "human"]
        assert sorted(heard) == ["first", "more 0", "more 1", "more 2"]


async def test_a_flood_is_refused_politely(on: Stage) -> None:
    for n in range(8):
        await on.say(f"{n}", author=KIM)
    await on.quiet()
    assert len(on.platform.posts) == 5
    assert len([n for n in on.platform.notices if "more than you may ask" in n]) == 1
    assert len([r for r in await logged(on) if r.speaker_kind == "human"]) == 8


async def test_pictures_are_seen_stored_and_noted(on: Stage) -> None:
    picture = await on.bot.house.intake.take(drawn(1))
    async with on.bot.house.journal.write() as tx:
        await pictures.add(tx, picture)
    await on.say("", attachments=(Attachment(sha256=picture.sha256),))
    await on.quiet()
    heard, _ = await logged(on)
    assert heard.pictures == (picture.sha256,)
    assert "Picture 1" in on.backend.requests[0].messages[1].text
    await on.say("and now?")
    await on.quiet()
    assert "Picture 1" in on.backend.requests[1].messages[1].text, "pictures of earlier turns are seen"


async def test_pictures_of_a_replied_to_message_are_seen(on: Stage) -> None:
    picture = await on.bot.house.intake.take(drawn(2))
    async with on.bot.house.journal.write() as tx:
        await pictures.add(tx, picture)
    first = await on.say("look", attachments=(Attachment(sha256=picture.sha256),))
    await on.quiet()
    await on.do("new")
    await on.say("what was it?", reply_to=first)
    await on.quiet()
    assert "Picture 1" in on.backend.requests[-1].messages[1].text


async def test_a_refused_address_is_named_and_the_words_are_answered(on: Stage) -> None:
    await on.say("see", attachments=(Attachment(url="http://127.0.0.1:9/x.png", filename="x.png"),))
    await on.quiet()
    (told,) = (n for n in on.platform.notices if "x.png could not be taken in" in n)
    assert "this address may not be fetched. Check the address, or send the picture itself." in told
    assert len(on.platform.posts) == 1


async def test_a_broken_model_is_told_and_logged(on: Stage) -> None:
    on.backend.error = BackendDown("http://10.0.0.7:8000/v1 refuses")
    await on.say("hello")
    await on.quiet()
    (told,) = on.platform.notices
    assert "cannot answer now: the model gives no answer" in told
    assert "10.0.0.7" not in told, "addresses are the owner's business"
    answer = (await logged(on))[-1]
    assert answer.state == "failed"
    assert "10.0.0.7" in answer.error


async def test_stop_keeps_whole_sentences(on: Stage) -> None:
    on.backend.say = lambda _: "This is whole. " + "and then " * 200
    on.backend.pause = 0.01
    await on.say("go on")
    await on.platform.shows("whole. and then")
    assert await on.do("stop") == "Stopped."
    await on.quiet()
    assert [p.text for p in on.platform.posts] == ["This is whole."]
    answer = (await logged(on))[-1]
    assert (answer.text, answer.state) == ("This is whole.", "delivered")
    assert on.backend.open == 0, "the generation ended"


async def test_stop_before_a_sentence_takes_it_back(on: Stage) -> None:
    on.backend.hold.clear()
    await on.say("go on")
    await on.backend.asked()
    await on.do("stop")
    await on.quiet()
    assert not on.platform.posts
    assert (await logged(on))[-1].state == "stopped"


async def test_what_was_stopped_leaves_a_trace_and_is_asked_again(on: Stage) -> None:
    await on.say("first")
    await on.quiet()
    on.backend.hold.clear()
    await on.say("go on")
    await on.backend.asked(2)
    await on.do("stop")
    await on.quiet()
    assert on.platform.notices == [
        "(Sherlock Holmes was stopped before a whole sentence. /again asks once more.)"
    ]
    (trace,) = [v for v in await Archive(on.bot.house).current(CHANNEL) if v.gone]
    assert (trace.text, trace.gone) == ("", "(Sherlock Holmes was stopped before a whole sentence.)")
    on.backend.hold.set()
    on.backend.say = lambda _: "So be it."
    assert await on.do("again") == "Sherlock Holmes is asked again."
    await on.quiet()
    stopped, answer = (await logged(on))[-2:]
    assert (stopped.state, answer.alternative_of, answer.text) == ("stopped", stopped.id, "So be it.")
    assert "go on" in on.backend.requests[-1].messages[-1].text
    async with on.bot.house.journal.read() as tx:
        assert not await feedback.of_turn(tx, stopped.id)
    assert not any(v.gone for v in await Archive(on.bot.house).current(CHANNEL)), "it was answered"


async def test_again_makes_another_answer_and_keeps_the_first(on: Stage) -> None:
    await on.say("hello")
    await on.quiet()
    on.backend.say = lambda _: "Quite another thing."
    await on.do("again")
    await on.quiet()
    rows = await logged(on)
    assert [r.text for r in rows[1:]] == ["I see it. It is fine.", "Quite another thing."]
    assert rows[2].alternative_of == rows[1].id
    assert "I see it" not in on.backend.requests[-1].messages[1].text
    async with on.bot.house.journal.read() as tx:
        assert [f.kind for f in await feedback.of_turn(tx, rows[1].id)] == ["again"]
    await on.say("go on")
    await on.quiet()
    assert "Quite another thing." in on.backend.requests[-1].messages[1].text
    assert "I see it" not in on.backend.requests[-1].messages[1].text


async def test_why_tells_the_rule_and_the_making(on: Stage) -> None:
    assert "No character has answered" in await on.do("why")
    await on.say("hello")
    await on.quiet()
    told = await on.do("why")
    assert "every message" in told
    assert "scripted-1" in told


async def test_new_forgets_for_the_characters_not_for_the_journal(on: Stage) -> None:
    await on.say("the password is swordfish")
    await on.quiet()
    await on.do("new")
    await on.say("what is the password?")
    await on.quiet()
    assert "swordfish" not in on.backend.requests[-1].messages[1].text
    assert any("swordfish" in r.text for r in await logged(on))


async def test_a_character_knows_only_what_it_witnessed(on: Stage) -> None:
    await on.say("a secret: the key is under the mat")
    await on.quiet()
    await on.do("talk", character="ada-lovelace", words="where is the key?")
    await on.quiet()
    assert "under the mat" not in on.backend.requests[-1].messages[1].text


async def test_edits_deletions_and_reactions_are_followed(on: Stage) -> None:
    asked = await on.say("the cat is blakc")
    await on.quiet()
    await on.bot.receive(Edited(CHANNEL, asked, "the cat is black"))
    await on.bot.receive(Reacted(CHANNEL, KIM, "b0001", "👍"))
    await on.quiet()
    rows = await logged(on)
    assert rows[0].text == "the cat is black"
    async with on.bot.house.journal.read() as tx:
        assert [(f.person_id, f.value) for f in await feedback.of_turn(tx, rows[1].id)] == [("stage:2", "👍")]
        assert await turns.former_texts(tx, rows[0].id) == ["the cat is blakc"]
    await on.bot.receive(Deleted(CHANNEL, asked))
    await on.quiet()
    await on.say("go on")
    await on.quiet()
    assert "black" not in on.backend.requests[-1].messages[1].text


async def test_the_filter_withholds(tmp_path: Path) -> None:
    settings = BotSettings(filter=FilterSettings(patterns=("sword.?fish",)))
    async with stage(
        tmp_path, settings=settings, backend=ScriptedBackend("Well. It is Swordfish. Good.")
    ) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await s.quiet()
        assert not s.platform.posts
        assert (await logged(s))[-1].state == "withheld"


async def test_only_managers_set_characters_up(on: Stage) -> None:
    assert "manage" in await on.do("character.add", author=KIM, character="ada-lovelace")
    assert "did you mean" in (await on.do("character.add", character="sherlok holms")).lower()


async def test_forget_takes_two_words_and_takes_all(on: Stage) -> None:
    await on.say("my name is Rumpelstiltskin", author=KIM)
    await on.quiet()
    assert "cannot be undone" in await on.do("forget", author=KIM)
    assert len(await logged(on)) == 2
    assert "Forgotten" in await on.do("forget", author=KIM, confirm="yes")
    assert not any("Rumpel" in r.text for r in await logged(on))


# Crashes.


async def test_an_event_that_was_stored_but_not_heard_is_taken_up(tmp_path: Path) -> None:
    platform = StagePlatform()
    async with stage(tmp_path, platform=platform) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        s.bot.lanes.put = lambda *_, **__: None  # type: ignore[method-assign]  # the crash
        await s.say("anybody there?")
    async with stage(tmp_path, platform=platform) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert [p.text for p in platform.posts] == ["I see it. It is fine."]
        assert [r.text for r in await logged(s)] == ["anybody there?", "I see it. It is fine."]


async def test_a_reply_interrupted_while_it_streamed_goes_on_in_its_message(tmp_path: Path) -> None:
    platform = StagePlatform()
    slow = ScriptedBackend("One two three. " + "four " * 500)
    slow.pause = 0.01
    async with stage(tmp_path, platform=platform, backend=slow) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await platform.shows()
    async with stage(tmp_path, platform=platform) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert [(p.id, p.text) for p in platform.posts] == [("b0001", "I see it. It is fine.")]
        assert (await logged(s))[-1].state == "delivered"


async def test_a_written_reply_is_delivered_not_made_again(tmp_path: Path) -> None:
    platform = StagePlatform()
    platform.fail_finish = 1
    async with stage(tmp_path, platform=platform, backend=ScriptedBackend("The first words.")) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await s.quiet()
        assert (await logged(s))[-1].state == "written"
    async with stage(tmp_path, platform=platform, backend=ScriptedBackend("Other words.")) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert [p.text for p in platform.posts] == ["The first words."]
        assert not s.backend.requests


async def test_a_written_reply_that_is_refused_after_a_restart_is_settled_and_told(tmp_path: Path) -> None:
    platform = StagePlatform()
    platform.fail_finish = 1
    async with stage(tmp_path, platform=platform) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await s.quiet()
    platform.refuses = True
    for _ in range(2):
        async with stage(tmp_path, platform=platform) as s:
            await s.bot.joined(platform)
            await s.quiet()
            assert (await logged(s))[-1].state == "failed"
    assert len([n for n in platform.notices if "cannot answer now" in n]) == 1
    assert not platform.posts


async def interrupted(tmp_path: Path, platform: StagePlatform) -> None:
    """A character was asked, and the bot went away before its first word."""
    held = ScriptedBackend()
    held.hold.clear()
    async with stage(tmp_path, platform=platform, backend=held) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await held.asked()


async def test_where_it_cannot_be_told_the_turn_is_handed_back_once(tmp_path: Path) -> None:
    platform = StagePlatform()
    await interrupted(tmp_path, platform)
    platform.readable = False
    for _ in range(2):
        async with stage(tmp_path, platform=platform) as s:
            await s.bot.joined(platform)
            await s.quiet()
            assert (await logged(s))[-1].state == "handed-back"
    assert len([n for n in platform.notices if "interrupted" in n]) == 1
    assert not platform.posts


class Passing(StagePlatform):
    """Its places do not outlive it."""

    def stands(self, place: Place) -> bool:
        return False


async def test_what_was_interrupted_is_not_told_in_another_conversation(tmp_path: Path) -> None:
    await interrupted(tmp_path, Passing())
    platform = Passing()
    async with stage(tmp_path, platform=platform) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert (await logged(s))[-1].state == "handed-back"
        assert not s.backend.requests
    assert not platform.posts
    assert not platform.notices


@pytest.mark.parametrize("since", ["new", "another"])
async def test_what_was_interrupted_is_not_told_once_its_dialogue_is_over(tmp_path: Path, since: str) -> None:
    platform = StagePlatform()
    await interrupted(tmp_path, platform)
    platform.readable = False
    async with stage(tmp_path, platform=platform) as s:
        await s.do("new")
        if since == "another":
            await s.say("something else")
            await s.quiet()
        await s.bot.joined(platform)
        await s.quiet()
        assert "handed-back" in [r.state for r in await logged(s)]
    assert not platform.notices


async def _brought_down(
    folder: Path, platform: StagePlatform, backend: ScriptedBackend, *, shown: bool
) -> None:
    """Has a message answered, and ends the bot each time the model is at it (with `shown`: once words stand),
    as often as a turn is taken up again."""
    for attempt in range(1 + MOST_ATTEMPTS):
        async with stage(folder, platform=platform, backend=backend) as s:
            if attempt:
                await s.bot.joined(platform)
            else:
                await s.do("character.add", character="sherlock-holmes", talk="always")
                await s.say("hello")
            await backend.asked(attempt + 1)
            if shown:
                await platform.shows()


async def _started_again(folder: Path, platform: StagePlatform, backend: ScriptedBackend) -> str:
    """The state of the last turn after another start, in which the model is not asked."""
    asked = len(backend.requests)
    async with stage(folder, platform=platform, backend=backend) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert len(backend.requests) == asked
        return (await logged(s))[-1].state


async def test_a_turn_that_always_brings_the_bot_down_is_handed_back(tmp_path: Path) -> None:
    platform = StagePlatform()
    held = ScriptedBackend()
    held.hold.clear()
    await _brought_down(tmp_path, platform, held, shown=False)
    for _ in range(2):
        assert await _started_again(tmp_path, platform, held) == "handed-back"
    assert len([n for n in platform.notices if "interrupted" in n]) == 1


async def test_what_was_shown_of_a_turn_that_is_handed_back_is_taken_back(tmp_path: Path) -> None:
    platform = StagePlatform()
    slow = ScriptedBackend("One two three. " + "four " * 500)
    slow.pause = 0.01
    await _brought_down(tmp_path, platform, slow, shown=True)
    assert len(platform.posts) == 1, "what was shown stands, as after a crash"
    for _ in range(2):
        assert await _started_again(tmp_path, platform, slow) == "handed-back"
    assert not platform.posts
    assert len([n for n in platform.notices if "interrupted" in n]) == 1


async def test_a_second_message_whose_answer_was_lost_belongs_to_the_turn(tmp_path: Path) -> None:
    platform = StagePlatform()
    platform.fail_finish = 1
    async with stage(tmp_path, platform=platform, backend=ScriptedBackend("The first words.")) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await s.quiet()
    (first,) = platform.posts
    platform.posts.append(
        Post("b0002", first.name, "and the rest", first.turn_id)
    )  # the journal knows the first
    async with stage(tmp_path, platform=platform) as s:
        await s.bot.joined(platform)
        await s.quiet()
        answer = (await logged(s))[-1]
    assert (answer.state, answer.message_ids) == ("delivered", ("b0001", "b0002"))


async def test_a_turn_that_waits_while_the_platform_joins_again_is_answered_once(on: Stage) -> None:
    await on.do("character.add", character="ada-lovelace", talk="always")
    on.backend.say = lambda _: f"This is thought number {len(on.backend.requests)}, and mine."
    on.backend.hold.clear()
    await on.say("Holmes, Lovelace: what do you both think?")  # both are planned, one speaks
    await on.backend.asked()
    await on.bot.joined(on.platform)
    on.backend.hold.set()
    await on.quiet()
    assert sorted(p.name for p in on.platform.posts) == ["Ada Lovelace", "Sherlock Holmes"]
    assert len(on.backend.requests) == 2


async def test_history_is_read_from_when_a_character_came_and_not_from_a_command(tmp_path: Path) -> None:
    async def mark(s: Stage) -> str:
        async with s.bot.house.journal.read() as tx:
            channel = await channels.get(tx, CHANNEL.key)
        return channel.last_message_id if channel else ""

    async with stage(tmp_path) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        assert await mark(s) == "k0001"
        await s.say("hello")
        await s.do("character.add", character="ada-lovelace")
        await s.do("talk", character="sherlock-holmes", words="this stands in no history")
        await s.quiet()
        assert await mark(s) == "m0002"
        for name in ("sherlock-holmes", "ada-lovelace"):
            await s.do("character.remove", character=name)
        await s.do("character.add", character="ada-lovelace")
        assert await mark(s) == "k0007", "what was said while nobody was here is not answered"


async def test_missed_messages_are_read_from_the_history(on: Stage) -> None:
    await on.say("one")
    await on.quiet()
    on.platform.past = [Incoming(CHANNEL, KIM, f"m000{n}", f"missed {n}") for n in range(2, 5)]
    await on.bot.joined(on.platform)
    await on.quiet()
    heard = [r.text for r in await logged(on) if r.speaker_kind == "human"]
    assert heard == ["one", "missed 3", "missed 4"]


async def test_missed_words_in_a_private_conversation_are_read_too(tmp_path: Path) -> None:
    private = Place("stage", "dm", private=True)
    async with stage(tmp_path) as s:
        await s.say("one", place=private)
        await s.quiet()
        s.platform.past = [Incoming(private, KIM, "m0002", "missed")]
        await s.bot.joined(s.platform)
        await s.quiet()
        assert [r.text for r in await logged(s, private) if r.speaker_kind == "human"] == ["one", "missed"]


async def test_seeing_models_get_pixels(tmp_path: Path) -> None:
    seen: list[int] = []

    def say(request: Request) -> str:
        seen.append(len(request.messages[1].pictures))
        return "A square."

    async with stage(tmp_path, backend=ScriptedBackend(say, sees=True)) as s:
        picture = await s.bot.house.intake.take(drawn(3))
        async with s.bot.house.journal.write() as tx:
            await pictures.add(tx, picture)
        await s.do("character.add", character="ada-lovelace")
        await s.say("look", attachments=(Attachment(sha256=picture.sha256),))
        await s.quiet()
    assert seen == [1]


async def test_a_card_is_shown_without_macros(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        cast = s.bot.house.cast
        holmes = cast.characters["sherlock-holmes"]
        profile = replace(holmes.profile, introduction="{{char}} of Baker Street.")
        greeting = "{{// for makers}}\n{{user}}, I perceive?\nSit."
        told = replace(holmes, greeting=greeting, profile=profile)
        cast.characters = {**cast.characters, holmes.id: told}
        joined = await s.do("character.add", character=holmes.id)
        assert joined.endswith("\n> Sam, I perceive?")
        assert "Sherlock Holmes of Baker Street." in await s.do("character.info", character=holmes.id)


async def test_attached_lore_is_known_in_its_channel_and_recorded(on: Stage) -> None:
    house = on.bot.house
    world = b'{"entries": [{"keys": ["owl"], "content": "The owl is called Minerva."}]}'
    house.cast.lorebooks.add(world, "birds")
    house.cast.lorebooks.attach("birds", "channels", CHANNEL.key)
    other = Place("stage", "c2", server="s1")
    await on.do("character.add", place=other, character="sherlock-holmes", talk="always")
    await on.say("What of the owl?")
    await on.quiet()
    await on.say("What of the owl?", place=other)
    await on.quiet()
    here, there = ("\n".join(m.text for m in r.messages) for r in on.backend.requests)
    assert "Minerva" in here
    assert "Minerva" not in there
    versions = [
        t.character_version for p in (CHANNEL, other) for t in await logged(on, p) if t.character_version
    ]
    known = house.cast.characters["sherlock-holmes"]
    assert versions == [house.equipped(known, CHANNEL.key).version, known.version]
