"""How much the corpus's answers surprise a model that was given the served prompt.

Negative log likelihood in nats of every token of the answer and of the end of its turn, by llama.cpp with the
quantised model as it is served. The prompt is evaluated in the same aligned batches as when it is served.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from agent.backends.base import Message
from agent.engine.reply import CHUNK, shared
from agent.errors import BackendError
from pipeline.export.likelihood import logs_of
from pipeline.tokens import spoken


class Surprise:
    """A model in this process, to be asked about answers. Blocking."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._model = engine, engine.model
        self._cached: list[int] = []

    def wear(self, adapter: str) -> None:
        """Takes the LoRA adapter in this file, or none ("")."""
        self._model.adapt(adapter)
        self._model.clear()
        self._cached = []

    def of(self, messages: Sequence[Message], answer: str) -> tuple[float, int]:
        """(nats, tokens) of the answer and of the end of its turn."""
        prompt, said = spoken(self._engine, messages, answer)
        tokens = [*prompt, *said]
        first = len(prompt) - 1  # the last token of the prompt foretells the first of the answer
        same = min(shared(self._cached, prompt), first) // CHUNK * CHUNK
        if not self._model.forget_from(same):
            same = 0
            self._model.clear()
        for at in range(same, first, CHUNK):
            self._model.decode(tokens[at : min(at + CHUNK, first)], at)
        self._cached = prompt[: first // CHUNK * CHUNK]  # whole batches only: a cut one would round otherwise
        nats = sum(self._nats(tokens, at) for at in range(first, len(tokens) - 1, CHUNK))
        return nats, len(tokens) - len(prompt)

    def _nats(self, tokens: Sequence[int], at: int) -> float:
        """Of the tokens that stand one after those of one batch, which begins at `at`."""
        batch = tokens[at : min(at + CHUNK, len(tokens) - 1)]
        return -float(logs_of(self._logits(batch, at), tokens[at + 1 : at + 1 + len(batch)]).sum())

    def _logits(self, tokens: Sequence[int], at: int) -> Any:
        import llama_cpp as ll
        import numpy as np

        batch = ll.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = token, at + i, True
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        code = ll.llama_decode(self._model.ctx, batch)
        ll.llama_batch_free(batch)
        if code:
            raise BackendError(
                f"llama.cpp could not evaluate {len(tokens)} tokens (code {code})",
                where=str(self._model.path),
            )
        pointer = ctypes.cast(ll.llama_get_logits(self._model.ctx), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(pointer, shape=(len(tokens), self._model.n_vocab)).copy()


def opened(path: str, context: int, threads: int = 0) -> Surprise:
    """Blocking, for a second. Raises BackendError for a file that does not load. It is let go with the process."""
    from agent.engine.model import Options
    from agent.engine.reply import Engine

    os.environ.setdefault(
        "OMP_WAIT_POLICY", "passive"
    )  # before llama.cpp is loaded, as agent.engine.child has it
    return Surprise(Engine(Options(path=path, context=context, threads=threads, gpu_layers=0), _ignore))


def _ignore() -> None:
    """Nobody watches it load."""
