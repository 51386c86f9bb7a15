"""One GGUF model with one context, on llama-cpp-python's low-level API. Lives in the worker only."""

import ctypes
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.engine.gguf import MEND, check_header
from agent.errors import BackendError

log = logging.getLogger(__name__)
BATCH = 512  # the most tokens one llama_decode takes here; more than n_batch aborts the process
USUAL = b"cannot use buft"  # told of each tensor of an adapter on a CPU with AMX, and nothing is amiss
WARNING, ERROR, CONTINUED = 3, 4, 5  # ggml's log levels
CHECKED_BYTES = 2_000_000_000  # files up to this size have every tensor checked for NaN and the like


@dataclass(frozen=True)
class Options:
    """What to load. Paths are absolute; `threads` 0 is one a core, `gpu_layers` -1 all that fit. Without
    `extra_buffers` llama.cpp uses neither AMX nor repacked weights: slower, and safe where those crash.
    """

    path: str
    mmproj: str = ""
    context: int = 4096
    threads: int = 0
    gpu_layers: int = -1
    extra_buffers: bool = True


class Aborted(Exception):
    """The abort callback said stop; the context is empty afterwards."""


class Model:
    """Raises BackendError, naming the file, for whatever keeps it from loading."""

    def __init__(self, options: Options, progress: Callable[[], None]) -> None:
        import llama_cpp as ll

        self._ll = ll
        self.path = Path(options.path)
        check_header(self.path)
        _check_memory(self.path, gpu=bool(ll.llama_supports_gpu_offload()))
        quiet()
        ll.llama_backend_init()
        self.threads = options.threads or cores()
        self._model = self._load(options, progress)
        self.vocab = ll.llama_model_get_vocab(self._model)
        self.n_vocab = int(ll.llama_vocab_n_tokens(self.vocab))
        self._check_model()
        self.ctx = self._context(options)
        self.n_ctx = int(ll.llama_n_ctx(self.ctx))
        self.weights = int(ll.llama_model_n_params(self._model))
        self._memory = ll.llama_get_memory(self.ctx)
        self.n_batch = min(BATCH, int(ll.llama_n_batch(self.ctx)))
        self._batch = ll.llama_batch_init(self.n_batch, 0, 1)
        self._stop: Callable[[], bool] = lambda: False
        self._callback = ll.ggml_abort_callback(lambda _: self._stop())
        self._none = ll.ggml_abort_callback()
        self._adapters: dict[str, Any] = {}
        self._piece = ctypes.create_string_buffer(4096)

    @property
    def raw(self) -> Any:
        return self._model

    def _load(self, options: Options, progress: Callable[[], None]) -> Any:
        ll = self._ll
        params = ll.llama_model_default_params()
        params.n_gpu_layers = 0x7FFFFFFF if options.gpu_layers < 0 else options.gpu_layers
        params.use_extra_bufts = options.extra_buffers
        params.check_tensors = self.path.stat().st_size <= CHECKED_BYTES

        def tick(_share: float, _data: Any) -> bool:
            progress()
            return True

        self._tick = ll.llama_progress_callback(tick)  # kept: C holds only the pointer
        params.progress_callback = self._tick
        model = ll.llama_model_load_from_file(str(self.path).encode(), params)
        if not model:
            raise BackendError("llama.cpp cannot load this model", where=str(self.path), mend=MEND)
        return model

    def _check_model(self) -> None:
        ll, where = self._ll, str(self.path)
        ends = (
            ll.llama_vocab_eos(self.vocab),
            ll.llama_vocab_eot(self.vocab),
            ll.llama_vocab_bos(self.vocab),
        )
        if self.n_vocab <= 0 or any(token >= self.n_vocab for token in ends):
            raise BackendError("its special tokens lie outside its vocabulary", where=where, mend=MEND)
        if ll.llama_model_has_encoder(self._model) or not ll.llama_model_has_decoder(self._model):
            raise BackendError(
                "this model cannot chat (it has an encoder)", where=where, mend="choose a chat model"
            )

    def _context(self, options: Options) -> Any:
        ll = self._ll
        trained = int(ll.llama_model_n_ctx_train(self._model))
        context = min(options.context, trained) if trained > 0 else options.context
        params = ll.llama_context_default_params()
        params.n_ctx = context
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = self.threads
        params.no_perf = True
        if not ll.llama_supports_gpu_offload():  # measured: flash attention nearly doubles a step on a CPU
            params.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
        ctx = ll.llama_init_from_model(self._model, params)
        if not ctx:
            raise BackendError(
                f"there is not enough memory for a context of {context} tokens",
                where=str(self.path),
                mend="set a smaller `context` under [agent.llama]",
            )
        return ctx

    def text(self, token: int) -> str:
        """How a special token is written, empty where there is none."""
        if token < 0:
            return ""
        return (self._ll.llama_vocab_get_text(self.vocab, token) or b"").decode("utf-8", "replace")

    def template(self) -> str:
        return (self._ll.llama_model_chat_template(self._model, None) or b"").decode("utf-8", "replace")

    def controls(self) -> list[str]:
        """The texts that tokenising would take for control tokens."""
        ll = self._ll
        mask = ll.LLAMA_TOKEN_ATTR_CONTROL | ll.LLAMA_TOKEN_ATTR_UNKNOWN
        found = (t for t in range(self.n_vocab) if ll.llama_vocab_get_attr(self.vocab, t) & mask)
        return [text for text in map(self.text, found) if len(text) > 1]

    def tokenise(self, text: str) -> list[int]:
        """Tokens of a rendered prompt: control tokens are recognised, and it begins as the model expects."""
        ll = self._ll
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            tokens = (ll.llama_token * room)()
            count = ll.llama_tokenize(self.vocab, data, len(data), tokens, room, False, True)
            if count >= 0:
                break
            room = -count
        out = list(tokens[:count])
        bos = int(ll.llama_vocab_bos(self.vocab))
        if ll.llama_vocab_get_add_bos(self.vocab) and bos >= 0 and out[:1] != [bos]:
            out.insert(0, bos)
        return out

    def piece(self, token: int) -> bytes:
        """The bytes of a token; none for a control token."""
        size = self._ll.llama_token_to_piece(self.vocab, token, self._piece, len(self._piece), 0, False)
        return self._piece.raw[:size] if size > 0 else b""

    def ends(self, token: int) -> bool:
        return bool(self._ll.llama_vocab_is_eog(self.vocab, token))

    def decode(self, tokens: Sequence[int], position: int, stop: Callable[[], bool] | None = None) -> None:
        """Evaluates up to n_batch tokens; logits of the last one are kept. `stop` is asked while it works.

        Raises Aborted, or BackendError where llama.cpp refuses the batch (the context is emptied).
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            batch.logits[i] = i == len(tokens) - 1
        if stop:  # asking costs a little at every node of the graph: worth it for a long batch only
            self._watch(stop)
        try:
            code = self._ll.llama_decode(self.ctx, batch)
        finally:
            if stop:
                self._watch(None)
        if code == 0:
            return
        self.clear()
        if code == 2:
            raise Aborted
        raise BackendError(f"llama.cpp could not evaluate the tokens (code {code})", where=str(self.path))

    def _watch(self, stop: Callable[[], bool] | None) -> None:
        self._stop = stop or (lambda: False)
        self._ll.llama_set_abort_callback(self.ctx, self._callback if stop else self._none, None)

    def logits(self) -> Any:
        import numpy as np

        pointer = self._ll.llama_get_logits_ith(self.ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(self.n_vocab,)).copy()

    def forget_from(self, position: int) -> bool:
        """Drops everything from `position` on; False where this kind of memory can only be emptied whole."""
        if position <= 0:
            self.clear()
            return True
        return bool(self._ll.llama_memory_seq_rm(self._memory, 0, position, -1))

    def clear(self) -> None:
        self._ll.llama_memory_clear(self._memory, True)

    def adapt(self, path: str) -> None:
        """Sets the LoRA adapter in this file, or none for an empty path. Empty the context as well."""
        ll = self._ll
        if path and path not in self._adapters:
            check_header(Path(path))
            adapter = ll.llama_adapter_lora_init(self._model, path.encode())
            if not adapter:
                raise BackendError("this LoRA adapter does not fit the model", where=path, mend="retrain it")
            self._adapters[path] = adapter
        if path:
            one = (ll.llama_adapter_lora_p_ctypes * 1)(self._adapters[path])
            code = ll.llama_set_adapters_lora(self.ctx, one, 1, (ctypes.c_float * 1)(1.0))
        else:
            code = ll.llama_set_adapters_lora(self.ctx, None, 0, None)
        if code:
            raise BackendError("llama.cpp refuses this LoRA adapter", where=path)


_LOGS: list[Any] = []  # C keeps only pointers


def quiet() -> None:
    """Lets only warnings and errors of llama.cpp and its multimodal library through, to stderr."""
    import llama_cpp as ll
    import llama_cpp.mtmd_cpp as mt

    loud = [False]

    def tell(level: int, text: bytes, _data: Any) -> None:
        if level != CONTINUED:
            loud[0] = level in (WARNING, ERROR) and USUAL not in text
        if loud[0]:
            sys.stderr.write(text.decode("utf-8", "replace"))
            sys.stderr.flush()

    _LOGS.append(ll.llama_log_callback(tell))
    for set_log in (ll.llama_log_set, mt.mtmd_log_set, mt.mtmd_helper_log_set):
        set_log(_LOGS[-1], None)


def cores() -> int:
    """Those we may use, where the system can say."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _check_memory(path: Path, *, gpu: bool) -> None:
    """Says no before the machine starts to swap. A GPU's memory is llama.cpp's to judge."""
    import psutil

    size, free = path.stat().st_size, int(psutil.virtual_memory().available)
    if not gpu and size > free:
        raise BackendError(
            f"the model needs {size / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free",
            where=str(path),
            mend="choose a smaller model or quantisation (`models list`)",
        )
