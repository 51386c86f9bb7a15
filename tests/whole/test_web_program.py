"""`python main.py run` as a person starts it: the embedded model, the printed link, a real Chromium."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.fakes.browser import chromium
from tests.fakes.stage import SHIPPED, drawn

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.slow]
ROOT = SHIPPED.parent
PATIENCE = 240_000  # milliseconds for a reply on a busy machine
REPLIES = "#turns .turn[data-character][data-id]:not(.gone)"
CONFIG = """
[journal]
url = "sqlite+aiosqlite:///{0}/journal.db"
[agent]
cache = "{0}/cache"
[agent.cast]
shipped = "{1}"
own = "{0}/characters"
[agent.intake]
folder = "{0}/pictures"
[agent.eyes]
text = false
[agent.sampling]
seed = 7
[bot.duet]
pause_seconds = 0.0
"""
# Every state that is drawn while the reply is being written, however busy the machine is.
WATCH = """() => {
  window.grown = [];
  new MutationObserver(() => {
    const text = document.querySelector(".writing-now .text")?.textContent.trim();
    if (text && text !== window.grown.at(-1)) window.grown.push(text);
  }).observe(document.querySelector("#turns"), { childList: true, subtree: true, characterData: true });
}"""


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[str]:
    """The running program's link; it is stopped as Ctrl-C stops it, and must end well."""
    config = folder / "config.toml"
    config.write_text(CONFIG.format(folder, SHIPPED))
    changed = {"VIGNETTE__AGENT__SAMPLING__MAX_TOKENS": "40", "PYTHONUNBUFFERED": "1"}
    ours = ("VIGNETTE", "DISCORD")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | changed
    command = [sys.executable, "main.py", "--config", str(config), "run", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    reading: asyncio.Task[str] | None = None
    try:
        link = await _link(process)
        assert process.stdout
        reading = asyncio.create_task(_rest(process))
        yield link
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            said = await reading
            assert await process.wait() == 0, said
        assert "Stopped. Nothing is lost" in said
        assert "Traceback" not in said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if reading:
            await reading


async def _link(process: Process) -> str:
    assert process.stdout
    said = ""
    async with asyncio.timeout(120):
        while line := (await process.stdout.readline()).decode():
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
                return found[0]
    raise AssertionError(f"the program printed no link: {said}")


async def _rest(process: Process) -> str:
    assert process.stdout
    return (await process.stdout.read()).decode()


@asynccontextmanager
async def page_at(link: str) -> AsyncIterator[Page]:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(30_000)
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        await page.goto(link)
        await page.wait_for_selector("html[data-ready]")
        yield page
        assert not wrong


async def answered(page: Page, replies: int) -> None:
    await expect(page.locator(f"{REPLIES} .tools")).to_have_count(replies, timeout=PATIENCE)


@pytest.mark.timeout(900)  # two starts, two duets and five prompts that nothing has cached
async def test_an_evening_with_the_embedded_model(tmp_path: Path) -> None:
    picture = tmp_path / "hung.png"
    picture.write_bytes(drawn(3, (400, 300)))
    async with program(tmp_path) as link, page_at(link) as page:
        assert "token" not in page.url
        await _talks_about(page, picture)
        await _asks_why_and_again(page)
        await page.reload()
        await answered(page, 2)
        await page.click("#new")
        await expect(page.locator("#turns > li")).to_have_count(0)
        await _duet(page)
    async with program(tmp_path) as link, page_at(link) as page:
        await _past(page)
        await _forget(page)


async def _talks_about(page: Page, picture: Path) -> None:
    await page.click("button[data-id=marie-curie]")
    await expect(page.locator("#whom")).to_have_text("To Marie Curie")
    await page.set_input_files("#files", picture)
    await page.fill("#words", "What do you see?")
    await page.evaluate(WATCH)
    await page.click("#send")
    await expect(page.locator(".writing-now .wait")).to_contain_text("Marie Curie is")
    await answered(page, 1)
    whole = (await page.locator(f"{REPLIES} .text").text_content() or "").strip()
    assert whole
    grown = [*await page.evaluate("grown"), whole]
    streamed = any(later != text and later.startswith(text) for text, later in pairwise(grown))
    assert streamed, "no two texts, one growing out of the other"
    await expect(page.locator("figcaption .shows")).to_contain_text("Colours")
    await expect(page.locator("figcaption .maker")).to_contain_text("Seen by the fallback eyes (eyes-1")


async def _asks_why_and_again(page: Page) -> None:
    await page.click(".tools .up")
    await expect(page.locator(".tools .up")).to_have_attribute("aria-pressed", "true")
    await page.click(".tools .why")
    await expect(page.locator(".aside")).to_contain_text("SmolLM2-135M-Instruct")
    await page.click(".tools .again")
    await answered(page, 2)


async def _duet(page: Page) -> None:
    await page.click("#mode-duet")
    await page.click("button[data-id=li-bai]")
    await expect(page.locator("#whom")).to_have_text("Marie Curie and Li Bai")
    await page.fill("#duet-turns", "2")
    await page.fill("#words", "the moon")
    await page.click("#send")
    await answered(page, 2)
    await expect(page.locator("#send")).to_have_text("Begin")
    assert await page.locator(REPLIES).evaluate_all("nodes => nodes.map(n => n.dataset.character)") == [
        "marie-curie",
        "li-bai",
    ]
    await page.fill("#duet-turns", "12")
    await page.click("#send")
    await expect(page.locator(REPLIES).nth(2)).to_be_attached(
        timeout=PATIENCE
    )  # a third, and perhaps more by now
    await page.click("#stop")
    await expect(page.locator("#send")).to_have_text("Begin", timeout=PATIENCE)
    await expect(page.locator(".writing-now")).to_have_count(0)


async def _past(page: Page) -> None:
    await page.click("nav >> text=Past")
    cards = page.locator("#catalogue li")
    talk = cards.filter(has_text="What do you see?")
    await expect(talk).to_have_count(1)
    duet = cards.filter(has_text="Li Bai").filter(has_text="A duet of 2 turns")
    await expect(duet.first).to_be_visible()  # the other was stopped, wherever it was
    await expect(talk.locator("img.art")).to_be_visible()
    await talk.locator("a").click()
    await expect(page.locator("#read-turns .turn")).to_have_count(3)
    await expect(page.locator("#read-turns .frame img")).to_have_count(1)
    await expect(page.locator("#read-turns figcaption .maker")).to_contain_text("fallback eyes")


async def _forget(page: Page) -> None:
    await page.click("nav >> text=Privacy")
    await expect(page.locator("#standing")).to_contain_text("Your words may not train a model")
    await page.click("#forget")
    await page.click("#sure button[value=yes]")
    await expect(page.locator("#standing")).to_contain_text("Forgotten:")
    await page.click("nav >> text=Past")
    await expect(page.locator("#catalogue li").filter(has_text="What do you see?")).to_have_count(0)
