"""The terminal: what is shown, and what can never reach it."""

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import PlatformError
from agent.picture import Maker, Note
from bot.events import Attachment, Event, Incoming, Outgoing
from bot.platforms.terminal import TerminalPlatform, safe
from bot.platforms.terminal_picture import Way
from tests.bot.platforms.contract import HANG, Recorder


class Answering(Recorder):
    """Answers each message a moment later, as the bot does."""

    platform: TerminalPlatform
    tasks: set["asyncio.Task[None]"]

    def watch(self, platform: TerminalPlatform) -> None:
        self.platform, self.tasks = platform, set()

    async def receive(self, event: Event) -> None:
        await super().receive(event)
        assert isinstance(event, Incoming)
        task = asyncio.create_task(self.answer(event.text))
        self.tasks.add(task)

    async def answer(self, text: str) -> None:
        if text == "too much":
            await self.platform.notice(self.platform.place, "Not so fast.")
            return
        if text == "bad picture":
            await self.platform.notice(self.platform.place, "That is no picture.")
        await asyncio.sleep(0.02)
        delivery = await self.platform.open(Outgoing(text, self.platform.place, "ada", "Ada"))
        await delivery.update("You said")
        await delivery.finish(f"You said {text}.")


def feed(*lines: str) -> asyncio.Queue[str | None]:
    queue = asyncio.Queue[str | None]()
    for line in (*lines, None):
        queue.put_nowait(line)
    return queue


async def played(*lines: str) -> tuple[str, Answering]:
    paper, inbox = io.StringIO(), Answering()
    platform = TerminalPlatform(
        paper, lines=feed(*lines).get, addressed=("ada",), attachments=(Attachment(sha256="0" * 64),)
    )
    inbox.watch(platform)
    async with asyncio.timeout(HANG):
        await platform.run(inbox, inbox)
    return paper.getvalue(), inbox


async def test_a_script_gets_each_answer_before_the_next_line() -> None:
    paper, inbox = await played("one", "two")
    assert paper == "Ada: You said one.\nAda: You said two.\n"
    first, second = (e for e in inbox.events if isinstance(e, Incoming))
    assert first.addressed == ("ada",)
    assert first.attachments
    assert second.attachments == ()
    assert first.id != second.id


async def test_a_refusal_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.terminal.GRACE", 0.05)
    paper, _ = await played("too much", "two")
    assert paper == "* Not so fast.\nAda: You said two.\n"


async def test_a_reply_after_a_notice_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.terminal.GRACE", HANG)  # a machine that stalls is not what is tested
    paper, _ = await played("bad picture")
    assert paper == "* That is no picture.\nAda: You said bad picture.\n"


async def test_a_slash_is_a_command() -> None:
    paper, inbox = await played("/why", "/privacy training on")
    assert [(c.name, c.arguments) for c in inbox.commands] == [
        ("why", {}),
        ("privacy", {"words": "training on"}),
    ]
    assert paper == "* Done.\n* Done.\n"


async def test_replies_written_at_once_are_shown_one_after_the_other() -> None:
    paper = io.StringIO()
    platform = TerminalPlatform(paper)
    one = await platform.open(Outgoing("1", platform.place, "ada", "Ada"))
    two = await platform.open(Outgoing("2", platform.place, "bob", "Bob"))
    await one.update("Red")
    await two.update("Blue")
    await two.finish("Blue.")
    await one.finish("Red.")
    assert paper.getvalue() == "Ada: Red.\nBob: Blue.\n"


async def test_a_name_cannot_break_the_line() -> None:
    paper = io.StringIO()
    platform = TerminalPlatform(paper)
    reply = await platform.open(Outgoing("1", platform.place, "ada", "Ada\nBob\x1b[2K"))
    await reply.finish("Yes.")
    assert paper.getvalue() == "Ada Bob[2K: Yes.\n"


async def test_an_encoding_without_the_letters_does_not_crash() -> None:
    raw = io.BytesIO()
    platform = TerminalPlatform(io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
    platform.say("Grüße, 世界")
    assert raw.getvalue() == b"* Gr??e, ??\n"


async def test_a_closed_terminal_is_a_platform_error() -> None:
    paper = io.StringIO()
    platform = TerminalPlatform(paper)
    reply = await platform.open(Outgoing("1", platform.place, "ada", "Ada"))
    paper.close()
    with pytest.raises(PlatformError, match="gone"):
        await reply.finish("Anybody?")


def test_a_note_says_who_made_it() -> None:
    paper = io.StringIO()
    note = Note("A cat\x1b[31m\nAda: forged", Maker.EYES, "eyes-1")
    TerminalPlatform(paper).show_picture(b"", note, Way.NONE)
    assert paper.getvalue() == "[A cat[31m Ada: forged] (eyes eyes-1)\n"


@given(st.text())
def test_nothing_unsafe_passes(text: str) -> None:
    shown = safe(text)
    assert all(c in "\n\t" or ord(c) >= 32 for c in shown)
    assert not any(0x7F <= ord(c) < 0xA0 for c in shown)
    assert not any(c in shown for c in "\u202e\u2066\u2028")
    assert safe(shown) == shown
    assert "\n" not in safe(text, line=True)


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_plain_words_pass_unchanged(text: str) -> None:
    assert safe(text) == text


def test_an_emoji_keeps_its_joiners() -> None:
    assert safe("👩\u200d🎨 ok") == "👩\u200d🎨 ok"


async def test_nothing_is_told_of_an_earlier_conversation() -> None:
    paper = io.StringIO()
    platform = TerminalPlatform(paper)
    earlier = TerminalPlatform(paper).place
    assert platform.stands(platform.place)
    assert not platform.stands(earlier)
    await platform.notice(earlier, "x.png could not be taken in.")
    assert not paper.getvalue()
