"""The web page on the whole bot, in a real Chromium: journal, commands, duets, pictures and the page are the
real ones, only the model's words are scripted (test_web_program.py has the embedded model)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent.errors import BackendError, Busy
from journal import feedback
from tests.fakes.browser import chromium
from tests.fakes.stage import ScriptedBackend, drawn
from tests.waiting import eventually
from tests.whole.web_room import REPLIES, Room, answered, begin_duet, numbered, page_of, room, say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def here(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as made:
        yield made


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "hung.png"
    path.write_bytes(drawn(1, (320, 240)))
    return path


async def test_a_picture_is_talked_about_and_a_reload_shows_it_again(
    browser: Browser, here: Room, picture: Path
) -> None:
    async with page_of(browser, here) as page:
        await page.click("button[data-id=sherlock-holmes]")
        greeting = here.stage.bot.house.cast.characters["sherlock-holmes"].greeting
        assert greeting
        await expect(page.locator("#greeting .text")).to_have_text(greeting)
        await page.set_input_files("#files", picture)
        await say(page, "What do you see?")
        await answered(page, 1)
        await expect(page.locator(f"{REPLIES} .text")).to_contain_text("Number 1 is")
        await expect(page.locator("figcaption .shows")).to_contain_text("Colours")
        await expect(page.locator("figcaption .maker")).to_contain_text("Seen by the fallback eyes")
        for _ in range(2):  # now, and after a reload
            first = page.locator("#turns > li").first
            await expect(first).to_have_class("turn greeted")
            await expect(first.locator(".text")).to_have_text(greeting)
            await expect(page.locator("#turns .turn[data-id]")).to_have_count(2)
            await expect(page.locator("#turns .frame img")).to_have_count(1)
            await page.reload()
            await page.wait_for_selector("html[data-ready]")
        said = [m.text for r in here.backend.requests for m in r.messages]
        assert any("What do you see?" in text for text in said)
        assert not any(greeting in text for text in said), "a greeting is no turn"


async def test_why_again_and_a_reaction_reach_the_journal(browser: Browser, here: Room) -> None:
    async with page_of(browser, here) as page:
        await page.click("button[data-id=sherlock-holmes]")
        await say(page, "Good evening.")
        await answered(page, 1)
        await page.click(".tools .why")
        await expect(page.locator(".aside")).to_contain_text("because the message was addressed to them")
        await expect(page.locator(".aside")).to_contain_text("scripted-1")
        await page.click(".tools .why")
        await expect(page.locator(".aside")).to_have_count(0)
        turn = await page.locator(REPLIES).get_attribute("data-id") or ""
        await page.click(".tools .up")
        await expect(page.locator(".tools .up")).to_have_attribute("aria-pressed", "true")
        async with here.stage.bot.house.journal.read() as tx:
            kinds = [(f.kind, f.value) for f in await feedback.of_turn(tx, turn)]
        assert kinds == [("reaction", "👍")]
        await page.click(".tools .again")
        await answered(page, 2)
        await expect(page.locator(".aside")).to_contain_text("is asked again")
        assert len(set(await page.locator(f"{REPLIES} .text").all_text_contents())) == 2


async def test_new_begins_afresh_and_the_past_keeps_the_old(
    browser: Browser, here: Room, picture: Path
) -> None:
    async with page_of(browser, here) as page:
        await page.set_input_files("#files", picture)
        await say(page, "The old words")
        await answered(page, 1)
        await page.click("#new")
        await expect(page.locator("#turns > li")).to_have_count(0)
        await page.reload()
        await page.wait_for_selector("html[data-ready]")
        await expect(page.locator("#empty")).to_be_visible()
        await say(page, "The new words")
        await answered(page, 1)
        assert "The old words" not in "".join(m.text for m in here.backend.requests[-1].messages)
        await page.click("nav >> text=Past")
        cards = page.locator("#catalogue li")
        await expect(cards).to_have_count(2)
        await expect(cards.nth(1)).to_contain_text("The old words")
        await expect(cards.nth(1).locator("img.art")).to_be_visible()
        await cards.nth(1).locator("a").click()
        await expect(page.locator("#read-turns .turn")).to_have_count(2)
        await expect(page.locator("#read-turns .frame img")).to_have_count(1)
        await page.click("nav >> text=Talk")
        await expect(page.locator(".tools")).to_be_in_viewport()


async def test_a_duet_plays_to_its_end_and_stays_after_a_reload(
    browser: Browser, here: Room, picture: Path
) -> None:
    async with page_of(browser, here) as page:
        await page.set_input_files("#files", picture)
        await begin_duet(page, "sherlock-holmes", "ada-lovelace", 2)
        await answered(page, 2)
        await expect(page.locator("#send")).to_have_text("Begin")
        await expect(page.locator("#stop")).to_be_hidden()
        await expect(page.locator("#turns")).not_to_contain_text("The duet is over")
        await page.reload()
        await page.wait_for_selector("html[data-ready]")
        await answered(page, 2)
        await expect(page.locator("#turns .frame img")).to_have_count(1)
        await page.click("button[data-id=sherlock-holmes]")
        await say(page, "Who was right?")
        await answered(page, 3)
        for _ in range(2):
            await expect(page.locator("#turns .border")).to_have_count(1)
            await expect(page.locator("#turns .turn[data-id]")).to_have_count(5)
            await page.reload()
            await page.wait_for_selector("html[data-ready]")


async def test_a_duet_that_goes_in_circles_says_why_it_ended(browser: Browser, tmp_path: Path) -> None:
    same = ScriptedBackend("I quite agree with you, my dear friend, in all of that.")
    async with room(tmp_path, backend=same) as here, page_of(browser, here) as page:
        await begin_duet(page, "sherlock-holmes", "ada-lovelace", 8)
        await expect(page.locator(".aside").last).to_have_text("The duet is over: they repeat themselves.")
        await expect(page.locator("#send")).to_have_text("Begin")
        await answered(page, 3)  # in place of the second, an echo of the first, stands a line of the card


async def test_a_running_duet_can_be_steered_and_stopped_after_a_reload(browser: Browser, here: Room) -> None:
    here.backend.say = lambda _: "A whole sentence. " + "and " * 2_000
    here.backend.pause = 0.05  # it speaks until it is stopped
    async with page_of(browser, here) as page:
        await begin_duet(page, "sherlock-holmes", "ada-lovelace", 12)
        await expect(page.locator(".writing-now .text")).to_contain_text("sentence. and")
        await page.reload()
        await page.wait_for_selector("html[data-ready]")
        await expect(page.locator("#send")).to_have_text("Steer")
        await expect(page.locator(".writing-now .text")).to_contain_text("sentence. and")
        await page.click("#stop")
        await expect(page.locator(f"{REPLIES} .text")).to_have_text("A whole sentence.")
        await expect(page.locator("#send")).to_have_text("Send")
        await expect(page.locator(".aside").last).to_have_text("The duet is stopped.")


async def test_a_refused_duet_leaves_nothing_on_the_wall(
    browser: Browser, here: Room, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with page_of(browser, here) as page:
        await begin_duet(page, "sherlock-holmes", "ada-lovelace", 2)
        await answered(page, 2)
        monkeypatch.setattr(here.stage.bot.duets, "start", _refuse)
        await page.set_input_files("#files", picture)
        await page.click("#send")
        await expect(page.locator("#complaint")).to_contain_text("A duet is running here already")
        await expect(page.locator("#previews img")).to_have_count(1)
        await expect(page.locator("#turns .frame")).to_have_count(0)


async def _refuse(_: object) -> None:
    raise Busy("a duet is running here already", mend="/stop ends it")


async def test_a_model_that_is_away_says_so_and_comes_back(browser: Browser, here: Room) -> None:
    async with page_of(browser, here) as page:
        await page.click("button[data-id=sherlock-holmes]")
        here.backend.error = BackendError("the model is not loaded")
        await say(page, "Hello?")
        gone = page.locator("#turns .gone .text")
        await expect(gone).to_contain_text("cannot answer now: the model gives no answer")
        await expect(page.locator(".wait")).to_have_count(0)
        here.backend.error = None
        await say(page, "And now?")
        await answered(page, 1)


async def test_what_was_stopped_leaves_a_trace_with_again(browser: Browser, here: Room) -> None:
    here.backend.hold.clear()
    async with page_of(browser, here) as page:
        await page.click("button[data-id=sherlock-holmes]")
        await say(page, "Hello?")
        await eventually(lambda: here.backend.open)
        await page.click("#stop")
        gone = page.locator("#turns .gone")
        await expect(gone.locator(".text")).to_contain_text("was stopped")
        await page.reload()
        await expect(gone.locator(".text")).to_contain_text("was stopped")
        here.backend.hold.set()
        await gone.locator(".again").click()
        await expect(page.locator("#turns .turn[data-character]:not(.gone) .again")).to_have_count(1)
        await page.reload()
        await expect(page.locator("#turns .why")).to_have_count(1)
        await expect(gone).to_have_count(0)


async def test_commands_may_be_typed(browser: Browser, here: Room) -> None:
    async with page_of(browser, here) as page:
        await say(page, "/help")
        await expect(page.locator(".aside")).to_contain_text("/again another answer")
        await say(page, "/me waves")
        await answered(page, 1)
        await say(page, "/again")
        await answered(page, 2)
        await say(page, "/privacy training:on")
        await expect(page.locator(".aside").last).to_contain_text("Your words may train a model")
        await say(page, "/new")
        await expect(page.locator("#turns > li")).to_have_count(0)


async def test_privacy_and_being_forgotten(browser: Browser, here: Room, picture: Path) -> None:
    async with page_of(browser, here) as page:
        await page.set_input_files("#files", picture)
        await say(page, "My secret is marmalade")
        await answered(page, 1)
        await page.reload()
        source = await page.locator("#turns .frame img").get_attribute("src")
        await page.click("nav >> text=Privacy")
        await expect(page.locator("#standing")).to_contain_text("Your words may not train a model")
        await expect(page.locator("#standing")).not_to_contain_text("/")
        await page.click("#consent")
        await expect(page.locator("#standing")).to_contain_text("Your words may train a model")
        await page.click("#forget")
        await page.click("#sure button[value=yes]")
        await expect(page.locator("#standing")).to_contain_text("Forgotten: 2 turns and 1 pictures")
        await page.click("nav >> text=Talk")
        await expect(page.locator("#turns > li")).to_have_count(0)
        await page.click("nav >> text=Past")
        await expect(page.locator("#past-none")).to_be_visible()
        assert source
        answer = await page.request.get(here.url.partition("/?")[0] + source)
        assert answer.status == 404


async def test_the_program_may_go_and_come_back_under_an_open_page(browser: Browser, tmp_path: Path) -> None:
    backend = numbered()
    async with room(tmp_path, backend=backend) as here:
        port = int(here.url.partition("/?")[0].rpartition(":")[2])
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(here.url)
        await page.wait_for_selector("html[data-ready]")
        await say(page, "Before the night")
        await answered(page, 1)
    await expect(page.locator("#trouble")).to_contain_text("The connection is lost")
    await say(page, "Is anybody there?")
    await expect(page.locator("#complaint")).to_contain_text("The server does not answer")
    await expect(page.locator("#words")).to_have_value("Is anybody there?")
    async with room(tmp_path, port=port, backend=backend):
        await expect(page.locator("#trouble")).to_be_hidden()
        await page.click("#send")
        await answered(page, 2)
        await expect(page.locator("#complaint")).to_be_hidden()
        assert "Before the night" in "".join(m.text for m in backend.requests[-1].messages)
        await context.close()


async def test_the_first_word_is_on_the_page_as_soon_as_the_model_says_it(
    browser: Browser, here: Room
) -> None:
    """From the backend's first piece to the browser's text, over bot, hub, stream and drawing."""
    here.backend.say = lambda _: "Instantly " + "so " * 2_000
    here.backend.pause = 0.05
    here.backend.hold.clear()
    async with page_of(browser, here) as page:
        await page.click("button[data-id=sherlock-holmes]")
        await say(page, "Now")
        await expect(page.locator(".writing-now .wait")).to_contain_text("Sherlock Holmes is thinking")
        await eventually(lambda: here.backend.open)
        here.backend.hold.set()
        text = page.locator(".writing-now .text")
        await expect(text).to_contain_text("Instantly")
        assert here.backend.open, "the model is still speaking"
        await expect(page.locator(".wait")).to_have_count(0)
        await page.click("#stop")
        await expect(page.locator(".writing-now")).to_have_count(0)
