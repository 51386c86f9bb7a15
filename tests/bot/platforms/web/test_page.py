"""The page in a real Chromium: everything a person does on it, by mouse and by keyboard."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.bot.platforms.web.stand import BLIND, Stand, stand
from tests.fakes.browser import PATIENCE, chromium, complains

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
AUDIT = (Path(__file__).parent / "audit.js").read_text()
LAST = "#turns .turn:not(.person) >> nth=-1"
DROP = """(data) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
  for (const name of ["dragenter", "dragover", "drop"])
    document.querySelector("#wall").dispatchEvent(
      new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
PASTE = """(data) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def here(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path, pace=0.02) as made:
        yield made


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "sea.png"
    Image.linear_gradient("L").resize((640, 400)).convert("RGB").save(path)
    return path


@asynccontextmanager
async def page_of(browser: Browser, here: Stand, **options: Any) -> AsyncIterator[Page]:
    """A page that is ready; what it complains about in the console, or fetches from elsewhere, fails the test."""
    context = await browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if complains(m) else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on(
        "request", lambda r: wrong.append(r.url) if not r.url.startswith((here.origin, "blob:")) else None
    )
    try:
        await page.goto(here.platform.address)
        await page.wait_for_selector("html[data-ready]")
        yield page
        assert not wrong
    finally:
        await context.close()


async def test_a_warning_of_the_page_fails_its_test(browser: Browser, here: Stand) -> None:
    with pytest.raises(AssertionError) as caught:
        async with page_of(browser, here) as page, page.expect_console_message(lambda m: m.text == "ours"):
            await page.evaluate("() => { console.warn('[Intervention] theirs'); console.warn('ours'); }")
    assert "['ours']" in str(caught.value)


async def test_a_picture_and_words_get_a_streamed_reply(browser: Browser, here: Stand, picture: Path) -> None:
    here.inbox.upto = 5
    async with page_of(browser, here) as page:
        assert "token" not in page.url
        await page.click("button[data-id=hua-mulan]")  # Sherlock, whom the page proposed, gives way
        await page.click("button[data-id=ada-lovelace]")
        await page.set_input_files("#files", picture)
        await expect(page.locator("#previews img")).to_have_count(1)
        await page.fill("#words", "What is this? <b>&amp;</b>")
        await page.keyboard.press("Enter")
        await expect(page.locator(".person .text")).to_have_text("What is this? <b>&amp;</b>")
        text = page.locator("#turns .turn:not(.person) .text").first
        await expect(text).to_have_text("The frame has been moved")  # the rest is not yet said
        await expect(page.locator(".tools")).to_have_count(0)
        here.inbox.hold.set()
        await expect(text).to_have_text(here.inbox.words)
        await expect(page.locator("#turns .turn:not(.person)")).to_have_count(2)
        await expect(page.locator(LAST).locator(".text")).to_have_text(here.inbox.words)
        await expect(page.locator(LAST).locator(".name")).to_have_text("Ada Lovelace")
        await expect(page.locator("figcaption").first).to_contain_text("A bowl of fruit")
        await expect(page.locator("figcaption .maker").first).to_contain_text("fallback eyes")
        await expect(page.locator("#live")).to_contain_text(f"Ada Lovelace: {here.inbox.words}")
        assert await page.locator(LAST).locator("img.face").evaluate("n => n.naturalWidth") > 0
        (message,) = here.inbox.messages()
        assert message.addressed == ("hua-mulan", "ada-lovelace")
        assert len(message.attachments) == 1
        await page.reload()
        await expect(page.locator("#turns .turn")).to_have_count(3)
        await expect(page.locator(".frame img")).to_have_count(1)


async def test_the_empty_wall_says_which_model_speaks(browser: Browser, here: Stand) -> None:
    async with page_of(browser, here) as page:
        await expect(page.locator("#model")).to_have_text(BLIND)


async def test_markup_in_a_reply_stays_words(browser: Browser, here: Stand) -> None:
    here.inbox.words = '<img src=x onerror="document.title=1"> **bold** </li><script>1</script>'
    async with page_of(browser, here) as page:
        await page.fill("#words", "Hello")
        await page.click("#send")
        await page.wait_for_selector(".tools")
        await expect(page.locator(LAST).locator(".text")).to_have_text(here.inbox.words)
        assert await page.locator("#turns script, #turns img:not(.face)").count() == 0
        assert await page.title() == "Vignette"


async def test_stop_keeps_what_was_said(browser: Browser, here: Stand) -> None:
    here.inbox.upto, here.inbox.words = 3, "word " * 200
    async with page_of(browser, here) as page:
        await page.fill("#words", "Tell me all")
        await page.click("#send")
        await expect(page.locator(".writing-now .text")).to_have_text("word word word")
        await page.click("#stop")
        await page.wait_for_selector(".tools")
        await expect(page.locator("#stop")).to_be_hidden()
        await expect(page.locator(LAST).locator(".text")).to_have_text("word word word")
        assert [c.name for c in here.inbox.commands] == ["stop"]
        await expect(page.locator("#words")).to_be_focused()


async def test_drop_paste_and_remove(browser: Browser, here: Stand, png: bytes) -> None:
    data = base64.b64encode(png).decode()
    async with page_of(browser, here) as page:
        await page.evaluate(DROP, data)
        await page.evaluate(PASTE, data)
        await expect(page.locator("#previews img")).to_have_count(2)
        await page.click("button[aria-label='Remove picture 1']")
        await expect(page.locator("#previews img")).to_have_count(1)
        await page.click("#send")
        await page.wait_for_selector(".tools")
        assert len(here.inbox.messages()[0].attachments) == 1


async def test_a_bad_picture_is_told_where_one_looks_and_nothing_is_lost(
    browser: Browser, here: Stand, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno")
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(here.platform.address)
    await page.wait_for_selector("html[data-ready]")
    await page.set_input_files("#files", broken)
    await page.fill("#words", "Look at this")
    await page.click("#send")
    await expect(page.locator("#complaint")).to_be_visible()
    await expect(page.locator("#words")).to_have_value("Look at this")
    await expect(page.locator("#previews img")).to_have_count(1)
    await expect(page.locator("#turns .turn")).to_have_count(0)
    assert not here.inbox.events
    await context.close()


async def test_a_duet_runs_is_steered_and_stopped(browser: Browser, here: Stand, picture: Path) -> None:
    here.inbox.upto = 20  # into the second turn: how long it lasts is for the test to say
    async with page_of(browser, here) as page:
        await page.click("#mode-duet")
        await page.click("#send")
        await expect(page.locator("#complaint")).to_contain_text("two")
        await page.click("button[data-id=hua-mulan]")
        await expect(page.locator("#whom")).to_have_text("Sherlock Holmes and Hua Mulan")
        await page.set_input_files("#files", picture)
        await page.fill("#duet-turns", "12")
        await page.fill("#words", "the sea")
        await page.click("#send")
        await expect(page.locator("#turns .turn:not(.person)")).to_have_count(2)
        (command,) = here.inbox.commands
        assert (command.name, len(command.attachments)) == ("duet", 1)
        assert command.arguments == {
            "first": "sherlock-holmes",
            "second": "hua-mulan",
            "turns": 12,
            "about": "the sea",
        }
        await expect(page.locator("#send")).to_have_text("Steer")
        await page.fill("#words", "And the light?")
        await page.keyboard.press("Enter")
        await expect(page.locator(".person .text")).to_have_text("And the light?")
        assert here.inbox.messages()[0].addressed == ()
        await page.click("#stop")
        await expect(page.locator("#send")).to_have_text("Begin")
        await expect(page.locator(".writing-now")).to_have_count(0)
        await expect(page.locator("#turns .turn:not(.person)")).to_have_count(2)


async def test_react_why_again_new(browser: Browser, here: Stand) -> None:
    async with page_of(browser, here) as page:
        await page.fill("#words", "Hello")
        await page.click("#send")
        await page.wait_for_selector(".tools")
        up = page.locator(".tools .up")
        await up.click()
        await expect(up).to_have_attribute("aria-pressed", "true")
        await up.click()
        await expect(up).to_have_attribute("aria-pressed", "false")
        assert [(r.id, r.emoji, r.removed) for r in here.inbox.reactions()] == [
            ("t0001", "👍", False),
            ("t0001", "👍", True),
        ]
        await page.click(".tools .why")
        await expect(page.locator(".aside")).to_contain_text("because the message named him")
        await page.click(".tools .again")
        await expect(page.locator(".aside")).to_have_count(2)
        await page.click("#new")
        await expect(page.locator("#turns > li")).to_have_count(0)
        await expect(page.locator("#empty")).to_be_visible()
        assert [(c.name, c.arguments) for c in here.inbox.commands] == [
            ("why", {"message": "t0001"}),
            ("again", {"message": "t0001"}),
            ("new", {}),
        ]


async def test_past_dialogues_with_their_pictures(browser: Browser, here: Stand, picture: Path) -> None:
    async with page_of(browser, here) as page:
        await page.set_input_files("#files", picture)
        await page.fill("#words", "A seaside, I think")
        await page.click("#send")
        await page.wait_for_selector(".tools")
        await page.click("nav >> text=Past")
        await expect(page.locator("#past-title")).to_be_focused()
        card = page.locator("#catalogue li")
        await expect(card).to_have_count(1)
        await expect(card).to_contain_text("A seaside, I think")
        await expect(card.locator("img.art")).to_be_visible()
        assert not await page.evaluate(AUDIT)
        await card.locator("a").click()
        await expect(page.locator("#read-turns .turn")).to_have_count(2)
        await expect(page.locator("#read-turns .frame img")).to_be_visible()
        await expect(page.locator("#reading-title")).to_have_text("Sherlock Holmes")
        assert not await page.evaluate(AUDIT)
        await page.go_back()
        await expect(page.locator("#catalogue")).to_be_visible()


async def test_privacy_and_being_forgotten(browser: Browser, here: Stand) -> None:
    async with page_of(browser, here) as page:
        await page.click("nav >> text=Privacy")
        await expect(page.locator("#standing")).to_have_text("Kept here: words.")
        assert not await page.evaluate(AUDIT)
        await page.fill("#call-me", "Ann")
        await page.click("#consent")
        await page.click("#forget")
        await expect(page.locator("#sure")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.click("#forget")
        await page.click("#sure >> text=Keep them")
        await page.click("#forget")
        await page.click("#sure button[value=yes]")
        await expect(page.locator("#standing")).to_have_text("Done.")
        asked = [(c.name, c.arguments) for c in here.inbox.commands if c.name != "new"]
        assert asked == [("privacy", {}), ("privacy", {"training": "on"}), ("forget", {"confirm": "yes"})]
        assert here.inbox.commands[1].author.name == "Ann"


async def test_a_lost_event_is_made_good(browser: Browser, here: Stand) -> None:
    """Every stream is cut with events missing: the page loads the conversation anew and shows all of it."""
    here.inbox.upto, here.inbox.pace = 4, 0.05
    async with page_of(browser, here) as page:
        await page.fill("#words", "Hello")
        await page.click("#send")
        await expect(page.locator(".writing-now .text")).to_contain_text("frame")
        place = here.inbox.messages()[0].place.id
        hub = here.platform.hub
        for watcher in list(hub.log(place).watchers):
            watcher.lost = True
            hub.leave(watcher)
        here.inbox.hold.set()
        await page.wait_for_selector(".tools")
        await expect(page.locator(LAST).locator(".text")).to_have_text(here.inbox.words)
        await expect(page.locator("#turns .turn[data-id]")).to_have_count(2)


async def test_by_keyboard_alone(browser: Browser, here: Stand) -> None:
    async with page_of(browser, here) as page:
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#words")).to_be_focused()
        await page.focus("#search")
        await page.keyboard.type("mulan")
        await expect(page.locator("#faces li:visible")).to_have_count(1)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await expect(page.locator("button[data-id=hua-mulan]")).to_have_attribute("aria-pressed", "true")
        outline = await page.locator("button[data-id=hua-mulan]").evaluate(
            "n => getComputedStyle(n).outlineWidth"
        )
        assert outline == "3px"
        await page.focus("#words")
        await page.keyboard.type("Hello")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("there")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".tools")
        assert here.inbox.messages()[0].text == "Hello\nthere"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_view_is_sound_at_every_width(
    browser: Browser, here: Stand, picture: Path, width: int, scheme: Any
) -> None:
    here.inbox.words = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}
    async with page_of(browser, here, viewport={"width": width, "height": 700}, **options) as page:
        assert not await page.evaluate(AUDIT)
        await page.set_input_files("#files", [picture, picture])
        await page.fill("#words", "unbreakable" * 20)
        assert not await page.evaluate(AUDIT)
        await page.click("#send")
        await page.wait_for_selector(".tools")
        await expect(page.locator("figcaption").first).to_be_visible()
        await page.click("#mode-duet")
        assert not await page.evaluate(AUDIT)
        assert await page.locator(LAST).evaluate("n => getComputedStyle(n).animationName") == "none"


async def test_an_expired_link_says_what_to_do(browser: Browser, here: Stand) -> None:
    context = await browser.new_context(viewport={"width": 320, "height": 600})
    page = await context.new_page()
    await page.goto(here.origin)
    assert not await page.evaluate(AUDIT)
    await page.goto(f"{here.origin}/?token=that-of-yesterday")
    await expect(page.get_by_role("alert")).to_contain_text("no longer")
    assert not await page.evaluate(AUDIT)
    token = here.platform.address.partition("token=")[2]
    await page.fill("#token", token)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("html[data-ready]")
    assert "token" not in page.url
    await context.clear_cookies()
    await page.fill("#words", "Hello?")
    await page.click("#send")
    await expect(page.locator("#complaint")).to_contain_text("link")
    await expect(page.locator("#words")).to_have_value("Hello?")
    await context.close()


async def test_the_audit_itself_finds_faults(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<h1>x</h1><main><button></button><img><p style='color:#999'>pale</p></main>")
    found = "\n".join(await page.evaluate(AUDIT))
    for fault in ("has no name", "has no alt", "contrast 2.8", "no language"):
        assert fault in found
    await page.close()
