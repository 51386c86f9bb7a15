"""The terminal as a Platform: one person, one place, words streamed as they come.

Everything that is shown passes `safe`: a model's or a person's words must not move the cursor, retitle the
window or forge another speaker's line by escape sequences.
"""

import asyncio
import contextlib
import secrets
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TextIO

from agent.errors import PlatformError
from agent.picture import Note
from bot.events import Attachment, Author, Command, Incoming, Outgoing, Place
from bot.platforms.base import Inbox, PlatformLimits, Posted
from bot.platforms.terminal_picture import Way, drawn

GRACE = 2.0  # seconds between a notice and the reply it may come before
Lines = Callable[[], Awaitable[str | None]]
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BREAKS = {"\r\n": "\n", "\r": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"}


def safe(text: str, *, line: bool = False) -> str:
    """Text without control characters (ESC, C0, C1, DEL), lone surrogates and direction overrides; line
    breaks and tabs stay, or with `line` become spaces."""
    for other, plain in BREAKS.items():
        text = text.replace(other, plain)
    if line:
        text = text.replace("\n", " ").replace("\t", " ")
    return "".join(
        c
        for c in text
        if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in DIRECTIONS)
    )


class TerminalPlatform:
    """Writes to `writer`, and in `run` reads `lines` (None ends it). A line `/name words` is a command whose
    words are its argument `words`; anything else is said to `addressed`, with `attachments` once.

    Where input does not come from a person at a terminal (`live` false), the next line waits for the answer.
    """

    name = "terminal"
    limits = PlatformLimits()

    def __init__(
        self,
        writer: TextIO,
        *,
        lines: Lines | None = None,
        live: bool = False,
        conversation: str = "",
        person: str = "You",
        addressed: tuple[str, ...] = (),
        attachments: tuple[Attachment, ...] = (),
        answer_seconds: float = 900.0,
    ) -> None:
        self._writer, self._lines, self._live = writer, lines, live
        self.place = Place("terminal", conversation or secrets.token_hex(8), name="terminal", private=True)
        self.author = Author("terminal", "owner", person, manager=True)
        self.addressed, self.attachments = addressed, attachments
        self._answer_seconds = answer_seconds
        self._open: list[TerminalDelivery] = []
        self._settled, self._told, self._opened = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        """Feeds the inbox until the lines end and what they asked for is answered."""
        await inbox.joined(self)
        if self._lines is None:
            await asyncio.Event().wait()
            return
        while True:
            self.prompt()
            line = await self._lines()
            if line is None:
                if self._open:
                    await self._answered()
                return
            if line.strip() or self.attachments:
                await self._take(inbox, line.strip())

    async def _take(self, inbox: Inbox, line: str) -> None:
        message = f"{self.place.id}-{secrets.token_hex(8)}"
        if line.startswith("/"):
            name, _, words = line[1:].partition(" ")
            arguments: dict[str, str | int | bool] = {"words": words.strip()} if words.strip() else {}
            answer = await inbox.command(Command(self.place, self.author, message, name, arguments))
            self.say(answer.text)
            return
        for event in (self._settled, self._told, self._opened):
            event.clear()
        attachments, self.attachments = self.attachments, ()
        await inbox.receive(
            Incoming(self.place, self.author, message, line, attachments, addressed=self.addressed)
        )
        if not self._live:
            await self._answered()

    async def _answered(self) -> None:
        """Until no reply is open any more. A notice alone (a refusal) is an answer too, unless a reply
        follows it at once."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                waits = [asyncio.ensure_future(e.wait()) for e in (self._settled, self._told)]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                if not self._settled.is_set() and not self._open:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(GRACE):
                            await self._opened.wait()
                if self._open:
                    await self._settled.wait()
        except TimeoutError:
            self.say("No answer came.")

    async def open(self, turn: Outgoing) -> "TerminalDelivery":
        delivery = TerminalDelivery(self, turn)
        self._open.append(delivery)
        self._settled.clear()
        self._opened.set()
        if len(self._open) == 1:
            delivery.begin()
        return delivery

    async def find(self, turn: Outgoing) -> Sequence[str] | None:
        """None: what scrolled by in an earlier terminal cannot be told."""
        return None

    async def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        """Nothing: a terminal keeps no messages."""
        none: Sequence[Incoming] = ()
        for message in none:
            yield message

    def stands(self, place: Place) -> bool:
        """Each start is a conversation of its own: what an earlier one left open is not said in this one."""
        return place.id == self.place.id

    async def notice(self, place: Place, words: str) -> None:
        if not self.stands(place):
            return
        self.say(words)
        self._told.set()

    def say(self, words: str) -> None:
        """A line in the bot's own voice."""
        lead = "\n" if self._open and self._open[0].begun else ""
        self.write(f"{lead}* {safe(words)}\n")

    def prompt(self) -> None:
        if self._live:
            self.write("> ")

    def show_picture(self, data: bytes, note: Note | None, how: Way, *, columns: int = 48) -> None:
        """The picture, where the terminal can, and its note with who made it."""
        self.write(drawn(data, how, columns=columns))
        if note:
            made = f"{note.maker.value}{' ' + note.version if note.version else ''}"
            self.write(f"[{safe(note.text, line=True)}] ({safe(made, line=True)})\n")

    def write(self, text: str) -> None:
        """Writes and flushes. Characters the terminal's encoding lacks become `?`; raises PlatformError where
        nobody reads any more."""
        if not text:
            return
        encoding = getattr(self._writer, "encoding", None) or "utf-8"
        try:
            self._writer.write(text.encode(encoding, "replace").decode(encoding, "replace"))
            self._writer.flush()
        except (OSError, ValueError) as error:
            raise PlatformError("the terminal is gone", mend="start again") from error

    def done(self, delivery: "TerminalDelivery") -> None:
        """The next reply that waits for the screen gets it."""
        if delivery in self._open:
            self._open.remove(delivery)
        if self._open and not self._open[0].begun:
            self._open[0].begin()
        elif not self._open and not self._settled.is_set():
            self._settled.set()
            self.prompt()


class TerminalDelivery:
    """One reply. Two that are written at once are shown one after the other, never mixed."""

    def __init__(self, platform: TerminalPlatform, turn: Outgoing) -> None:
        self._platform, self._turn = platform, turn
        self._text = self._shown = ""
        self.begun = self._final = False

    def begin(self) -> None:
        self.begun = True
        self._platform.write(f"{safe(self._turn.character_name, line=True)}: ")
        if self._final:
            self._end()
        else:
            self._show()

    async def update(self, text: str) -> None:
        self._text = safe(text)
        if self.begun:
            self._show()

    def _show(self) -> None:
        # What is on paper stays: only words that continue it are written; the end corrects the rest.
        if self._text.startswith(self._shown):
            self._platform.write(self._text[len(self._shown) :])
            self._shown = self._text

    async def finish(self, text: str) -> Sequence[str]:
        self._text, self._final = safe(text), True
        if self.begun:
            self._end()
        return (self._turn.turn_id,)

    def _end(self) -> None:
        if self._text.startswith(self._shown):
            self._show()
        else:
            self._platform.write(f"\n{safe(self._turn.character_name, line=True)} (in full): {self._text}")
        self._platform.write("\n")
        self._platform.done(self)

    async def abort(self, words: str) -> None:
        if self.begun:
            self._platform.write("\n")
            self.begun = False
        if words:
            self._platform.say(words)
        self._platform.done(self)
