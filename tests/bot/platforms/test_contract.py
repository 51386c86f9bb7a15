"""The contract suite over the platforms that need nothing but this machine."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agent.intake import Intake
from agent.settings import IntakeSettings
from bot.events import Place
from bot.platforms.terminal import TerminalPlatform
from bot.platforms.web import WebPlatform
from bot.settings import WebSettings
from tests.bot.platforms.contract import HANG, PlatformContract, Recorder, Rig
from tests.bot.platforms.web.stand import MemoryArchive, MemoryCast, said_of_the_model

CONVERSATION = "c-contract-contract-1"


class TestTerminal(PlatformContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        paper, lines = io.StringIO(), asyncio.Queue[str | None]()
        platform = TerminalPlatform(paper, lines=lines.get, live=True)
        inbox = Recorder()

        async def seen() -> str:
            return paper.getvalue()

        task = asyncio.create_task(platform.run(inbox, inbox))
        yield Rig(platform, inbox, platform.place, task, seen, lines.put)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class TestWeb(PlatformContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[Rig]:
        intake = Intake(IntakeSettings(folder=tmp_path))
        archive = MemoryArchive(tmp_path)
        platform = WebPlatform(
            WebSettings(port=0), intake=intake, cast=MemoryCast(), archive=archive, model=said_of_the_model
        )
        inbox = Recorder()
        task = asyncio.create_task(platform.run(inbox, inbox))
        async with asyncio.timeout(HANG):
            await platform.ready.wait()
        origin = platform.address.partition("/?")[0]
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": origin}) as person:
            await (await person.get(platform.address)).read()

            async def seen() -> str:
                """Everything the page would draw: words of events, as the browser gets them."""
                words: list[str] = []
                for event in platform.hub.log(CONVERSATION).events:
                    words += [str(event.data.get(k, "")) for k in ("text", "more", "words")]
                    words.append(event.data.get("character", {}).get("name", ""))
                # A page puts these into text nodes; there, control characters are only invisible.
                return "".join(c for c in "\n".join(words) if c.isprintable() or c == "\n")

            async def say(words: str) -> None:
                url = f"{origin}/api/conversations/{CONVERSATION}/messages"
                async with person.post(url, json={"id": "a1", "words": words}) as answer:
                    assert answer.status == 202, await answer.text()

            yield Rig(platform, inbox, Place("web", CONVERSATION), task, seen, say)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        intake.close()
