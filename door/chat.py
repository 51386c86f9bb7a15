"""`python main.py chat`: a character in the terminal."""

import asyncio
import sys
from pathlib import Path

import click

from agent.errors import BackendError, PictureError
from agent.macros import shown
from bot.events import Incoming
from bot.model import introduced
from bot.platforms.terminal import safe
from door.settings import Loaded
from door.talking import Talk, as_record, attached, failed, on_terminal, print_json


@click.command()
@click.option("-c", "--character", "name", help="Name or id.  [the default of config.toml]")
@click.option(
    "-p",
    "--picture",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A picture to show; repeatable.",
)
@click.option("--once", "words", help="Say this, print the answer, end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON line, last.")
@click.option("--as", "person", default="You", show_default=True, help="What you are called.")
@click.pass_obj
def chat(
    loaded: Loaded, name: str | None, files: tuple[Path, ...], words: str | None, as_json: bool, person: str
) -> None:
    """Talk with a character in the terminal, with or without a picture.

    \b
    python main.py chat --character ada-lovelace --picture loom.jpg
    python main.py chat -c sherlock-holmes -p photo.jpg --once "What do you deduce?" --json

    In the conversation: /picture FILE shows another, /again asks for another answer, /why tells how it was
    made, /new begins afresh, Ctrl-D ends. Everything is kept in the journal (`journal show`).
    """
    if as_json and words is None:
        raise click.UsageError("--json goes with --once: it prints the one answer")
    if words is not None and not words.strip() and not files:
        raise click.UsageError("--once wants words, or a --picture")
    if words is None:
        asyncio.run(_converse(loaded, name, files, person))
    else:
        asyncio.run(_once(loaded, name, files, words, as_json, person))


async def _once(
    loaded: Loaded, name: str | None, files: tuple[Path, ...], words: str, as_json: bool, person: str
) -> None:
    async with on_terminal(loaded, quiet=as_json, person=person) as talk:
        place = talk.platform.place
        character = talk.bot.house.character(name or loaded.agent.cast.default, place)
        shown = [await talk.take(path) for path in files]
        if not as_json:
            for picture in shown:
                await talk.show(picture)
        await talk.bot.receive(
            Incoming(
                place,
                talk.platform.author,
                f"{place.id}-1",
                words,
                attached(shown),
                addressed=(character.id,),
            )
        )
        await talk.bot.lanes.idle()
        rows = await talk.rows()
        if reason := failed(rows):
            raise BackendError(
                f"{character.name} gave no answer: {reason}", mend="`doctor --deep` tries the model"
            )
        if as_json:
            print_json(
                as_record(rows[-1]) | {"note": await talk.note(shown), "pictures": [p.sha256 for p in shown]}
            )


async def _converse(loaded: Loaded, name: str | None, files: tuple[Path, ...], person: str) -> None:
    here: list[Talk] = []

    async def lines() -> str | None:
        """The next line a person types; /picture is carried out here, for files are this terminal's matter."""
        while True:
            line: str = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return None
            if line.split()[:1] != ["/picture"]:
                return line.rstrip("\n")
            await _attach(here[0], Path(line.removeprefix("/picture").strip()))
            here[0].platform.prompt()

    async with on_terminal(loaded, lines=lines, person=person) as talk:
        here.append(talk)
        house, platform = talk.bot.house, talk.platform
        character = house.character(name or loaded.agent.cast.default, platform.place)
        platform.addressed = (character.id,)
        for path in files:
            await _attach(talk, path)
        platform.say(f"{character.introduced}. /help lists what you can do; Ctrl-D ends.")
        platform.say(await introduced(house))
        if greeting := shown(character.greeting, character, user=person):
            platform.write(f"{safe(character.name, line=True)}: {safe(greeting)}\n")
        await platform.run(talk.bot, talk.bot)


async def _attach(talk: Talk, path: Path) -> None:
    try:
        picture = await talk.take(path)
    except PictureError as error:
        talk.platform.say(str(error))
        return
    await talk.show(picture)
    talk.platform.attachments = (*talk.platform.attachments, *attached([picture]))
