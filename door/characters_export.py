"""`characters export`: a character for other programs, or for an editor."""

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
    data = _exported(cast, c, kind, spec)
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


def _exported(cast: "Cast", c: "Character", kind: str, spec: Any) -> bytes:
    from agent.cast import dump_toml

    if kind == "toml":
        return dump_toml(c).encode()
    from agent.cards import read_card, write_card
    from agent.cast.files import LARGEST_CARD, companions, read_bytes
    from agent.faces import face

    portrait = c.portrait or face(c, 512)
    if kind == "charx":
        known = cast.characters.get(c.id)
        kept = companions(cast.path(c.id)) / "original.charx" if known == c else Path()
        files = read_card(read_bytes(kept, LARGEST_CARD)).assets if kept.is_file() else None
        return write_card(c, "charx", portrait=portrait, spec=spec, assets=files)
    return write_card(c, "png" if kind == "png" else "json", portrait=portrait, spec=spec)
