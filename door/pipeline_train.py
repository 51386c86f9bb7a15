"""`pipeline train | export`: an adapter for the embedded model, and the way back to llama.cpp."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from agent.settings import AgentSettings
    from pipeline.train.train import Telling


class HasAgent(Protocol):
    @property
    def agent(self) -> "AgentSettings": ...


@click.command()
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where adapter/, report.json, the curve and the checkpoint go. A training that was stopped goes on "
    "when it is called again.",
)
@click.option(
    "--preset",
    "name",
    default="default",
    show_default=True,
    help="default; pilot: a quarter of the dialogues, once; gentle: rank 8, slowly; thorough: rank 32, five "
    "epochs.",
)
@click.option("--base", default="embedded", show_default=True, help="The GGUF file that it begins with.")
@click.option("--rank", type=click.IntRange(1), help="Of the adapter; alpha is twice that.")
@click.option("--rate", type=float, help="The highest learning rate.")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), help="How often each dialogue is seen.")
@click.option("--batch", type=click.IntRange(1), help="Answers a step.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Of the dialogues, a fixed part: a larger share holds the smaller one. For pilots.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    help="End after so many, all told; the learning rate falls towards that end.  [0: when the epochs are "
    "done]",
)
@click.option("--watch", type=click.IntRange(0), help="Held-out answers that are watched, more or less.")
@click.option(
    "--pack",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with MMRole's data pack, to learn from its training part as well.",
)
@click.option(
    "--mix", type=click.FloatRange(0), help="What a word of the pack weighs against one of the corpus."
)
@click.option("--seed", type=int, help="Of the adapter's beginning and of the order.")
@click.option(
    "--packed",
    type=click.IntRange(64),
    help="Tokens into which answers that begin alike are put together: less takes less memory.",
)
@click.option(
    "--number",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="What is computed in. auto: bfloat16 where the CPU has instructions for it.",
)
@click.pass_obj
def train(loaded: HasAgent, /, to: Path, name: str, base: str, pack: Path | None, **changes: Any) -> None:
    """Train a LoRA adapter on the project's own corpus, with the prompts that are served.

    The loss is on the characters' words alone. Dialogues of the development part are watched, and the weights that
    did best on them are kept; those of the test part are never read. Memory and time are told before the first step.
    A checkpoint is written every five minutes.

    \b
    python main.py pipeline train --to data/train/pilot --preset pilot
    python main.py pipeline train --to data/train/one --rank 16 --rate 1e-3 --epochs 3 --minutes 90
    """
    from pipeline.train.recipe import preset
    from pipeline.train.train import train as run

    recipe = preset(name, base=_path(base), to=to, **changes)
    data = _data(recipe.share, pack, recipe.mix)
    with _progress() as telling:
        report = run(data, recipe, loaded.agent.prompt, telling)
    counts = report["counts"]
    click.echo(
        f"{counts['train']} answers, {report['steps']} of {report['steps_planned']} steps in "
        f"{report['seconds'] / 60:.1f} minutes: {report['tokens_a_second']:.0f} tokens a second, "
        f"{report['tokens_saved']:.0%} fewer than without packing; {report['peak_bytes'] / 1e9:.1f} GB at most"
    )
    if report["loss_before"] is not None:
        click.echo(
            f"held-out loss {report['loss_before']:.3f} before, {report['loss_kept']:.3f} kept (step "
            f"{report['kept_step']}), {report['loss_last']:.3f} at the end; {counts['dev']} answers"
        )
    click.echo(f"adapter: {to / 'adapter'}; curve: {to / 'curve.svg'}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The GGUF file to make; how near it comes stands beside it in .json.",
)
@click.option("--base", default="embedded", show_default=True, help="The GGUF file that training began with.")
@click.option(
    "--answers",
    default=16,
    show_default=True,
    type=click.IntRange(1),
    help="So many answers of the development part are held against transformers.",
)
@click.pass_obj
def export(loaded: HasAgent, /, folder: Path, to: Path, base: str, answers: int) -> None:
    """Write the adapter in FOLDER, which `train` left, as GGUF for llama.cpp, and prove it.

    llama.cpp with the file must say what transformers says with the adapter, token by token. Where it does not, the
    file is left as *.unfit, and the exit status is 1.

    \b
    python main.py pipeline export data/train/one --to data/train/one/adapter.gguf
    """
    from evaluation.splits import Part
    from pipeline.corpus.people import characters
    from pipeline.export.export import Wanted
    from pipeline.export.export import export as run
    from pipeline.train.samples import corpus

    wanted = Wanted(folder, _path(base), to, answers=answers, prompt=loaded.agent.prompt)
    with _progress() as telling:
        report = run(wanted, corpus(Part.DEV, characters()), telling.tell)
    found = report["parity"]
    click.echo(
        f"{found['answers']} answers, {found['tokens']} tokens: log probabilities {found['gap']:.3f} apart on average, "
        f"{found['drift']:+.3f} in all; likeliest token the same in {found['first']:.1%}; {found['kept']:.1%} of what "
        "was learnt arrives"
    )
    if report["faults"]:
        raise click.ClickException("; ".join(report["faults"]) + f"\nThe file is left as {to}.unfit")
    click.echo(f"adapter: {to}, {report['bytes'] / 1e6:.1f} MB")


def _path(base: str) -> Path:
    from agent.engine.embedded import embedded_path

    return embedded_path() if base == "embedded" else Path(base).expanduser()


def _data(share: float, pack: Path | None, mix: float) -> Any:
    from pipeline.train.data import gathered

    return gathered(share, pack, mix)


@contextmanager
def _progress() -> "Iterator[Telling]":
    """A bar for each thing that is being done, and words above them, on stderr."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

    from pipeline.train.train import Telling

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield Telling(tell, lambda words: console.print(words, markup=False, highlight=False))
