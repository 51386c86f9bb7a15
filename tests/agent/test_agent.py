"""Which seed a reply is made with: the caller's, the settings', or a new one; never the same for another try. And what
is never shown."""

import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from agent.agent import Agent, Reply
from agent.backends.base import Done, Finish, Piece, Request
from agent.character import Character
from agent.errors import BackendError
from agent.prompt.ask import Ask
from agent.settings import AgentSettings, SamplingSettings
from tests.agent.prompt.test_full import ADA, TALK
from tests.fakes.stage import ScriptedBackend

ASK = Ask(ADA, TALK)


def speaker(backend: ScriptedBackend, seed: int | None) -> Agent:
    return Agent(backend, AgentSettings(sampling=SamplingSettings(seed=seed)))


async def reply(agent: Agent, seed: int | None = None) -> Reply:
    *_, last = [step async for step in agent.reply(ASK, seed=seed)]
    assert isinstance(last, Reply)
    return last


def seeds(backend: ScriptedBackend) -> list[int | None]:
    return [request.sampling.seed for request in backend.requests]


async def test_the_settings_seed_is_used_for_every_reply() -> None:
    backend = ScriptedBackend()
    agent = speaker(backend, 7)
    assert [(await reply(agent)).facts.seed for _ in range(2)] == [7, 7]
    assert seeds(backend) == [7, 7]


async def test_the_callers_seed_goes_before_the_settings() -> None:
    backend = ScriptedBackend()
    await reply(speaker(backend, 7), seed=0)
    assert seeds(backend) == [0]


async def test_without_a_seed_each_reply_draws_its_own() -> None:
    backend = ScriptedBackend()
    agent = speaker(backend, None)
    for _ in range(4):
        await reply(agent)
    assert None not in seeds(backend)
    assert len(set(seeds(backend))) > 1  # that four of 31 bits are equal never happens


@pytest.mark.parametrize("seed", [None, 7])
async def test_another_try_has_another_seed(seed: int | None) -> None:
    asked: list[Request] = []

    def say(request: Request) -> str:
        asked.append(request)
        return "" if len(asked) < 3 else "A loom."

    backend = ScriptedBackend(say)
    assert (await reply(speaker(backend, seed))).text == "A loom."
    assert len(set(seeds(backend))) == 3
    assert seed is None or seeds(backend) == [7, 8, 9]


async def test_a_model_that_says_nothing_is_told() -> None:
    backend = ScriptedBackend("")
    with pytest.raises(BackendError, match="nothing"):
        await reply(speaker(backend, 7))
    assert seeds(backend) == [7, 8, 9]


async def test_thinking_that_used_up_the_tokens_names_the_setting() -> None:
    class Thinker(ScriptedBackend):
        async def generate(self, request: Request) -> AsyncGenerator[Piece | Done, None]:
            yield Done(Finish.LIMIT, 10, 220, self.model, seed=request.sampling.seed)

    with pytest.raises(BackendError) as caught:
        await reply(speaker(Thinker(), 7))
    assert "max_tokens in [agent.sampling]" in caught.value.mend


RECITAL = "The rest of what you know: a mathematician of iron, of steam and of a hundred wheels."
PARROT = replace(ADA, profile=replace(ADA.profile, introduction=RECITAL))


async def shown(say: Callable[[int], str], who: Character = PARROT) -> tuple[list[str], Reply]:
    """All that people saw, and the reply; `say` is told the number of the try."""
    tries = itertools.count()
    agent = speaker(ScriptedBackend(lambda _: say(next(tries))), 7)
    *texts, last = [step async for step in agent.reply(Ask(who, TALK))]
    assert isinstance(last, Reply)
    return [str(t) for t in texts], last


async def test_a_recital_is_never_shown_and_asked_for_again() -> None:
    texts, last = await shown(lambda n: RECITAL if n < 2 else "A loom, and a fine one.")
    assert last.text == "A loom, and a fine one."
    assert last.facts.refused == "recites its prompt; recites its prompt"
    assert last.facts.seed == 9
    assert not any("what you know" in t for t in texts)


async def test_what_stood_before_a_recital_stays() -> None:
    _, last = await shown(lambda n: f"A loom, sir. {RECITAL}")
    assert (last.text, last.facts.finish, last.facts.refused) == ("A loom, sir.", "unfit", "")


async def test_where_no_try_is_fit_the_card_has_a_line() -> None:
    texts, last = await shown(lambda n: RECITAL)
    assert last.text == "That is a pattern."
    assert last.facts.finish == "line"
    assert last.facts.refused.count("recites") == 3
    assert not any("what you know" in t for t in texts)


async def test_without_catchphrases_the_greeting_has_one() -> None:
    quiet = replace(
        PARROT, greeting="Good evening, {{user}}. Sit down.", profile=replace(PARROT.profile, catchphrases=())
    )
    assert (await shown(lambda n: RECITAL, quiet))[1].text == "Good evening, you."
    assert (await shown(lambda n: RECITAL, replace(quiet, greeting="")))[1].text.startswith("Forgive me")


async def test_a_reply_that_is_left_shows_no_refused_beginning() -> None:
    """A reader who goes away after each piece has seen nothing of the recital but words that anybody says."""
    agent = speaker(ScriptedBackend(f"A loom, sir. {RECITAL}"), 7)
    seen = ""
    async with aclosing(agent.reply(Ask(PARROT, TALK))) as steps:
        async for step in steps:
            seen = step if isinstance(step, str) else seen
    assert seen in ("A loom, sir.", "A loom, sir. The", "A loom, sir. The rest")
