"""A fresh loopback Discord with one server and one channel, and a recorder for each test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.bot.platforms.discord.house import Recorder
from tests.fakes.discord import LoopbackDiscord
from tests.fakes.discord.world import Json


@dataclass
class Town:
    discord: LoopbackDiscord
    guild: Json
    channel: Json
    john: Json


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with LoopbackDiscord() as d:
        guild = d.guild()
        yield Town(d, guild, d.channel(guild), d.user("John"))


@pytest.fixture
def inbox() -> Recorder:
    return Recorder()
