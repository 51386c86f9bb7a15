"""The stage: an adapter as a GGUF file, kept only where llama.cpp says with it what transformers says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.backends.store import read_json, write_json
from agent.errors import DataError
from agent.settings import PromptSettings
from pipeline.export import adapter
from pipeline.export.likelihood import Told, by_llama, by_transformers
from pipeline.export.parity import Bounds, parity
from pipeline.train import gguf
from pipeline.train.base import libraries
from pipeline.train.files import file_hash
from pipeline.train.learn import Tell
from pipeline.train.rows import Row, Writer
from pipeline.train.samples import Sample
from pipeline.train.train import ADAPTER, REPORT


@dataclass(frozen=True)
class Wanted:
    """`trained` is the folder that training left, `base` the GGUF file that it began with, `to` the file to make.
    `answers` are held against transformers, none longer with its prompt than `length` tokens."""

    trained: Path
    base: Path
    to: Path
    answers: int = 16
    length: int = 2_048
    bounds: Bounds = field(default_factory=Bounds)
    prompt: PromptSettings = field(default_factory=PromptSettings)


def export(
    wanted: Wanted, samples: Sequence[Sample], tell: Tell = lambda what, done, total: None
) -> dict[str, Any]:
    """The report, also beside the file under its name and `.json`. A file that is not what was trained is left as
    `*.unfit`, so that nothing serves it: then the report has `faults`.

    Raises DataError (no such adapter, another base, nothing to compare on), BackendError, ConfigError.
    """
    libraries()
    _same_base(wanted)
    fresh = wanted.to.with_name(f"{wanted.to.name}.unfit")
    adapter.write(wanted.trained / ADAPTER, wanted.base, fresh)  # first: what is no adapter is told at once
    rows = chosen(Writer(wanted.base, wanted.prompt, length=wanted.length).rows(samples).rows, wanted.answers)
    if not rows:
        raise DataError(
            "there is no answer to compare on", where=str(wanted.trained), mend="raise the length"
        )

    def at(number: int) -> Callable[[int], None]:
        return lambda done: tell("answers", number * len(rows) + done, 4 * len(rows))

    served = by_llama(wanted.base, fresh, rows, at(0))
    base_served = by_llama(wanted.base, None, rows, at(1))
    base, trained = _by_transformers(wanted, rows, at(2), at(3))
    found = parity(trained, served, base, base_served)
    faults = found.faults(wanted.bounds)
    report = {
        "base": {"name": wanted.base.name, "sha256": file_hash(wanted.base)},
        "parity": found.told(),
        "bounds": asdict(wanted.bounds),
        "faults": faults,
        "bytes": fresh.stat().st_size,
        "sha256": file_hash(fresh),
    }
    wanted.to.unlink(missing_ok=True)
    if not faults:
        fresh.rename(wanted.to)
    write_json(wanted.to.with_name(f"{wanted.to.name}.json"), report)
    return report


def chosen(rows: Sequence[Row], count: int) -> list[Row]:
    """Of as many characters as there are, the shortest of each first: what is compared is arithmetic."""
    by_character: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.tokens, row.id)):
        by_character.setdefault(row.character, []).append(row)
    ranked = sorted(
        (place, row.tokens, row.id, row) for own in by_character.values() for place, row in enumerate(own)
    )
    return [row for *_, row in ranked[:count]]


def _same_base(wanted: Wanted) -> None:
    """Raises DataError where the folder's report names another base than that file."""
    try:
        report = read_json(wanted.trained / REPORT)
    except (OSError, ValueError) as error:
        raise DataError(f"it cannot be read: {error}", where=str(wanted.trained / REPORT)) from error
    if report and report["base"]["sha256"] != file_hash(wanted.base):
        raise DataError(
            f"this was trained upon {report['base']['name']}, and not upon {wanted.base.name}",
            where=str(wanted.trained),
            mend="name that file with --base",
        )


def _by_transformers(
    wanted: Wanted, rows: Sequence[Row], first: Callable[[int], None], second: Callable[[int], None]
) -> tuple[list[Told], list[Told]]:
    """By the base alone, and with the adapter."""
    import peft

    model = gguf.model(wanted.base)
    base = by_transformers(model, rows, first)
    return base, by_transformers(
        peft.PeftModel.from_pretrained(model, str(wanted.trained / ADAPTER)), rows, second
    )
