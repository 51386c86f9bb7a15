"""The platform as a process of its own, through the CONNECT proxy, killed between a post and its answer."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Recorder, outgoing, place, running
from tests.fakes.discord.world import Json

ROOT = Path(__file__).parents[4]
SCRIPT = """
import asyncio, sys
from bot.settings import DiscordSettings
from bot.platforms.discord.platform import DiscordPlatform
from tests.bot.platforms.discord.house import PLATFORM, Notes, Recorder, face

async def main(proxy):
    inbox = Recorder(lambda event: [("sherlock-holmes", ["Elementary."])])
    inbox.platform = DiscordPlatform(
        DiscordSettings(), "main-token", {}, faces=face, memory=Notes(), proxy=proxy, **PLATFORM
    )
    await inbox.platform.run(inbox, inbox)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_killed_process_leaves_one_reply_that_is_found(town: Town, inbox: Recorder) -> None:
    d = town.discord
    environment = {**os.environ, "SSL_CERT_FILE": d.ca_file, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, d.proxy_url, cwd=ROOT, env=environment
    )

    async def kill(message: Json) -> None:
        process.send_signal(signal.SIGKILL)
        await process.wait()

    try:
        d.on_posted = kill
        await asyncio.wait_for(d.gateway.changed.wait(), 60)
        asked = await d.say(town.john, town.channel, "How do you know?")
        await asyncio.wait_for(process.wait(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    d.on_posted = None
    assert process.returncode == -signal.SIGKILL
    turn = outgoing(place(town.channel), after=asked["id"])
    async with running(d, inbox) as platform:
        found = await platform.find(turn)
    assert found == [d.messages(town.channel)[-1].id]
    assert [m.content for m in d.messages(town.channel)] == ["How do you know?", "Elementary."]
