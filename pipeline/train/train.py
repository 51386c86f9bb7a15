"""`train`: from the corpus to an adapter that did best on what is held out."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.backends.store import read_json, write_json
from agent.errors import DataError
from agent.settings import PromptSettings
from pipeline.train import curve, learn
from pipeline.train.base import Base, libraries, load
from pipeline.train.data import Data
from pipeline.train.estimate import Estimate, estimated
from pipeline.train.files import file_hash
from pipeline.train.learn import CHECKPOINT, Learning, Say, State, Tell, adopt, peak_bytes
from pipeline.train.plan import Pack, packed, steps
from pipeline.train.recipe import Recipe
from pipeline.train.rows import Made, Row, Writer
from pipeline.train.samples import Sample, drawn

ADAPTER, REPORT, MARK = "adapter", "report.json", "training.json"


@dataclass(frozen=True)
class Telling:
    """Where progress goes, and words."""

    tell: Tell = lambda what, done, total: None
    say: Say = lambda words: None


def train(
    data: Data,
    recipe: Recipe,
    prompt: PromptSettings | None = None,
    telling: Telling | None = None,
    *,
    load: Callable[[Recipe], Base] = load,
) -> dict[str, Any]:
    """The report, also in report.json beside adapter/ (PEFT's layout), curve.json and curve.svg.

    A training that was stopped goes on from its last checkpoint when it is called again with the same data and recipe.
    Raises ConfigError (a package is missing, too little memory), BackendError (no such model), DataError (nothing to
    train on; the folder holds another training).
    """
    begun = learn.now()
    telling = telling or Telling()
    prompt = prompt or PromptSettings()
    torch, _ = libraries()
    writer = Writer(recipe.base, prompt, length=recipe.length, seed=recipe.seed)
    mark = mark_of(data, recipe, prompt, writer.template)
    claim(recipe.to, mark)
    if report := read_json(recipe.to / REPORT):
        telling.say(f"{recipe.to} is trained already")
        return report
    made, held = rows_of(writer, data, recipe, telling.tell)
    planned, watched = steps(made.rows, recipe), packed(held.rows, recipe.packed)
    base = load(recipe)
    estimate = estimated(base, planned, telling.say)
    telling.say(str(estimate))
    learning = Learning(base, planned, watched, recipe, begun, telling.tell, telling.say)
    state = learning.run()
    if learning.kept:
        adopt(base, learning.kept)
    report = {
        **mark,
        "counts": {"train": len(made.rows), "dev": len(held.rows)},
        "left_out": {"train": dict(+made.left_out), "dev": dict(+held.left_out)},
        "shortened": made.shortened,
        "threads": torch.get_num_threads(),
        "narrow": base.narrow,
        **_tokens(made.rows, planned, recipe, state),
        **_told(state, estimate),
    }
    publish(base, recipe.to, state, report)
    return report


def rows_of(writer: Writer, data: Data, recipe: Recipe, tell: Tell) -> tuple[Made, Made]:
    """Of training, and of what is watched. Raises DataError where nothing is left to train on."""
    dev = watched(data.dev, recipe.watch)
    total = len(data.train) + len(dev)
    made = writer.rows(data.train, lambda done: tell("prompts", done, total))
    held = writer.rows(dev, lambda done: tell("prompts", len(data.train) + done, total))
    if not made.rows:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in (+made.left_out).items())
        raise DataError("there is nothing to train on", where=reasons, mend="raise --share, or --length")
    return made, held


def watched(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Whole dialogues, in a fixed order of chance, until there are so many answers."""
    talks = {sample.talk: 1.0 for sample in samples}
    share = most / len(samples) if samples else 0.0
    chosen = {talk for talk in talks if drawn(f"watch:{talk}", share)}
    return [sample for sample in samples if sample.talk in chosen]


def mark_of(data: Data, recipe: Recipe, prompt: PromptSettings, template: str) -> dict[str, Any]:
    """What makes it this training and no other."""
    return {
        "format": 1,
        "template": template,
        "prompt": prompt.model_dump(mode="json"),
        "recipe": recipe.lasting(),
        "data": data.hashes,
        "base": {"name": recipe.base.name, "sha256": file_hash(recipe.base)},
    }


def claim(folder: Path, mark: dict[str, Any]) -> None:
    """The folder is for the training that `mark` tells of. Raises DataError where it holds another."""
    there = read_json(folder / MARK)
    if there is None:
        write_json(folder / MARK, mark)
    elif there != json.loads(json.dumps(mark)):
        differ = ", ".join(sorted(key for key in mark if there.get(key) != json.loads(json.dumps(mark[key]))))
        raise DataError(
            f"this folder holds another training ({differ} differ)", where=str(folder),
            mend="name another folder with --to, or remove this one",
        )  # fmt: skip


def publish(base: Base, folder: Path, state: State, report: dict[str, Any]) -> None:
    """The adapter in one move; the report last, which says that all is whole."""
    target, fresh = folder / ADAPTER, folder / f".{ADAPTER}"
    shutil.rmtree(fresh, ignore_errors=True)
    base.model.save_pretrained(
        str(fresh), save_embedding_layers=False
    )  # or it would ask the hub about the base
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    curve.write(folder, state.curve)
    write_json(folder / REPORT, report)
    (folder / CHECKPOINT).unlink(missing_ok=True)


def _tokens(
    rows: Sequence[Row], planned: Sequence[Sequence[Pack]], recipe: Recipe, state: State
) -> dict[str, Any]:
    alone = sum(row.tokens for row in rows) * recipe.epochs
    computed = sum(pack.tokens for step in planned for pack in step)
    return {
        "steps": state.step,
        "steps_planned": len(planned),
        "epochs": recipe.epochs * state.step / len(planned),
        "tokens": state.tokens,
        "tokens_saved": 1 - computed / alone,
        "answer_tokens": sum(len(row.answer) for row in rows),
        "seconds": state.seconds,
    }


def _told(state: State, estimate: Estimate) -> dict[str, Any]:
    held = state.curve["held"]
    return {
        "loss_before": held[0][1] if held else None,
        "loss_kept": state.best if held else None,
        "loss_last": held[-1][1] if held else None,
        "kept_step": state.best_step,
        "curve": state.curve,
        "tokens_a_second": state.tokens / state.stepping if state.stepping else None,
        "peak_bytes": peak_bytes(),
        "weights": estimate.weights,
        "trained": estimate.trained,
        "estimated_bytes": estimate.bytes,
        "compiled": estimate.compiled,
        "estimated_seconds": estimate.seconds,
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "peft", "gguf", "llama-cpp-python")}
