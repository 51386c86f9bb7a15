"""Debian's Chromium, driven by playwright. Missing, it is a loud skip; in CI it is a failure."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 30_000  # milliseconds: how long a hang may last; playwright's own five seconds measure the machine
expect.set_options(timeout=PATIENCE)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Warnings of Chromium that depend on how busy the machine is, or on how it draws: no fault of a page.
ITS_OWN = re.compile(
    r"\[Intervention\]|Slow network is detected|preloaded using link preload|GPU stall|\bGL Driver"
)
MISSING = (
    f"CHROMIUM IS MISSING: {CHROMIUM} is not there, so the web page was not tried in a browser. "
    "Install it: apt-get install chromium"
)


def need_chromium() -> None:
    """Skips where there is no Chromium; fails in CI, where nothing may be skipped."""
    if CHROMIUM.exists():
        return
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


def complains(message: ConsoleMessage) -> bool:
    """Is this an error or a warning that a page has caused?"""
    return message.type == "error" or (message.type == "warning" and not ITS_OWN.search(message.text))
