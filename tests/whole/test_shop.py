"""From the page to a model that sees: one button, a hub on loopback, no restart."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent import hub, models
from agent.backends.reach import reach
from agent.queue import Queue
from agent.settings import AgentSettings, OpenAISettings
from agent.supply import Supply
from bot.house import House
from tests.agent.hub_server import GGUF, MODEL, ONE, Hub, serve
from tests.fakes.browser import chromium
from tests.fakes.openai_server import ScriptedServer
from tests.fakes.stage import ScriptedBackend
from tests.whole.web_room import answered, page_of, room, say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
WHICH = "#server input[name={}]"
AUDIT = (Path(__file__).parents[1] / "bot/platforms/web/audit.js").read_text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as made:
        yield made


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(models, "OFFERS", (ONE,))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    files = {f"{ONE.repo}/{ONE.file}": GGUF + b"m" * 9_000, f"{ONE.repo}/{ONE.mmproj}": GGUF + b"p" * 1_000}
    with serve(Hub(files)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


async def test_one_button_brings_a_model_that_sees(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    async with (
        room(tmp_path, supply=lambda house: _supply(house, tmp_path)) as here,
        page_of(browser, here) as page,
    ):
        await expect(page.locator("#model")).to_contain_text("It does not see")
        await page.click("#shop summary")
        await expect(page.locator("#offers li")).to_contain_text(
            "0.6 GB on disk, 1.2 GB of memory, about 2 min"
        )
        shop.lie = True
        await page.click("#offers button")
        await expect(page.locator("#coming")).to_contain_text("the checksum is wrong")
        await expect(page.locator("#model")).to_contain_text("It does not see")
        shop.lie = False
        await page.click("#offers button")
        await expect(page.locator("#coming")).to_have_text("tiny speaks from now on.")
        await expect(page.locator("#model")).to_contain_text("It sees the newest 2 pictures")
        await say(page, "What is it?")
        await answered(page, 1)
        await expect(page.locator("#turns")).to_contain_text("Now I see it.")


async def test_a_download_that_broke_off_goes_on(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    shop.files[f"{ONE.repo}/{ONE.file}"] = MODEL
    shop.cut_at = 21_000_000  # the hub's library writes ten million bytes at once
    async with (
        room(tmp_path, supply=lambda house: _supply(house, tmp_path)) as here,
        page_of(browser, here) as page,
    ):
        await page.click("#shop summary")
        await page.click("#offers button")
        await expect(page.locator("#coming")).to_contain_text("tiny did not come")
        shop.cut_at, shop.down = 0, False
        await page.reload()
        await page.click("#shop summary")
        await expect(page.locator("#coming")).to_contain_text("tiny did not come")
        await page.click("#offers button")
        await expect(page.locator("#coming")).to_have_text("tiny speaks from now on.")
        assert shop.ranges


async def test_a_full_disk_is_told(
    browser: Browser, shop: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: Any = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=hub.SPARE))
    monkeypatch.setattr(hub, "shutil", full)
    async with (
        room(tmp_path, supply=lambda house: _supply(house, tmp_path)) as here,
        page_of(browser, here) as page,
    ):
        await page.click("#shop summary")
        await page.click("#offers button")
        await expect(page.locator("#coming")).to_contain_text("make room")
        await expect(page.locator("#offers button")).to_be_enabled()


async def test_a_server_speaks_instead(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    async with (
        ScriptedServer() as server,
        room(tmp_path, supply=lambda house: _supply(house, tmp_path)) as here,
        page_of(browser, here) as page,
    ):
        server.key, server.sight = "sesame", "reads"
        await page.click("#shop summary")
        await page.fill(WHICH.format("address"), server.url)
        await page.keyboard.press("Enter")
        await expect(page.locator("#coming")).to_contain_text("did not come")
        await expect(page.locator("#model")).to_contain_text("It does not see")
        await page.fill(WHICH.format("key"), "sesame")
        await page.keyboard.press("Enter")
        await expect(page.locator("#coming")).to_contain_text("speaks from now on, until this program ends")
        await expect(page.locator("#keep")).to_contain_text(f'base_url = "{server.url}"')
        await expect(page.locator("#keep")).not_to_contain_text("sesame")
        await expect(page.locator("#model")).to_contain_text("It sees the newest 2 pictures")
        await say(page, "What is it?")
        await answered(page, 1)
        assert "What is it?" in server.seen[-1].words


async def test_who_is_not_the_owner_is_offered_nothing(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    async with (
        room(tmp_path, supply=lambda house: _supply(house, tmp_path), host="0.0.0.0") as here,
        page_of(browser, here) as page,
    ):
        await expect(page.locator("#shop")).to_be_hidden()
        root = here.url.partition("/?")[0]
        for path in ("models/tiny", "server"):
            answer = await page.request.post(
                f"{root}/api/{path}", headers={"Origin": root}, data={"address": "http://127.0.0.1:9"}
            )
            assert answer.status == 403


def _supply(house: House, folder: Path) -> Supply:
    house.agent.backend = queue = Queue(house.agent.backend, waiting=4, parallel=1)
    settings = AgentSettings(cache=folder / "cache", openai=OpenAISettings(retries=0))
    return Supply(
        settings,
        queue,
        lambda: ScriptedBackend("Now I see it.", sees=True),
        lambda address, model, key: reach(settings, address, model, key),
    )


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_offers_are_sound_on_a_phone_too(browser: Browser, tmp_path: Path, width: int) -> None:
    def supply(house: House) -> Supply:
        queue = Queue(house.agent.backend, waiting=4, parallel=1)
        return Supply(AgentSettings(cache=tmp_path / "cache"), queue, ScriptedBackend)

    view = {"width": width, "height": 700}
    async with room(tmp_path, supply=supply) as here, page_of(browser, here, viewport=view) as page:
        await page.click("#shop summary")
        await expect(page.locator("#offers button")).to_have_count(len(models.OFFERS))
        assert not await page.evaluate(AUDIT)


async def test_where_nothing_can_be_changed_it_is_said(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    def supply(house: House) -> Supply:
        queue = Queue(house.agent.backend, waiting=4, parallel=1)
        return Supply(AgentSettings(backend="openai"), queue, ScriptedBackend)

    async with room(tmp_path, supply=supply) as here, page_of(browser, here) as page:
        await page.click("#shop summary")
        await expect(page.locator("#coming")).to_contain_text('backend = "openai"')
        await expect(page.locator("#offers button")).to_have_count(0)
        answer = await page.request.post(
            here.url.partition("/?")[0] + "/api/models/tiny", headers={"Origin": here.url.partition("/?")[0]}
        )
        assert "cannot be changed" in await answer.text()


async def test_behind_a_proxy_nobody_is_the_owner(browser: Browser, shop: Hub, tmp_path: Path) -> None:
    """The page listens on loopback, and a proxy brings strangers to it under a name of its own."""
    async with (
        room(tmp_path, supply=lambda house: _supply(house, tmp_path), hosts=("pictures.example",)) as here,
        page_of(browser, here) as page,
    ):
        root = here.url.partition("/?")[0]
        own = {"Origin": root}
        proxied = {"Origin": "http://pictures.example", "Host": "pictures.example"}
        assert (await page.request.post(f"{root}/api/models/tiny", headers=own)).status == 202
        assert (await page.request.post(f"{root}/api/models/tiny", headers=proxied)).status == 403
        told = await (await page.request.get(f"{root}/api/models", headers=proxied)).json()
        assert (told["mine"], told["offers"]) == (False, [])
