"""The bot's core on a real PostgreSQL: what works on SQLite works there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import BotSettings, DuetSettings
from journal.ids import new_id
from tests.bot.test_bot import logged
from tests.bot.test_duet import PAIR, ended, fresh
from tests.fakes import postgres
from tests.fakes.stage import ScriptedBackend, StagePlatform, stage

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    try:
        with postgres.cluster() as found:
            yield found
    except postgres.PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def url(socket: str) -> str:
    return await postgres.new_database(socket, f"b{new_id().lower()}")


async def test_a_conversation_a_crash_and_forgetting(url: str, tmp_path: Path) -> None:
    platform = StagePlatform()
    platform.fail_finish = 1
    async with stage(tmp_path, url=url, platform=platform, backend=ScriptedBackend("The first words.")) as s:
        await s.do("character.add", character="sherlock-holmes", talk="always")
        await s.say("hello")
        await s.quiet()
        assert (await logged(s))[-1].state == "written"
    async with stage(tmp_path, url=url, platform=platform) as s:
        await s.bot.joined(platform)
        await s.quiet()
        assert [p.text for p in platform.posts] == ["The first words."]
        await s.do("again")
        await s.quiet()
        assert [r.state for r in await logged(s)] == ["heard", "delivered", "delivered"]
        assert "scripted-1" in await s.do("why")
        assert "Forgotten" in await s.do("forget", confirm="yes")
        assert not any(r.text == "hello" for r in await logged(s))


async def test_a_duet(url: str, tmp_path: Path) -> None:
    settings = BotSettings(duet=DuetSettings(pause_seconds=0.0))
    async with stage(tmp_path, url=url, backend=fresh(), settings=settings) as s:
        await s.do("duet", **PAIR, turns=3)
        assert await ended(s) == "done"
        assert [p.name for p in s.platform.posts] == ["Sherlock Holmes", "Ada Lovelace", "Sherlock Holmes"]
