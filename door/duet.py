"""`python main.py duet`: two or more characters converse about a picture in the terminal."""

import asyncio
import sys
import threading
from pathlib import Path

import click

from agent.errors import BackendError
from bot.duet import Wanted
from bot.events import Incoming
from door.settings import Loaded
from door.talking import Talk, as_record, failed, on_terminal, print_json


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "-p", "--picture", "files", multiple=True, type=click.Path(path_type=Path), help="What they talk about."
)
@click.option("-t", "--turns", type=int, help="How many turns.  [bot.duet] turns of config.toml")
@click.option("--about", default="", help="A word to steer them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line, last.")
@click.pass_obj
def duet(
    loaded: Loaded,
    names: tuple[str, ...],
    files: tuple[Path, ...],
    turns: int | None,
    about: str,
    as_json: bool,
) -> None:
    """Watch two (or more) characters converse about a picture.

    \b
    python main.py duet sherlock-holmes ada-lovelace --picture loom.jpg --turns 4

    Type a line to steer them or join in: the next speaker answers it. /stop or Ctrl-C ends the duet.
    """
    if len(names) < 2:
        raise click.UsageError("a duet takes at least two characters; `characters list` shows them")
    try:
        asyncio.run(_duet(loaded, names, files, turns, about, as_json))
    except KeyboardInterrupt:
        click.echo("\nEnded.")


async def _duet(
    loaded: Loaded,
    names: tuple[str, ...],
    files: tuple[Path, ...],
    turns: int | None,
    about: str,
    as_json: bool,
) -> None:
    async with on_terminal(loaded, quiet=as_json) as talk:
        house, platform = talk.bot.house, talk.platform
        cast = tuple(house.character(name, platform.place) for name in names)
        shown = [await talk.take(path) for path in files]
        if not as_json:
            for picture in shown:
                await talk.show(picture)
        wanted = Wanted(
            platform.place,
            platform.author,
            f"{platform.place.id}-1",
            cast,
            tuple(shown),
            loaded.bot.duet.turns if turns is None else turns,
            about,
        )
        playing = await talk.bot.duets.start(wanted)
        steering = asyncio.create_task(_steer(talk)) if not as_json and sys.stdin.isatty() else None
        why = await playing
        if steering:
            steering.cancel()
        rows = await talk.rows()
        if reason := failed(rows):
            raise BackendError(f"the duet came to nothing: {reason}", mend="`doctor --deep` tries the model")
        said = [r for r in rows if r.state == "delivered"]
        if not as_json:
            platform.say(f"The duet ended after {len(said)} turns: {why}.")
            return
        records = [as_record(r) for r in said]
        print_json(
            {
                "text": "\n".join(f"[{r['name']}]: {r['text']}" for r in records),
                "turns": records,
                "model": records[-1]["model"],
                "note": await talk.note(shown),
                "timings": {"total_ms": round(sum(r["timings"]["total_ms"] or 0 for r in records), 1)},
                "ended": why,
                "pictures": [p.sha256 for p in shown],
            }
        )


async def _steer(talk: Talk) -> None:
    """What a person types while the duet goes on is heard by both; /stop ends it."""
    place, loop = talk.platform.place, asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(typed.put_nowait, line.strip())

    # A daemon: a thread that waits for the keyboard must not keep the program from ending.
    threading.Thread(target=read, daemon=True).start()
    number = 1
    while True:
        line = await typed.get()
        number += 1
        if line == "/stop":
            await talk.bot.duets.stop(place.key)
        elif line:
            await talk.bot.receive(Incoming(place, talk.platform.author, f"{place.id}-{number}", line))
