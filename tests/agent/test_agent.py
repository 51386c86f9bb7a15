"""Which seed a reply is made with: the caller's, the settings', or a new one; never the same for another try."""

import pytest

from agent.agent import Agent, Reply
from agent.backends.base import Request
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
