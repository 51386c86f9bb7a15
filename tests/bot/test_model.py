"""What people are told of the model at hand is true of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.backends.base import Abilities
from agent.errors import BackendDown
from agent.settings import AgentSettings, EyesSettings, PromptSettings
from bot.model import BUSY, introduced
from tests.fakes.stage import ScriptedBackend, Stage, stage


class Away(ScriptedBackend):
    async def abilities(self) -> Abilities:
        raise BackendDown("http://10.0.0.7 does not answer")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as s:
        yield s


async def test_a_blind_model_is_said_to_be_told(on: Stage) -> None:
    on.backend.model = "Small.Q4_1-b179c9523d0e+voice-0123456789ab"
    told = await introduced(on.bot.house)
    assert told.startswith(
        "Small.Q4_1+voice speaks here. It does not see pictures: it is told tags, text and colours"
    )
    assert told in await on.do("help")


async def test_a_seeing_model_is_said_to_see(on: Stage) -> None:
    on.backend.sees = True
    assert "It sees the newest 2 pictures" in await introduced(on.bot.house)


async def test_the_settings_have_their_say(on: Stage) -> None:
    on.backend.sees = True
    prompt, eyes = PromptSettings(pictures=0), EyesSettings(tags=False, text=False)
    on.bot.house.agent.settings = AgentSettings(prompt=prompt, eyes=eyes)
    assert "It does not see pictures: it is told colours found" in await introduced(on.bot.house)


async def test_a_model_that_is_away_costs_nobody_the_help(tmp_path: Path) -> None:
    async with stage(tmp_path, backend=Away()) as s:
        told = await s.do("help")
    assert "/talk" in told
    assert told.endswith(BUSY)
    assert "10.0.0.7" not in told
