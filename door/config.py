"""`python main.py config`: every setting in force."""

import json

import click

from door.settings import Loaded, effective, masked


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: key -> {value, source}.")
@click.argument("contains", default="")
@click.pass_obj
def config(loaded: Loaded, as_json: bool, contains: str) -> None:
    """Print every setting in force, and where each came from.

    CONTAINS keeps the settings whose name contains it, e.g. `config llama`. To change one, edit
    config.toml, or set VIGNETTE__AGENT__LLAMA__CONTEXT=2048 in the environment. Secrets are never shown.
    """
    rows = [(k, v, s) for k, v, s in effective(loaded) if contains in k]
    if as_json:
        found = {k: {"value": v, "source": s} for k, v, s in rows}
        click.echo(masked(json.dumps(found, default=str, ensure_ascii=False)))
        return
    if not rows:
        click.echo(f"No setting's name contains {contains!r}.")
        return
    width = max(len(k) for k, _, _ in rows)
    for key, value, source in rows:
        shown = masked(json.dumps(value, default=str, ensure_ascii=False))
        click.echo(f"{key:<{width}} = {shown}  ", nl=False)
        click.secho(f"# {source}", dim=True)
