"""How the next token is drawn: llama.cpp's sampler chain, and a grammar that is asked after drawing.

Checking a grammar over the whole vocabulary costs 5 to 7 ms a token; checking the one token that was drawn
costs next to nothing, so the whole vocabulary is only masked when the drawn token is not allowed.
"""

import ctypes
from typing import Any

import numpy as np

from agent.engine.grammar import GrammarError, gbnf

PENALTY_LAST = 64  # tokens of the reply that a repetition is measured against


class Sampler:
    """One reply's sampler. `sampling` has the fields of agent.backends.base.Sampling, seed set."""

    def __init__(self, model: Any, sampling: dict[str, Any], grammar: dict[str, Any] | None) -> None:
        import llama_cpp as ll

        self._ll, self._model = ll, model
        self._grammar = self._compile(grammar) if grammar is not None else None
        self._chain = ll.llama_sampler_chain_init(ll.llama_sampler_chain_default_params())
        for part in self._parts(sampling):
            ll.llama_sampler_chain_add(self._chain, part)

    def _parts(self, sampling: dict[str, Any]) -> list[Any]:
        ll = self._ll
        parts = [
            ll.llama_sampler_init_penalties(
                self._model.n_vocab, PENALTY_LAST, sampling["repeat_penalty"], 0.0, 0.0
            )
        ]
        if sampling["temperature"] <= 0:
            return [*parts, ll.llama_sampler_init_greedy()]
        if sampling["top_k"] > 0:
            parts.append(ll.llama_sampler_init_top_k(sampling["top_k"]))
        parts.append(ll.llama_sampler_init_top_p(sampling["top_p"], 1))
        parts.append(ll.llama_sampler_init_min_p(sampling["min_p"], 1))
        parts.append(ll.llama_sampler_init_temp(sampling["temperature"]))
        # The largest 32-bit number means "draw one" to llama.cpp: it would not reproduce.
        return [*parts, ll.llama_sampler_init_dist(sampling["seed"] % 0xFFFFFFFF)]

    def _compile(self, schema: dict[str, Any]) -> Any:
        text = gbnf(schema)
        grammar = self._ll.llama_sampler_init_grammar(self._model.vocab, text.encode(), b"root")
        if not grammar:
            raise GrammarError("llama.cpp rejects the grammar made of the JSON schema")
        return grammar

    def draw(self) -> int:
        """The next token, already accepted by the chain and the grammar."""
        if self._grammar is None:
            return int(self._ll.llama_sampler_sample(self._chain, self._model.ctx, -1))
        logits = self._model.logits()
        token = self._choose(logits, masked=False)
        if not self._allowed(token):
            token = self._choose(logits, masked=True)
        self._ll.llama_sampler_accept(self._grammar, token)
        self._ll.llama_sampler_accept(self._chain, token)
        return token

    def _choose(self, logits: Any, *, masked: bool) -> int:
        ll = self._ll
        cells = (ll.llama_token_data * len(logits))()
        view = np.frombuffer(cells, dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        view["id"], view["logit"] = np.arange(len(logits), dtype=np.int32), logits
        array = ll.llama_token_data_array(data=cells, size=len(logits), selected=-1, sorted=False)
        if masked:
            ll.llama_sampler_apply(self._grammar, ctypes.byref(array))
        ll.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _allowed(self, token: int) -> bool:
        ll = self._ll
        cell = (ll.llama_token_data * 1)(ll.llama_token_data(id=token, logit=1.0, p=0.0))
        array = ll.llama_token_data_array(data=cell, size=1, selected=-1, sorted=False)
        ll.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool(np.isfinite(cell[0].logit))

    def close(self) -> None:
        self._ll.llama_sampler_free(self._chain)
        if self._grammar is not None:
            self._ll.llama_sampler_free(self._grammar)
            self._grammar = None
