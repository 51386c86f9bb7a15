"""A real web platform on a whole bot with a scripted model, and what a person does on its page."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from agent.settings import IntakeSettings
from agent.supply import Supply
from bot.house import House
from bot.platforms.web.platform import WebPlatform
from bot.settings import BotSettings, DuetSettings, WebSettings
from door.web import make_web
from tests.fakes.browser import PATIENCE
from tests.fakes.stage import ScriptedBackend, Stage, stage

TOKEN = "a-token-for-this-test-only"
REPLIES = "#turns .turn[data-character][data-id]:not(.gone)"
QUICK = BotSettings(duet=DuetSettings(pause_seconds=0.0))


@dataclass
class Room:
    """A page's server on a bot. `url` opens it."""

    stage: Stage
    web: WebPlatform

    @property
    def url(self) -> str:
        return self.web.address

    @property
    def backend(self) -> ScriptedBackend:
        return self.stage.backend


def numbered() -> ScriptedBackend:
    """Says something new each time."""
    numbers = count(1)
    return ScriptedBackend(
        lambda _: f"Number {next(numbers)} is " + " ".join(f"w{next(numbers)}" for _ in range(8)) + "."
    )


@asynccontextmanager
async def room(
    folder: Path,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    hosts: tuple[str, ...] = (),
    backend: ScriptedBackend | None = None,
    supply: Callable[[House], Supply] | None = None,
) -> AsyncIterator[Room]:
    """The same folder is the same journal: opened again, it is the program started again."""
    async with stage(folder, backend=backend or numbered(), settings=QUICK) as s:
        intake = IntakeSettings(folder=folder / "pictures")
        house = s.bot.house
        brings = supply(house) if supply else None
        web = make_web(
            WebSettings(port=port, host=host, allowed_hosts=hosts),
            house,
            TOKEN,
            intake,
            told=lambda _: None,
            supply=brings,
        )
        s.bot.house.platforms["web"] = web
        task = asyncio.create_task(web.run(s.bot, s.bot))
        try:
            async with asyncio.timeout(60):
                await web.ready.wait()
            yield Room(s, web)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def page_of(browser: Browser, here: Room, **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda e: wrong.append(str(e)))
    try:
        await page.goto(here.url)
        await page.wait_for_selector("html[data-ready]")
        yield page
        assert not wrong
    finally:
        await context.close()


async def say(page: Page, words: str) -> None:
    await page.fill("#words", words)
    await page.click("#send")


async def answered(page: Page, replies: int) -> None:
    await expect(page.locator(f"{REPLIES} .tools")).to_have_count(replies)


async def begin_duet(page: Page, first: str, second: str, turns: int) -> None:
    await page.click("#mode-duet")
    for name in (first, second):
        button = page.locator(f"button[data-id={name}]")
        if await button.get_attribute("aria-pressed") != "true":
            await button.click()
    await page.fill("#duet-turns", str(turns))
    await page.click("#send")
