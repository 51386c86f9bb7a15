"""`models list | show | get | use`: what can be had, what is here, what is in use."""

from pathlib import Path
from typing import Protocol

import click

from agent import hub, models
from agent.engine.embedded import VOICE, adapter_path
from agent.settings import AgentSettings


class HasAgent(Protocol):
    """What the door passes down: settings with the agent's slice."""

    @property
    def agent(self) -> AgentSettings: ...


@click.group("models")
def models_group() -> None:
    """Which model speaks: list what there is, fetch one, use it."""


@models_group.command("list")
@click.pass_obj
def list_models(settings: HasAgent) -> None:
    """List the embedded model and the vision models that can be fetched."""
    place = models.folder(settings.agent)
    current = models.read_current(place)
    used = current.name if current else models.EMBEDDED
    click.echo(f"  {'NAME':<16}{'DISK':>8}{'MEMORY':>9}  {'':<10}ABOUT")
    _row(models.EMBEDDED, 0.1, 0.4, "in use" if used == models.EMBEDDED else "here", _EMBEDDED_ABOUT)
    _voice_row(settings.agent, embedded=used == models.EMBEDDED)
    for one in models.OFFERS:
        state = "here" if models.is_here(place, one) else ""
        state = "in use" if one.name == used else state
        _row(one.name, one.size, one.memory, state, f"{one.title}. {one.licence}")
    _say_what_goes_before(settings.agent)


_VOICE_ABOUT = (
    "its adapter: characters in their own voice, trained on our corpus. CC0; see models/agent-small.md"
)
_EMBEDDED_ABOUT = "SmolLM2 135M Instruct: for trying things out; cannot see. Apache-2.0"


def _voice_row(agent: AgentSettings, *, embedded: bool) -> None:
    """The adapter that ships, beneath the model it is for."""
    if VOICE.exists():
        speaks = embedded and agent.backend == "llama" and not agent.llama.path
        used = speaks and adapter_path(agent.llama.adapter, embedded=True) == str(VOICE)
        size, mark = f"{VOICE.stat().st_size / 1e6:.0f} MB", "*" if used else " "
        click.echo(
            f"{mark} + {VOICE.stem:<14}{size:>8}{'':>9}  {'in use' if used else 'here':<10}{_VOICE_ABOUT}"
        )


def _row(name: str, size: float, memory: float, state: str, about: str) -> None:
    mark = "*" if state == "in use" else " "
    click.echo(f"{mark} {name:<16}{size:>5.1f} GB{memory:>6.1f} GB  {state:<10}{about}")


@models_group.command("show")
@click.argument("name", required=False)
@click.pass_obj
def show(settings: HasAgent, name: str | None) -> None:
    """Show one model in full (the one in use, when no NAME is given)."""
    place = models.folder(settings.agent)
    current = models.read_current(place)
    name = name or (current.name if current else models.EMBEDDED)
    if name == models.EMBEDDED:
        from agent.engine.embedded import embedded_path

        adapter = adapter_path(settings.agent.llama.adapter, embedded=True)
        facts = {"name": name, "about": _EMBEDDED_ABOUT, "file": str(embedded_path()), "sees": "no"}
        _facts({**facts, "adapter": adapter or "none ([agent.llama] adapter)"})
        return
    one = models.offer(name)
    _facts(
        {
            "name": one.name,
            "about": one.title,
            "sees": "yes (checked at its first start)",
            "disk": f"{one.size:.1f} GB",
            "memory": f"{one.memory:.1f} GB with a context of 4,096 tokens",
            "licence": one.licence,
            "model": hub.address(one.repo, one.file, one.revision),
            "projector": hub.address(one.repo, one.mmproj, one.revision),
            "here": str(place / one.name) if models.is_here(place, one) else "no",
            "in use": "yes" if current and current.name == one.name else "no",
        }
    )


def _facts(facts: dict[str, str]) -> None:
    for key, value in facts.items():
        click.echo(f"{key + ':':<11}{value}")


@models_group.command("get")
@click.argument("name")
@click.pass_obj
def get(settings: HasAgent, name: str) -> None:
    """Download a model (or the rest of it) and verify it."""
    if name == models.EMBEDDED:
        click.echo("The embedded model is always here.")
        return
    one = models.offer(name)
    click.echo(f"Fetching {one.title} ({one.size:.1f} GB, {one.licence}).")
    place: Path = models.get(models.folder(settings.agent), name)
    click.echo(f"Complete and verified in {place}. To use it: models use {name}")


@models_group.command("use")
@click.argument("name")
@click.pass_obj
def use(settings: HasAgent, name: str) -> None:
    """Make a model the one that speaks, from the next start on."""
    models.use(models.folder(settings.agent), name)
    click.echo(f"From its next start on, Vignette uses {name}.")
    _say_what_goes_before(settings.agent)


def _say_what_goes_before(agent: AgentSettings) -> None:
    """A choice that has no effect is worse than none."""
    if agent.backend != "llama":
        click.echo(f'Note: config.toml sets backend = "{agent.backend}", which does not use these models.')
    elif agent.llama.path:
        click.echo(f"Note: [agent.llama] path in config.toml goes before this choice: {agent.llama.path}")
