"""`pipeline measure | pairs | pairs-result`: base against tuned, on held-out characters and notes."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from agent.settings import AgentSettings

if TYPE_CHECKING:
    from pipeline.measure.run import Plan

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class HasAgent(Protocol):
    """What the door passes down."""

    @property
    def agent(self) -> AgentSettings: ...


@click.command()
@click.option(
    "--to", required=True, type=FOLDER, help="Where replies and report go; a stopped run goes on there."
)
@click.option(
    "--adapter", "adapters", multiple=True, type=FILE, help="A GGUF LoRA adapter; several are compared."
)
@click.option("--part", default="dev", show_default=True, type=click.Choice(["dev", "test"]))
@click.option("--limit", type=click.IntRange(1), help="So many prompts, drawn by their hash.  [default: all]")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--only", type=click.Choice(["replies", "duets", "loss", "latency"]), help="Leave out the rest."
)
@click.option(
    "--print",
    "first",
    default=0,
    type=click.IntRange(0),
    help="Write the first so many prompts side by side to thirty.md.",
)
@click.option("--duets", default=10, show_default=True, type=click.IntRange(1))
@click.pass_obj
def measure(
    house: HasAgent,
    to: Path,
    adapters: tuple[Path, ...],
    part: str,
    limit: int | None,
    seed: int,
    only: str | None,
    first: int,
    duets: int,
) -> None:
    """Compare the base model with adapters, on dialogues that no training has seen.

    Of the corpus's part `dev`, or `test` where asked for: choose nothing by what `test` says. Latency is
    measured only when named: it wants a machine with nothing else to do.
    """
    from evaluation.splits import Part
    from pipeline.measure import table
    from pipeline.measure.run import EVERYTHING, Plan, systems
    from pipeline.measure.run import measure as run

    what = EVERYTHING if only is None else tuple(w for w in EVERYTHING if w == only)
    plan = Plan(to, systems(adapters), Part[part.upper()], limit, seed, what, first, duets)
    if only == "latency":
        _latency(house, plan)
        return
    rows = asyncio.run(run(plan, house.agent, Bar()))
    click.echo(table.text(rows))
    click.echo(f"The report lies in {to}.", err=True)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("first")
@click.argument("second")
@click.option("--n", default=60, show_default=True, type=click.IntRange(1), help="Pairs at most.")
@click.option(
    "--to", required=True, type=FILE, help="The pairs as JSON lines; the key goes to key.json beside it."
)
@click.option("--seed", default=1, show_default=True)
def pairs(folder: Path, first: str, second: str, n: int, to: Path, seed: int) -> None:
    """Make blind pairs of what two systems (FIRST, SECOND) said in FOLDER, for somebody to vote on."""
    from pipeline.corpus.people import characters
    from pipeline.corpus.read import read
    from pipeline.measure.cases import cases
    from pipeline.measure.pairs import pairs as make

    shown, key = make(folder, first, second, cases(read(), characters()), n, seed)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text("".join(json.dumps(s, ensure_ascii=False) + "\n" for s in shown), encoding="utf-8")
    (to.parent / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
    left = f", {key['left_out']} prompts left out (equal or empty replies)" if key["left_out"] else ""
    click.echo(
        f'{len(shown)} pairs in {to}{left}. A vote is {{"id": "p001", "vote": "1"}} (1, 2 or tie).', err=True
    )


@click.command("pairs-result")
@click.argument("key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("votes", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def pairs_result(key: Path, votes: Path) -> None:
    """Count VOTES (JSON lines) by the KEY that the pairs came with."""
    from pipeline.measure.pairs import read_votes, tally

    found = tally(json.loads(key.read_text(encoding="utf-8")), read_votes(votes))
    for system, wins in found.wins.items():
        click.echo(f"{system:<24}{wins:>5}")
    click.echo(
        f"{found.second} wins {found.share:.1%} of those that are no tie "
        f"(95% by Wilson: {found.low:.1%} to {found.high:.1%})"
    )


def _latency(house: HasAgent, plan: "Plan") -> None:
    from agent.engine.cpu import this_cpu
    from pipeline.measure.latency import measure as run

    rows = asyncio.run(run(plan, house.agent, Bar()))
    cpu = this_cpu()
    report: dict[str, Any] = {"cpu": cpu.name, "flags": cpu.notable, "rows": rows}
    (plan.to / "latency.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    click.echo(f"CPU  {cpu.name}: {cpu.notable}")
    for row in rows:
        click.echo(", ".join(f"{name} {value}" for name, value in row.items()))


class Bar:
    """Progress on stderr: rewritten in place on a terminal, a line every tenth elsewhere. The estimate counts only what
    was made now, and not what was kept."""

    def __init__(self) -> None:
        self._label, self._began, self._made, self._tenth = "", 0.0, 0, 0

    def __call__(self, label: str, done: int, total: int, new: bool) -> None:
        if label != self._label:
            self._label, self._began, self._made, self._tenth = label, time.monotonic(), 0, 0
        self._made += new
        seconds = time.monotonic() - self._began
        left = (
            f", about {seconds / self._made * (total - done):.0f} s left"
            if self._made and done < total
            else ""
        )
        text = f"{label}: {done} of {total}{left}"
        if sys.stderr.isatty():
            click.echo(f"\r{text:<70}", err=True, nl=done == total)
        elif done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            click.echo(text, err=True)
