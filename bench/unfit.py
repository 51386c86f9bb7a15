"""How often replies are refused: the corpus's own, which are good, and what `pipeline measure` kept of models."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.backends.base import Message
from agent.prompt.ask import Ask
from agent.prompt.build import build
from agent.settings import PromptSettings
from agent.unfit.check import Check

SMALL = 1  # weights of a model that gets the compact prompt
Form = Literal["compact", "full"]


@dataclass
class Refused:
    """Of `n` replies, how many for which reason."""

    what: str
    n: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def corpus(form: Form) -> Refused:
    """Every character turn of the corpus, with that form of prompt."""
    from pipeline.corpus.people import characters
    from pipeline.corpus.read import read
    from pipeline.measure.cases import cases

    every = ((case.ask, case.answer) for case in cases(read(), characters()))
    return asyncio.run(_counted(f"corpus, {form} prompt", form, every))


def kept(folder: Path) -> list[Refused]:
    """First tries as they came, of each system that `pipeline measure --to FOLDER` asked."""
    from pipeline.corpus.people import characters
    from pipeline.corpus.read import read
    from pipeline.measure.cases import cases
    from pipeline.measure.kept import lines

    asks = {case.id: case.ask for case in cases(read(), characters())}
    found = []
    for path in sorted(folder.glob("replies-*.jsonl")):
        said = [(asks[r["id"]], r["first"]) for r in lines(path) if r["id"] in asks]
        name = path.stem.removeprefix("replies-")
        found.append(asyncio.run(_counted(f"{name}, first tries", "compact", said)))
    return found


async def _counted(what: str, form: Form, said: Iterable[tuple[Ask, str]]) -> Refused:
    settings, found = PromptSettings(form=form), Refused(what)
    for ask, text in said:
        prompt = await build(ask, settings, sees=False, budget=4_000, count=_count, weights=SMALL)
        found.n += 1
        if reason := Check(ask, prompt).of(text, final=True).reason:
            found.reasons[reason] += 1
    return found


async def _count(messages: Sequence[Message]) -> int:
    """Four characters a token: near enough for what fits a prompt."""
    return sum(len(message.text) // 4 for message in messages)
