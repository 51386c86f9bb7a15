"""`characters export`: a character for other programs, or for an editor."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.cast import Cast
    from agent.character import Character


@click.command("export")
@click.argument("name")
@click.option(
    "--format", "kind", type=click.Choice(["png", "json", "charx", "toml"]), default="png", show_default=True
)
@click.option(
    "--spec", type=click.Choice(["v3", "v2", "v1"]), default="v3", show_default=True, help="Card version."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: ID.FORMAT here; - is standard output."
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.pass_obj
def export(settings: Any, /, name: str, kind: str, spec: str, output: Path | None, force: bool) -> None:
    """Write NAME as a character card that other programs read, or as TOML.

    \b
    Example:  characters export "Sun Wukong" --format charx -o wukong.charx
    """
    from agent.cast.files import write_whole
    from door.characters import find, open_cast

    cast = open_cast(settings)
    c = find(cast, name)
    kept = _original(cast, c, Path(name))
    assets = _assets(kept) if kept and kind != "toml" else {}
    data = _exported(c, kind, spec, assets)
    target = output or Path(f"{c.id}.{kind}")
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
    for what in _left_behind(c, kind, assets):
        where = f"kept in {kept}" if kept else "export as PNG or CHARX to take it along"
        click.secho(f"  not in it: {what}; {where}", fg="yellow")


def _original(cast: "Cast", c: "Character", typed: Path) -> Path | None:
    """The card that a character came in: the very file that was named, or the one kept beside its TOML."""
    from agent.cast.files import CARDS, companions
    from door.characters import SUFFIXES

    if typed.suffix.lower() in SUFFIXES and typed.is_file():
        if typed.suffix.lower() != ".toml":
            return typed
        beside = companions(typed)
    elif c.id in cast.characters:
        beside = companions(cast.path(c.id))
    else:
        return None
    kept = sorted(beside.glob("original.*"), key=lambda path: path.suffix.lower() not in CARDS)
    return kept[0] if kept else None


def _assets(kept: Path) -> Mapping[str, bytes]:
    from agent.cards import read_card
    from agent.cast.files import LARGEST_CARD, read_bytes
    from agent.errors import VignetteError

    try:
        return read_card(read_bytes(kept, LARGEST_CARD)).assets
    except VignetteError as error:
        click.secho(f"assets of the original are left out: {error}", fg="yellow", err=True)
        return {}


def _left_behind(c: "Character", kind: Any, assets: Mapping[str, bytes]) -> tuple[str, ...]:
    if kind == "toml":
        told = ["the portrait"] if c.portrait else []
        return (*told, "the card's other fields and assets") if c.card else tuple(told)
    from agent.cards import left_behind

    return left_behind(c, kind, assets)


def _exported(c: "Character", kind: str, spec: Any, assets: Mapping[str, bytes]) -> bytes:
    from agent.cast import dump_toml

    if kind == "toml":
        return dump_toml(c).encode()
    from agent.cards import write_card
    from agent.faces import face

    form: Any = kind
    return write_card(c, form, portrait=c.portrait or face(c, 512), spec=spec, assets=assets)
