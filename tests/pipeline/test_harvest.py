"""The harvest takes only what people agreed to and platforms allow."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.dialogue import Scenario
from bot.events import Author, Place
from bot.house import now
from journal import consent, turns
from pipeline.harvest import Sample, harvest
from tests.fakes.stage import CHANNEL, SAM, Stage, stage

KIM = Author("stage", "2", "Kim")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        yield s


async def harvested(s: Stage, *, permitted: tuple[str, ...] = ()) -> list[Sample]:
    return [sample async for sample in harvest(s.bot.house.journal, permitted=permitted)]


async def say(s: Stage, words: str, author: Author = SAM) -> None:
    await s.say(words, author=author)
    await s.quiet()


async def test_nothing_without_consent(on: Stage) -> None:
    await say(on, "hello")
    assert await harvested(on) == []


async def test_a_consented_dialogue_gives_a_sample_an_answer(on: Stage) -> None:
    await on.do("privacy", training="on")
    await say(on, "one")
    await say(on, "two")
    first, second = await harvested(on)
    assert [line.text for line in first.history] == ["one"]
    assert [line.text for line in second.history] == ["one", "I see it. It is fine.", "two"]
    assert (second.answer, second.character_id, second.scenario) == (
        "I see it. It is fine.",
        "sherlock-holmes",
        Scenario.HUMAN_ROLE,
    )
    assert second.model == "scripted-1"
    assert second.history[0].speaker == "stage:1", "an id, never a display name"


async def test_everybody_the_speaker_heard_must_have_agreed(on: Stage) -> None:
    await on.do("privacy", training="on")
    await say(on, "one")
    await say(on, "me too", author=KIM)
    await say(on, "three")
    assert [len(s.history) for s in await harvested(on)] == [1]
    await on.do("privacy", author=KIM, training="on")
    assert len(await harvested(on)) == 3
    await on.do("privacy", training="off")
    assert await harvested(on) == []


async def test_deleted_and_unfinished_turns_stay_out(on: Stage) -> None:
    await on.do("privacy", training="on")
    await say(on, "one")
    async with on.bot.house.journal.write() as tx:
        answer = await turns.last_by_character(tx, CHANNEL.key)
        assert answer
        await turns.delete(tx, answer.id)
    assert await harvested(on) == []


async def test_discord_stays_out_until_its_permission_is_on_record(on: Stage) -> None:
    place, author = Place("discord", "9", private=True), Author("discord", "5", "Lee")
    on.bot.house.platforms["discord"] = on.platform
    async with on.bot.house.journal.write() as tx:
        await consent.set_consent(tx, author.key, True, at=now())
    await on.say("hello", place=place, author=author)
    await on.quiet()
    assert await harvested(on) == []
    assert len(await harvested(on, permitted=("discord",))) == 1
