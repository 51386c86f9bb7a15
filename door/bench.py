"""`python main.py bench`: measurements that print a table, with the peer in the same run."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click


@click.group(invoke_without_command=True)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure Vignette's own overhead, speed and memory. Without a name: `core`."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(core)


@bench.command()
@click.option("--channels", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--each", default=12, show_default=True, help="Messages a channel.")
@click.option(
    "--rate", default=25.0, show_default=True, help="Messages a second, in all, while latency is measured."
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--quick", is_flag=True, help="Leave out memory and start-up, which start the whole program.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too."
)
def core(channels: int, each: int, rate: float, repeats: int, quick: bool, path: Path | None) -> None:
    """Overhead around the model, messages a second, memory, start-up.

    An instant model and a platform in memory leave only Vignette's own work on the clock. These machines
    are noisy: read the ratio to the peer, and run it twice.
    """
    figures = _core(channels, each, rate, repeats, quick)
    for name, value in figures.items():
        click.echo(f"{name:<58} {value:>10}")
    if path:
        path.write_text(json.dumps(figures, indent=1))


@bench.command()
@click.option("--model", default="", help="A GGUF file. [default: the embedded model]")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1, 50))
@click.option(
    "--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too."
)
def cpu(model: str, runs: int, path: Path | None) -> None:
    """What this CPU makes of the embedded model: how llama.cpp was built, its self-test, its speed.

    With and without llama.cpp's extra buffers (AMX, repacked weights), and for each way its threads can wait.
    About half a minute a run.
    """
    from dataclasses import asdict

    from bench.cpu import measure

    try:
        report = measure(model, runs)
    except RuntimeError as error:
        raise click.ClickException(
            f"{error}\nllama.cpp does not run here: `make clean run` builds it anew."
        ) from None
    click.echo(f"CPU        {report.cpu}: {report.flags}")
    click.echo(f"llama.cpp  built: {report.built}; {report.system}")
    click.echo(
        f"self-test  KL to the plain kernels {report.kl:.2g} nats, {report.same:.1%} of 512 first choices equal"
    )
    click.echo(
        f"\n{'threads wait':<14}{'extra buffers':<15}{'prefill tok/s':>14}{'decode tok/s':>14}   median of {runs}"
    )
    for row in report.rows:
        extra = "on" if row.extra else "off"
        click.echo(f"{row.waiting:<14}{extra:<15}{row.prefill:>14.0f}{row.decode:>14.1f}")
    on, off = (
        next(r for r in report.rows if r.waiting == "passive" and r.extra == extra) for extra in (True, False)
    )
    click.echo(
        f"\ngain of the extra buffers: prefill {on.prefill / off.prefill:.2f}x, decode {on.decode / off.decode:.2f}x"
    )
    if path:
        path.write_text(json.dumps(asdict(report), indent=1))


@bench.command()
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="A row, by the name in the table's first column; may be repeated.",
)
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too."
)
def waits(only: tuple[str, ...], repeats: int, path: Path | None) -> None:
    """How long people and programs wait for what: the first word, a cancelled prompt, a killed worker, bombs.

    Everything is real but the people. The goals were once tests; nothing asserts them now, for a clock tells
    how busy the machine is as well. Some minutes for all of them.
    """
    from dataclasses import asdict

    from bench.waits.table import chosen, measure

    try:
        picked = chosen(only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    report = measure(picked, repeats, begins=lambda name: click.echo(f"{name}…", err=True))
    load = "load {:.1f} before, {:.1f} after".format(*report.loads)
    click.echo(f"{report.cpu}, {report.cores} cores: {report.flags}; {load}\n")
    wide = max(len(row.what) for row in report.rows) + 2
    click.echo(f"{'':<10}{'what':<{wide}}{'median':>8}{f'worst of {repeats}':>13}   former goal")
    for row in report.rows:
        median, worst = (_seconds(row.median), _seconds(row.worst)) if row.samples else ("-", "-")
        click.echo(f"{row.name:<10}{row.what:<{wide}}{median:>8}{worst:>13}   {row.goal}".rstrip())
        if row.trouble:
            click.echo(f"{'':<10}after {len(row.samples)} of {repeats}: {row.trouble}")
    if path:
        path.write_text(json.dumps(asdict(report), indent=1))
    if any(row.trouble for row in report.rows):
        raise click.ClickException("not everything could be measured here")


@bench.command()
@click.option("--times", default=20, show_default=True, type=click.IntRange(2, 500), help="Of each kind.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too."
)
def first(times: int, path: Path | None) -> None:
    """From Enter to the first word: a new picture and another character (cold), the next message (warm).

    The whole program but for the screen: the picture is decoded and looked at, the model is the default. About
    six seconds for each.
    """
    import os
    from dataclasses import asdict
    from statistics import quantiles

    from agent.engine.cpu import this_cpu
    from bench.first import first_words

    begun = os.getloadavg()[0]
    try:
        found = asyncio.run(first_words(times))
    except RuntimeError as error:
        raise click.ClickException(f"a reply failed: {error}") from None
    cpu = this_cpu()
    click.echo(f"{cpu.name}, {os.cpu_count()} cores: {cpu.notable}; load {begun:.1f} before")
    click.echo(f"{'':<8}{'n':>5}{'p50':>10}{'p95':>10}{'worst':>10}")
    for name, some in asdict(found).items():
        cuts = quantiles(some, n=20, method="inclusive")
        row = "".join(f"{_seconds(value):>10}" for value in (cuts[9], cuts[18], max(some)))
        click.echo(f"{name:<8}{len(some):>5}{row}")
    if path:
        path.write_text(json.dumps({"cpu": cpu.name, "flags": cpu.notable, **asdict(found)}, indent=1))


@bench.command()
@click.option(
    "--replies",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of `pipeline measure`: its systems' first tries as well.",
)
def unfit(replies: Path | None) -> None:
    """How many replies may not be shown: of the corpus, where each is a false alarm, and of models."""
    from bench.unfit import corpus, kept

    for row in [corpus("compact"), corpus("full"), *(kept(replies) if replies else [])]:
        share = sum(row.reasons.values())
        why = "; ".join(f"{count} {reason}" for reason, count in row.reasons.most_common())
        click.echo(f"{row.what:<32}{share:>5} of {row.n:<6}{share / max(1, row.n):>7.2%}  {why}".rstrip())


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.{0 if value >= 0.01 else 2}f} ms"


def _core(channels: int, each: int, rate: float, repeats: int, quick: bool) -> dict[str, Any]:
    from statistics import median

    from bench import overhead

    rounds, ours, peers = [], [], []
    for n in range(repeats):
        click.echo(f"round {n + 1} of {repeats}…", err=True)
        rounds.append(asyncio.run(overhead.latency(channels, each, rate)))
        peers.append(overhead.peer(channels * each))
        ours.append(asyncio.run(overhead.throughput(channels, each)))
    inward = overhead.percentiles([s for r in rounds for s in r.inward])
    outward = overhead.percentiles([s for r in rounds for s in r.outward])
    figures: dict[str, Any] = {
        f"event to backend, {channels} channels, {rate:g}/s: median (ms)": round(inward[0], 2),
        f"event to backend, {channels} channels, {rate:g}/s: p95 (ms)": round(inward[1], 2),
        "token to delivery: median (ms)": round(outward[0], 3),
        "token to delivery: p95 (ms)": round(outward[1], 3),
        "whole path, instant backend (messages/s)": round(median(ours), 1),
        "peer: the same commits by bare sqlite3 (messages/s)": round(median(peers), 1),
        "ratio to the peer": round(median(o / p for o, p in zip(ours, peers, strict=True)), 3),
        "samples (messages)": repeats * channels * each,
    }
    return figures if quick else figures | _footprints()


def _footprints() -> dict[str, Any]:
    from bench.footprint import footprint

    click.echo("starting the program twice…", err=True)
    remote, embedded = footprint(embedded=False), footprint(embedded=True)
    return {
        "start to the page's link, remote model (s)": round(remote.page, 2),
        "start to the page's link, embedded model (s)": round(embedded.page, 2),
        "start to the embedded model ready (s)": round(embedded.model, 2),
        "memory, remote model (MB)": round(remote.memory),
        "memory, embedded model (MB)": round(embedded.memory),
    }
