import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agent.dialogue import Scenario
from bot.duet import repeats
from bot.settings import BotSettings, DuetSettings
from journal import duets
from tests.bot.test_bot import KIM, logged
from tests.fakes.stage import CHANNEL, ScriptedBackend, Stage, StagePlatform, stage

QUICK = BotSettings(duet=DuetSettings(pause_seconds=0.0))
PAIR: dict[str, Any] = {"first": "sherlock-holmes", "second": "ada-lovelace"}


def fresh() -> ScriptedBackend:
    """Says something new each time."""
    numbers = count(1)
    return ScriptedBackend(lambda _: " ".join(f"w{next(numbers)}" for _ in range(8)) + ".")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, backend=fresh(), settings=QUICK) as s:
        yield s


async def ended(s: Stage) -> str:
    running = s.bot.duets.running(CHANNEL.key)
    if running is not None:
        assert running.task
        await asyncio.wait_for(asyncio.shield(running.task), 60)
    return await reason(s)


async def reason(s: Stage) -> str:
    async with s.bot.house.journal.read() as tx:
        rows = await logged(s)
        assert not await duets.running(tx)
        found = await tx.exec_driver_sql("select end_reason from duets order by id desc")
        assert rows
        return str(found.scalar())


async def test_two_converse_in_turn_and_it_is_inter_role(on: Stage) -> None:
    told = await on.do("duet", **PAIR, turns=4, about="the weather")
    assert "Sherlock Holmes" in told
    assert await ended(on) == "done"
    assert [p.name for p in on.platform.posts] == ["Sherlock Holmes", "Ada Lovelace"] * 2
    rows = await logged(on)
    assert [r.state for r in rows] == ["heard"] + ["delivered"] * 4
    async with on.bot.house.journal.read() as tx:
        from journal import dialogues

        dialogue = await dialogues.get(tx, rows[0].dialogue_id)
    assert dialogue is not None
    assert (dialogue.scenario, dialogue.end_reason) == (Scenario.INTER_ROLE, "duet ended")
    first, second = (r.messages[1].text for r in on.backend.requests[:2])
    assert "Open a conversation with Ada Lovelace" in first
    assert "the weather" in first
    assert "Answer the following words of Sherlock Holmes" in second
    assert "The profile of Sherlock Holmes" in second


async def test_a_person_steers_and_the_next_speaker_answers(on: Stage) -> None:
    on.backend.hold.clear()
    await on.do("duet", **PAIR, turns=3)
    await on.backend.asked()
    await on.say("And what of the moon?", author=KIM)
    on.backend.hold.set()
    await ended(on)
    assert any("And what of the moon?" in r.messages[1].text for r in on.backend.requests)
    heard = [r for r in await logged(on) if r.text == "And what of the moon?"]
    assert len(heard) == 1
    assert heard[0].dialogue_id == (await logged(on))[0].dialogue_id
    assert len(on.platform.posts) == 3, "a steering word gets no answer of its own"


async def test_stop_ends_it_at_once(on: Stage) -> None:
    on.backend.say = lambda _: "A whole one. " + "and " * 500
    on.backend.pause = 0.01
    await on.do("duet", **PAIR, turns=10)
    await on.platform.shows("one. and")
    assert await on.do("stop") == "The duet is stopped."
    assert await reason(on) == "stopped"
    assert [p.text for p in on.platform.posts] == ["A whole one."]


async def test_it_ends_when_they_repeat_themselves(tmp_path: Path) -> None:
    same = ScriptedBackend("I quite agree with you, my dear friend, in all of that.")
    async with stage(tmp_path, backend=same, settings=QUICK) as s:
        await s.do("duet", **PAIR, turns=10)
        assert await ended(s) == "repetition"
        first, second, third = [post.text for post in s.platform.posts]
        assert first == third
        catchphrases = s.bot.house.cast.characters["ada-lovelace"].profile.catchphrases
        assert second in catchphrases, "what gives back the other's words is not shown"
        assert s.platform.notices == ["The duet is over: they repeat themselves."]


async def test_limits_on_tokens_and_time(tmp_path: Path) -> None:
    settings = BotSettings(duet=DuetSettings(pause_seconds=0, max_tokens=11))
    async with stage(tmp_path / "a", backend=fresh(), settings=settings) as s:
        await s.do("duet", **PAIR, turns=10)
        assert await ended(s) == "token limit"
        assert len(s.platform.posts) == 3  # 5 tokens each
    slow = fresh()
    slow.pause = 0.05
    settings = BotSettings(duet=DuetSettings(pause_seconds=0, max_seconds=1.0))
    async with stage(tmp_path / "b", backend=slow, settings=settings) as s:
        await s.do("duet", **PAIR, turns=24)
        assert await ended(s) == "time limit"
        assert all(r.state in ("heard", "delivered", "stopped") for r in await logged(s))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"first": "sherlock-holmes", "second": "sherlock-holmes"}, "two different"),
        ({"first": "sherlock-holmes", "second": "nobody at all"}, "nobody at all"),
        ({**PAIR, "turns": 1}, "2 to 24"),
        ({**PAIR, "turns": 99}, "2 to 24"),
    ],
)
async def test_bad_duets_are_explained(on: Stage, arguments: dict[str, Any], told: str) -> None:
    assert told in await on.do("duet", **arguments)
    assert on.bot.duets.running(CHANNEL.key) is None


async def test_one_duet_a_channel(on: Stage) -> None:
    on.backend.hold.clear()
    await on.do("duet", **PAIR, turns=2)
    assert "running here already" in await on.do("duet", **PAIR, turns=2)
    on.backend.hold.set()
    await ended(on)


async def test_a_duet_cut_off_by_a_crash_ends_and_its_last_turn_is_finished(tmp_path: Path) -> None:
    platform = StagePlatform()
    held = fresh()
    held.hold.clear()
    async with stage(tmp_path, platform=platform, backend=held, settings=QUICK) as s:
        await s.do("duet", **PAIR, turns=4)
        await held.asked()
    async with stage(tmp_path, platform=platform, backend=fresh(), settings=QUICK) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert await reason(s) in ("interrupted", "failed")
        assert [p.name for p in platform.posts] == ["Sherlock Holmes"]


def test_likeness() -> None:
    limits = DuetSettings()
    assert repeats("I quite agree with you there.", ["I quite agree with you there!"[:-1] + "."], limits)
    assert not repeats("The door is red and tall.", ["A cat sat on the old mat."], limits)
    assert not repeats("", ["x y z"], limits)
