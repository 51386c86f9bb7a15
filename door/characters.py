"""`characters`: see, make, bring in, hand on and compare those who speak."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from agent.errors import VignetteError
from agent.macros import shown
from agent.settings import AgentSettings

if TYPE_CHECKING:
    from agent.cast import Cast
    from agent.character import Character
    from agent.lint import Finding

SUFFIXES = (".toml", ".json", ".png", ".apng", ".charx", ".webp", ".jpg", ".jpeg")


class HasAgent(Protocol):
    """What the door passes down: settings with the agent's slice."""

    @property
    def agent(self) -> AgentSettings: ...


class _Group(click.Group):
    """Errors that a person can mend are shown without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VignetteError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
def characters() -> None:
    """See, make, import, export, check and compare characters.

    \b
    Examples:
      characters list
      characters show sherlock-holmes
      characters import card.png other.charx
      characters export "Ada Lovelace" --format png -o ada.png
      characters new
      characters lorebook import world.json
      characters lint
      characters diff sherlock-holmes my-holmes.toml
    """


def open_cast(settings: HasAgent) -> "Cast":
    from agent.cast import Cast

    return Cast.load(settings.agent.cast.shipped, settings.agent.cast.own)


def find(cast: "Cast", name_or_file: str) -> "Character":
    """A character by file, id or name. What looks like a path to a file is one."""
    from agent.cast import load_character

    path = Path(name_or_file)
    return (
        load_character(path) if path.suffix.lower() in SUFFIXES and path.is_file() else cast.get(name_or_file)
    )


def _problems(cast: "Cast") -> None:
    for problem in cast.problems:
        click.secho(f"not loaded: {problem}", fg="red", err=True)


@characters.command("list")
@click.argument("words", required=False, default="")
@click.pass_obj
def list_(settings: HasAgent, words: str) -> None:
    """List all characters, or those that fit WORDS (name, tag, origin)."""
    from rich.console import Console
    from rich.table import Table

    cast = open_cast(settings)
    table = Table("ID", "Name", "Kind", "Language", "Origin", box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = True
    for c in cast.search(words, limit=len(cast.characters)):
        own = "" if cast.path(c.id).parent == cast.shipped else " (own)"
        table.add_row(*(_plain(t) for t in (c.id + own, c.name, c.kind.value, c.language, c.origin)))
    Console().print(table)
    _problems(cast)


def _plain(text: str) -> str:
    """Nothing in a card may be read as markup or steer the terminal."""
    from rich.markup import escape

    return escape(_printable(text))


def _printable(text: str) -> str:
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


@characters.command()
@click.argument("name")
@click.pass_obj
def show(settings: HasAgent, name: str) -> None:
    """Show everything about NAME (an id, a name or a file)."""
    cast = open_cast(settings)
    c = find(cast, name)
    click.secho(_printable(c.name), bold=True)
    facts = (c.id, c.kind.value, c.origin, c.language, f"version {c.version}")
    click.echo(_printable(" · ".join(fact for fact in facts if fact)))
    parts = [("Greeting", c.greeting), ("Introduction", c.profile.introduction)]
    parts += [("Personality", c.profile.personality), ("Life story", c.profile.life_story)]
    parts += [("Relationships", c.profile.relationships), ("Scene", c.scene)]
    parts += [("Catchphrases", "\n".join(f"- {p}" for p in c.profile.catchphrases))]
    parts += [("Examples", "\n\n".join(c.examples)), ("Notes of the maker", c.creator_notes)]
    for title, text in parts:
        if text.strip():
            click.secho(f"\n{title}", bold=True)
            click.echo(_filled(_printable(shown(text, c))))
    if c.lorebook:
        click.echo(f"\nLorebook: {len(c.lorebook.entries)} entries")


def _filled(text: str) -> str:
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size().columns, 100)
    return "\n".join(textwrap.fill(line, width) for line in text.split("\n"))


@characters.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a different character that has the same id.")
@click.option("--id", "new_id", default="", help="Give it this id (with one FILE).")
@click.pass_obj
def import_(settings: HasAgent, files: tuple[Path, ...], force: bool, new_id: str) -> None:
    """Import character cards (PNG, JSON, CHARX; V1 to V3) and TOML files.

    Says for each what had to be repaired and what could be better. The file itself is kept too.
    """
    if new_id and len(files) > 1:
        raise click.UsageError("--id goes with one FILE")
    cast = open_cast(settings)
    failed = 0
    for file in files:
        try:
            _import_one(cast, file, force, new_id)
        except VignetteError as error:
            failed += 1
            click.secho(f"{file}: not imported: {error}", fg="red", err=True)
    if failed:
        raise SystemExit(1)


def _import_one(cast: "Cast", file: Path, force: bool, new_id: str) -> None:
    from dataclasses import replace

    from agent.cast import load_character
    from agent.cast.files import LARGEST_CARD, read_bytes
    from agent.lint import lint

    original: bytes | None = None
    repairs: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    spec = "TOML"
    if file.suffix.lower() == ".toml":
        character = load_character(file)
    else:
        from agent.cards import read_card

        original = read_bytes(file, LARGEST_CARD)
        got = read_card(original, name_hint=file.stem)
        character, repairs, spec = got.character, got.repairs, f"card {got.spec.upper()}"
        unused = got.unused
    if new_id:
        character = replace(character, id=new_id)
    path = cast.add(character, replace=force, original=original, ext=file.suffix.lower())
    click.secho(f"{file}: {_printable(character.name)} ({spec}) is now {character.id} in {path}", fg="green")
    for repair in repairs:
        click.echo(f"  repaired: {_printable(repair)}")
    for line in unused:
        click.echo(f"  not used: {_printable(line)}")
    tell(lint(character))


def tell(findings: "list[Finding]") -> None:
    colours = {"error": "red", "warning": "yellow", "note": "cyan"}
    for finding in findings:
        click.secho(f"  {_printable(str(finding))}", fg=colours[finding.level.value])


@characters.command("lint")
@click.argument("names", nargs=-1)
@click.pass_obj
def lint_(settings: HasAgent, names: tuple[str, ...]) -> None:
    """Say what is weak in NAMES (ids, names or files; all, if none is given). Exits with 1 on errors."""
    from agent.lint import Level, lint

    cast = open_cast(settings)
    bad = 0
    for c in [find(cast, n) for n in names] if names else cast.characters.values():
        found = lint(c)
        bad += sum(f.level is Level.ERROR for f in found)
        click.echo(f"{c.id}: " + (f"{len(found)} to mend" if found else "good"))
        tell(found)
    if not names:
        _problems(cast)
        bad += len(cast.problems)
    if bad:
        raise SystemExit(1)


@characters.command("diff")
@click.argument("a")
@click.argument("b", required=False)
@click.pass_obj
def diff_(settings: HasAgent, a: str, b: str | None) -> None:
    """Show what differs in what A and B say (ids, names or files).

    With A alone: your own version against the one that ships.
    """
    from agent.lint import diff

    cast = open_cast(settings)
    old, new = (_shipped(cast, a), cast.get(a)) if b is None else (find(cast, a), find(cast, b))
    click.echo(
        _printable(diff(old, new)) or f"nothing that reaches a prompt differs (version {new.version})\n",
        nl=False,
    )


def _shipped(cast: "Cast", name: str) -> "Character":
    from agent.cast import Cast

    return Cast.load(cast.shipped, cast.shipped / "none").get(cast.get(name).id)


@characters.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--size", type=click.IntRange(16, 1024), default=256, show_default=True, help="Pixels a side.")
@click.pass_obj
def faces(settings: HasAgent, folder: Path, size: int) -> None:
    """Write every character's face to FOLDER as ID.png."""
    for path in _faces(open_cast(settings), folder, size):
        click.echo(path)


def _faces(cast: "Cast", folder: Path, size: int) -> Iterator[Path]:
    from agent.cast.files import write_whole
    from agent.faces import face

    for c in cast.characters.values():
        path = folder / f"{c.id}.png"
        write_whole(path, face(c, size))
        yield path


def _register() -> None:
    from door.characters_export import export
    from door.characters_new import new
    from door.lorebooks import lorebook

    characters.add_command(lorebook)
    characters.add_command(export)
    characters.add_command(new)


_register()
