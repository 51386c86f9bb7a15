"""How the transformers backend picks words: each request with a random generator of its own.

`generate` draws from torch's global generator, which other threads may move. So the word is drawn here, in
the last logits processor, and `generate` is left to pick the only one that remains. Same model, machine,
seed and prompt: same words, whatever else runs.
"""

import threading
from typing import Any

from agent.backends.base import Sampling


def processors(sampling: Sampling, seed: int, device: Any) -> Any:
    """The LogitsProcessorList: penalty, temperature, top-k, top-p, min-p, then the draw."""
    from transformers.generation import logits_process as lp

    chosen: list[Any] = []
    if sampling.repeat_penalty != 1.0:
        chosen.append(lp.RepetitionPenaltyLogitsProcessor(sampling.repeat_penalty))
    if sampling.temperature > 0:
        chosen.append(lp.TemperatureLogitsWarper(sampling.temperature))
        if sampling.top_k > 0:
            chosen.append(lp.TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            chosen.append(lp.TopPLogitsWarper(sampling.top_p))
        if sampling.min_p > 0:
            chosen.append(lp.MinPLogitsWarper(sampling.min_p))
        chosen.append(Draw(seed, device))
    return lp.LogitsProcessorList(chosen)


class Draw:
    """Draws one token a row from scores of shape (1, vocabulary) and forbids all others."""

    supports_continuous_batching = False

    def __init__(self, seed: int, device: Any) -> None:
        import torch

        self._torch = torch
        self._generator = torch.Generator(device=device).manual_seed(seed)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        chances = self._torch.softmax(scores.float(), dim=-1)
        token = self._torch.multinomial(chances, 1, generator=self._generator)
        only = self._torch.full_like(scores, float("-inf"))
        return only.scatter_(1, token, 0.0)


class Halt:
    """A stopping criterion that another thread can set."""

    def __init__(self) -> None:
        self._set = threading.Event()

    def set(self) -> None:
        self._set.set()

    def is_set(self) -> bool:
        return self._set.is_set()

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full(
            (input_ids.shape[0],), self._set.is_set(), dtype=torch.bool, device=input_ids.device
        )


class Detokenizer:
    """Token ids to text, one at a time; characters that span tokens are held until they are whole."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._from = self._told = 0

    def feed(self, token: int) -> str:
        self._ids.append(token)
        return self._new(final=False)

    def finish(self) -> str:
        return self._new(final=True)

    def _new(self, *, final: bool) -> str:
        # A window of two words' tokens: the first gives the second its leading space.
        before, now = (
            self._decoded(self._ids[self._from : self._told]),
            self._decoded(self._ids[self._from :]),
        )
        if len(now) <= len(before) or (
            now.endswith("\ufffd") and not final and len(self._ids) - self._told < 8
        ):
            return ""
        self._from, self._told = self._told, len(self._ids)
        return now[len(before) :]

    def _decoded(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text
