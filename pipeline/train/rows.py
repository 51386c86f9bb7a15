"""From samples to rows of tokens: the prompt that is served, by the code that serves it, and the answer after it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.backends.base import Message
from agent.engine.model import Options
from agent.engine.reply import Engine
from agent.errors import PromptError
from agent.labels import clean_words
from agent.prompt.build import build, template
from agent.settings import PromptSettings
from pipeline.tokens import ending, frames, spoken
from pipeline.train.samples import Sample


@dataclass(frozen=True, slots=True)
class Row:
    """One answer: the prompt's tokens, and the answer's with the one that ends a turn."""

    id: str
    talk: str
    character: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    weight: float = 1.0

    @property
    def tokens(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass
class Made:
    """`left_out` counts samples by reason, `shortened` those whose prompt lost old turns."""

    rows: list[Row] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    shortened: int = 0


class Writer:
    """Holds the model's GGUF open by llama.cpp for its tokenizer and its template, as the one that serves does. An
    answer is never cut. Raises BackendError for a file that is no chat model."""

    def __init__(self, base: Path, settings: PromptSettings, *, length: int, seed: int = 1) -> None:
        self.engine = Engine(Options(path=str(base), context=length, gpu_layers=0), lambda: None)
        self._settings, self._seed = settings, seed
        self.length = min(length, self.engine.model.n_ctx)
        ending(self.engine)  # a model without one is told at once

    @property
    def template(self) -> str:
        """The name of the prompt's form, and its version."""
        return template(self._settings, self.engine.model.weights)

    def rows(self, samples: Sequence[Sample], tell: Callable[[int], None] = lambda done: None) -> Made:
        """In the order of the samples. `tell` hears how many are done."""
        return asyncio.run(self._rows(samples, tell))

    async def _rows(self, samples: Sequence[Sample], tell: Callable[[int], None]) -> Made:
        made = Made()
        for done, sample in enumerate(samples, 1):
            if not (said := clean_words(sample.answer)):
                made.left_out["empty answer"] += 1
                continue
            try:
                row, dropped = await self._row(sample, said)
            except PromptError:
                made.left_out["prompt too long"] += 1
                continue
            made.rows.append(row)
            made.shortened += dropped > 0
            tell(done)
        return made

    async def _row(self, sample: Sample, said: str) -> tuple[Row, int]:
        room = self.length - len(self.engine.model.tokenise(self.engine.plain(said))) - 2

        async def count(messages: Sequence[Message]) -> int:
            return self.engine.count(frames(messages))

        prompt = await build(
            sample.ask,
            self._settings,
            sees=False,
            budget=room,
            count=count,
            seed=seed_of(sample, self._seed),
            weights=self.engine.model.weights,
        )
        ids, told = spoken(self.engine, prompt.messages, said)
        return Row(
            sample.id, sample.talk, sample.ask.character.id, tuple(ids), tuple(told), sample.weight
        ), prompt.dropped


def seed_of(sample: Sample, seed: int) -> int:
    """For lore that is drawn by chance: the same in each run."""
    return random.Random(f"{sample.id}:{seed}").getrandbits(31)
