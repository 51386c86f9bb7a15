"""Discord and the core, with Sherlock Holmes in the channel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.discord import LoopbackDiscord
from tests.fakes.stage import ScriptedBackend
from tests.whole.theatre import HOLMES, SEES_ALL, WORDS, Theatre, theatre


@pytest.fixture
async def d() -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord() as discord:
        yield discord


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend(WORDS, sees=True)


@pytest.fixture
async def on(d: LoopbackDiscord, tmp_path: Path, backend: ScriptedBackend) -> AsyncIterator[Theatre]:
    """Sherlock Holmes answers everything in the channel."""
    async with theatre(d, tmp_path, backend, settings=SEES_ALL) as t:
        await t.do("character add", character=HOLMES, talk="always")
        yield t
