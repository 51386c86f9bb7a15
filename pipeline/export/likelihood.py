"""How likely a trained model finds given answers, by transformers and by the engine's own llama.cpp."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.errors import BackendError
from pipeline.apart import apart
from pipeline.train.rows import Row

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Told:
    """Of one answer's tokens, in order: `logs`, natural log probabilities, and `first`, the token that is the likeliest
    at that place. Both of shape (tokens,)."""

    logs: NDArray[np.float64]
    first: NDArray[np.int64]


def by_transformers(model: Any, rows: Sequence[Row], tell: Tell = lambda done: None) -> list[Told]:
    import torch

    found = []
    model.eval()
    with torch.inference_mode():
        for done, row in enumerate(rows, 1):
            ids = torch.tensor([[*row.prompt, *row.answer[:-1]]])
            keep = torch.arange(len(row.prompt) - 1, ids.shape[1])
            logits = model(input_ids=ids, logits_to_keep=keep, use_cache=False).logits[0].float()
            found.append(_told(logits.numpy(), row.answer))
            tell(done)
    return found


def by_llama(
    path: Path, adapter: Path | None, rows: Sequence[Row], tell: Tell = lambda done: None
) -> list[Told]:
    """Raises BackendError for what llama.cpp cannot load."""
    return apart(lambda: _by_llama(path, adapter, rows, tell))


def _by_llama(path: Path, adapter: Path | None, rows: Sequence[Row], tell: Tell) -> list[Told]:
    from agent.engine.model import Model, Options

    longest = max((row.tokens for row in rows), default=1)
    model = Model(Options(path=str(path), context=max(longest, 512), gpu_layers=0), lambda: None)
    if longest > model.n_ctx:
        raise BackendError(
            f"an answer with its prompt has {longest} tokens, this model reads {model.n_ctx}", where=str(path)
        )
    if adapter:
        model.adapt(str(adapter))
    found = []
    for done, row in enumerate(rows, 1):
        model.clear()
        start = len(row.prompt) - 1
        for at in range(0, start, model.n_batch):
            model.decode(row.prompt[at : min(at + model.n_batch, start)], at)
        logits = []
        for place, token in enumerate((row.prompt[-1], *row.answer[:-1])):  # one by one, as it is served
            model.decode([token], start + place)
            logits.append(model.logits())
        found.append(_told(np.stack(logits), row.answer))
        tell(done)
    return found


def _told(logits: NDArray[np.float32], answer: Sequence[int]) -> Told:
    return Told(logs_of(logits, answer), logits.argmax(-1))


def logs_of(logits: NDArray[np.float32], tokens: Sequence[int]) -> NDArray[np.float64]:
    """Natural log probabilities of `tokens`, each by its own row of `logits` (tokens, vocabulary)."""
    wide = logits.astype(np.float64)
    top = wide.max(-1, keepdims=True)
    logs: NDArray[np.float64] = wide - top - np.log(np.exp(wide - top).sum(-1, keepdims=True))
    return logs[np.arange(len(tokens)), list(tokens)]
