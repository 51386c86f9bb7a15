"""`characters lorebook`: lorebooks that come alone, and whom they are attached to."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.cards import ImportedBook
    from agent.cast.lorebooks import Lorebooks, To


@click.group("lorebook")
def lorebook() -> None:
    """Import lorebooks (world info) and attach them to characters and channels.

    \b
    Examples:
      characters lorebook import night-birds.json
      characters lorebook attach night-birds li-bai ada-lovelace
      characters lorebook attach night-birds --channel discord:123456789
      characters lorebook list
      characters lorebook export night-birds -o birds.json
    """


def _books(settings: Any) -> "Lorebooks":
    from agent.cast.lorebooks import Lorebooks

    return Lorebooks(settings.agent.cast.own / "lorebooks")


def _entries(found: "ImportedBook") -> str:
    count = len(found.book.entries)
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


@lorebook.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "book_id", default="", help="Default: made from the lorebook's name, or the file's.")
@click.option("--force", is_flag=True, help="Replace a different lorebook that has the same id.")
@click.pass_obj
def import_(settings: Any, /, file: Path, book_id: str, force: bool) -> None:
    """Import a lorebook: SillyTavern, KoboldAI, RisuAI, NovelAI, Agnai, V3, or the one inside a card."""
    from agent.cast.files import LARGEST_CARD, read_bytes

    data = read_bytes(file, LARGEST_CARD)
    made, found = _books(settings).add(data, book_id, name_hint=file.stem, force=force)
    click.secho(f"{file} is now the lorebook {made} ({_entries(found)})", fg="green")
    for line in found.repairs:
        click.echo(f"  repaired: {_plain(line)}")
    for line in found.unused:
        click.echo(f"  not used: {_plain(line)}")
    click.echo(f"  It says nothing until it is attached: characters lorebook attach {made} CHARACTER")


@lorebook.command("list")
@click.pass_obj
def list_(settings: Any) -> None:
    """List all lorebooks, and what each is attached to."""
    from agent.errors import CharacterError

    books = _books(settings)
    attached = books.attached()
    for book_id in books.ids():
        try:
            entries = _entries(books.get(book_id))
        except CharacterError as error:
            entries = f"cannot be read: {error.what}"
        holders = [h for table in attached.values() for h, ids in table.items() if book_id in ids]
        click.echo(
            f"{book_id}: {entries}; " + (f"with {', '.join(holders)}" if holders else "attached to nothing")
        )
    if not books.ids():
        click.echo("There are no lorebooks yet; `characters lorebook import FILE` takes one in.")


def _holders(settings: Any, names: tuple[str, ...], channels: tuple[str, ...]) -> "list[tuple[To, str]]":
    from door.characters import open_cast

    if not names and not channels:
        raise click.UsageError("name a CHARACTER, or a channel with --channel")
    if wrong := [c for c in channels if ":" not in c]:
        raise click.BadParameter(
            f"{wrong[0]!r} is not PLATFORM:ID, such as discord:123456789", param_hint="--channel"
        )
    cast = open_cast(settings)
    found: list[tuple[To, str]] = [("characters", cast.get(name).id) for name in names]
    return [*found, *(("channels", channel) for channel in channels)]


_CHANNEL = click.option("--channel", "channels", multiple=True, metavar="PLATFORM:ID", help="Once for each.")


@lorebook.command()
@click.argument("book_id")
@click.argument("names", nargs=-1)
@_CHANNEL
@click.pass_obj
def attach(settings: Any, /, book_id: str, names: tuple[str, ...], channels: tuple[str, ...]) -> None:
    """Attach a lorebook to characters (NAMES), or to channels: there all characters know it."""
    for to, holder in _holders(settings, names, channels):
        _books(settings).attach(book_id, to, holder)
        click.echo(f"{holder} knows {book_id}")


@lorebook.command()
@click.argument("book_id")
@click.argument("names", nargs=-1)
@_CHANNEL
@click.pass_obj
def detach(settings: Any, /, book_id: str, names: tuple[str, ...], channels: tuple[str, ...]) -> None:
    """Take a lorebook off characters (NAMES) or channels."""
    for to, holder in _holders(settings, names, channels):
        _books(settings).attach(book_id, to, holder, on=False)
        click.echo(f"{holder} no longer knows {book_id}")


@lorebook.command()
@click.argument("book_id")
@click.option(
    "--format", "kind", type=click.Choice(["v3", "imported"]), default="v3", show_default=True,
    help="Character Card V3's lorebook, or the object as it was imported.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Default: BOOK_ID.json here; - is standard output.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.pass_obj
def export(settings: Any, /, book_id: str, kind: str, output: Path | None, force: bool) -> None:
    """Write a lorebook for other programs. Nothing that was imported is left out."""
    from agent.cards import write_lorebook
    from agent.cast.files import write_whole

    raw = _books(settings).get(book_id).raw
    made = write_lorebook(raw) if kind == "v3" else raw
    data = json.dumps(made, ensure_ascii=False, indent=2).encode("utf-8", "replace")
    target = output or Path(f"{book_id}.json")
    if str(target) == "-":
        click.echo(data, nl=False)
        return
    if target.exists() and not force:
        raise click.ClickException(
            f"{target} exists already\n  To mend it: name another file, or add --force"
        )
    try:
        write_whole(target, data)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from error
    click.echo(f"{target}: {len(data):,} bytes")


@lorebook.command()
@click.argument("book_id")
@click.pass_obj
def remove(settings: Any, /, book_id: str) -> None:
    """Delete a lorebook, and take it off everything it was attached to."""
    _books(settings).remove(book_id)
    click.echo(f"{book_id} is gone")
