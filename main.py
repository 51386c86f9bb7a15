"""The front door: one command line for everything. Every subcommand loads only what it needs."""

import importlib
import sys
from pathlib import Path

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
    if ctx.resilient_parsing or any(word in ("-h", "--help") for word in sys.argv[1:]):
        return
    from door.logs import set_up
    from door.settings import load

    set_up(verbose)
    ctx.obj = load(path)


def main() -> None:
    # Imported here: the error tree costs nothing, and this is the only place that turns errors into words.
    from agent.errors import VignetteError

    try:
        door.main(prog_name="python main.py", standalone_mode=True)
    except VignetteError as error:
        click.secho("Error: ", fg="red", err=True, nl=False)
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
