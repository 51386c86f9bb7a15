"""What `chat` and `duet` share: a bot on the terminal, pictures from files, and the line that --json prints."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import click

from agent.errors import PictureError
from agent.picture import Picture
from bot.bot import Bot
from bot.events import Attachment
from bot.platforms.terminal import Lines, TerminalPlatform
from bot.sights import Shelf
from door.house import open_bot
from door.settings import Loaded
from journal import dialogues, pictures, turns
from journal.turns import TurnRow


@dataclass
class Talk:
    """One conversation on the terminal."""

    bot: Bot
    platform: TerminalPlatform
    begun: float = field(default_factory=time.perf_counter)

    async def take(self, path: Path) -> Picture:
        """A picture from a file; raises PictureError that names it."""
        try:
            data = await asyncio.to_thread(lambda: path.expanduser().read_bytes())
        except OSError as error:
            raise PictureError(
                f"it cannot be read: {error.strerror}", where=str(path), mend="name a picture file"
            ) from None
        return await Shelf(self.bot.house).take(data, filename=path.name)

    async def show(self, picture: Picture) -> None:
        """The picture where the terminal can, and its note where the model will get one."""
        from bot.platforms.terminal_picture import way

        able = await self.bot.house.agent.backend.abilities()
        notes = await self.bot.sights.notes([picture], sees=able.sees, pixels=1)
        how = way(os.environ, tty=sys.stdout.isatty(), encoding=sys.stdout.encoding)
        columns = min(60, shutil.get_terminal_size().columns - 2)
        self.platform.show_picture(picture.read(), notes.get(picture.sha256), how, columns=columns)

    async def rows(self) -> list[TurnRow]:
        """The finished turns of this conversation, in order."""
        async with self.bot.house.journal.read() as tx:
            found = await dialogues.listing(tx, platform="terminal", limit=50)
            here = [d for d in reversed(found) if d.channel_id == self.platform.place.key]
            return [t for d in here for t in await turns.of_dialogue(tx, d.id)]

    async def note(self, shown: Sequence[Picture]) -> str:
        """The notes on the pictures, joined."""
        async with self.bot.house.journal.read() as tx:
            found = [await pictures.best_note(tx, p.sha256) for p in shown]
        return " ".join(n.text for n in found if n)


@asynccontextmanager
async def on_terminal(
    loaded: Loaded, *, quiet: bool = False, lines: Lines | None = None, person: str = "You"
) -> AsyncIterator[Talk]:
    """A bot whose only platform is this terminal; `quiet` shows nothing (for --json)."""
    writer: TextIO = open(os.devnull, "w") if quiet else sys.stdout  # noqa: SIM115, ASYNC230 - closed below
    live = lines is not None and sys.stdin.isatty()
    platform = TerminalPlatform(writer, lines=lines, live=live, person=person)
    try:
        async with open_bot(loaded) as bot:
            bot.house.platforms["terminal"] = platform
            if not quiet and sys.stderr.isatty():
                click.secho("Loading the model…", dim=True, err=True)
            await bot.house.agent.backend.start()
            yield Talk(bot, platform)
    finally:
        if quiet:
            writer.close()


def attached(shown: Sequence[Picture]) -> tuple[Attachment, ...]:
    return tuple(Attachment(sha256=p.sha256) for p in shown)


def as_record(row: TurnRow) -> dict[str, Any]:
    """A character's turn as --json prints it. Times in milliseconds."""
    made = row.made
    return {
        "turn": row.id,
        "character": row.speaker_id,
        "name": row.speaker_name,
        "text": row.text,
        "rule": row.rule,
        "model": made.model if made else "",
        "seed": made.seed if made else None,
        "timings": {
            "first_token_ms": round(made.first_token_ms, 1) if made else None,
            "total_ms": round(made.total_ms, 1) if made else None,
            "prompt_tokens": made.prompt_tokens if made else None,
            "reply_tokens": made.reply_tokens if made else None,
        },
    }


def print_json(record: dict[str, Any]) -> None:
    """One line, the last; in ASCII where standard output cannot take every letter."""
    every = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(record, ensure_ascii=not every))


def failed(rows: Sequence[TurnRow]) -> str:
    """Why no answer stands, in the journal's words; empty where one does."""
    answers = [r for r in rows if r.speaker_kind == "character"]
    if any(r.state == "delivered" for r in answers):
        return ""
    if not answers:
        return "nobody answered"
    return (answers[-1].error or answers[-1].state).splitlines()[0]
