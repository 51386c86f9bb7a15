"""The front door: one command line for everything. Every subcommand loads only what it needs."""

import importlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import click

# name -> (module, attribute); imported when the subcommand is used, so that --help stays quick.
COMMANDS = {
    "run": ("door.run", "run"),
    "chat": ("door.chat", "chat"),
    "duet": ("door.duet", "duet"),
    "characters": ("door.characters", "characters"),
    "journal": ("door.journal", "journal"),
    "models": ("door.models", "models_group"),
    "doctor": ("door.doctor", "doctor"),
    "config": ("door.config", "config"),
    "pipeline": ("door.pipeline", "pipeline"),
    "bench": ("door.bench", "bench"),
}
ABOUT = {
    "run": "Start the web page, and Discord where DISCORD_TOKEN is set.",
    "chat": "Talk with a character in the terminal, with or without a picture.",
    "duet": "Watch two characters converse about a picture.",
    "characters": "List, show, make, import, export, check and compare characters.",
    "journal": "Look into the log: stats, show, export, backup, restore, verify.",
    "models": "List, download and choose models.",
    "doctor": "Check model, database, keys, ports and permissions; say what to mend.",
    "config": "Print every setting in force, and where it came from.",
    "pipeline": "Teach the embedded model to speak in voice, and measure whether it does.",
    "bench": "Measure Vignette's own overhead, speed and memory.",
}


class Door(click.Group):
    """A group whose subcommands are imported only when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, ABOUT[name]) for name in COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"{error.format_message()}{hint}", ctx) from None


@click.group(
    cls=Door,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Try it: python main.py run, or python main.py chat --character sherlock-holmes --picture photo.jpg",
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(__file__).with_name("config.toml"),
    help="The settings file.  [config.toml beside this program]",
)
@click.option("-v", "--verbose", count=True, help="Log more (twice: everything).")
@click.version_option("0.1.0", prog_name="Vignette")
@click.pass_context
def door(ctx: click.Context, path: Path, verbose: int) -> None:
    """Vignette: talk with characters about pictures.

    Somebody posts a picture, a character answers in their own voice, a second one can join. Every turn is
    kept in the journal. `COMMAND --help` tells more of each command.
    """
    named = ctx.get_parameter_source("path") is not click.core.ParameterSource.DEFAULT
    ctx.obj = Later(path, verbose, must_be=named)


class Later:
    """Settings that are read when a command first asks for one, so that --help needs none."""

    def __init__(self, path: Path, verbose: int, *, must_be: bool) -> None:
        self._path, self._verbose, self._must_be = path, verbose, must_be
        self._loaded: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._loaded is None:
            from door.logs import set_up
            from door.settings import load

            set_up(self._verbose)
            self._loaded = load(self._path, must_be=self._must_be)
        return getattr(self._loaded, name)


def main() -> None:
    # Imported here: the error tree costs nothing, and this is the only place that turns errors into words.
    from agent.errors import VignetteError

    os.umask(0o077)  # what people say to each other is no matter of the machine's other users
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names in all scripts, terminals with few letters
    try:
        door.main(prog_name="python main.py", standalone_mode=True)
    except VignetteError as error:
        _say(str(error))
    except OSError as error:  # the system's own no: a person can mend it, a traceback would not help them
        where = f"{error.filename}: " if error.filename else ""
        _say(
            f"{where}{error.strerror or error or type(error).__name__}\n"
            "  To mend it: see whether it may be read and written here, and whether the disk is full"
        )


def _say(words: str) -> None:
    click.secho("Error: ", fg="red", err=True, nl=False)
    click.echo(words, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
