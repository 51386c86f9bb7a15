"""Does this llama.cpp run on this CPU, and does it count right? `python -m agent.engine.selftest [GGUF]`.

Run in a process of its own by the install (`door/install`) and by `bench cpu`: a broken library dies here.
Evaluates 1, 8, 64 and 512 tokens as a user's prompt would be, then once more with `use_extra_bufts` off, which
leaves out AMX and repacked weights: the same library's plain kernels are the yardstick. Prints one line of JSON.
"""

import ctypes
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from agent.engine.embedded import embedded_path

SIZES = (1, 8, 64, 512)
ROUNDS = 2  # times are the best of so many: a neighbour makes a run slower, never faster
# How far logits may stand from those of the plain kernels: mean KL divergence (nats) and share of positions with the
# same first choice. Batches of other sizes differ by up to 0.005 and 0.93 on their own (docs/performance.md).
KL_BOUND, SAME_BOUND = 0.02, 0.9
_WORDS = (
    "On a grey morning the lamplighter walked down to the harbour, where three boats lay in the mud and a dog "
    "slept beside a crate of oranges. He asked the woman with the red umbrella whether the tide would turn before "
    "noon; she laughed, pointed at the clock on the customs house, and said that it had stopped in 1871. "
)


@dataclass(frozen=True)
class Verdict:
    """What one library makes of one model. `kl`: mean KL in nats of 512 positions; `same`: share with equal first
    choice; `prefill` and `decode`: seconds for 512 tokens at once and for one token; `plain_*` without extra buffers.
    """

    system: str
    kl: float
    same: float
    prefill: float
    decode: float
    plain_prefill: float
    plain_decode: float

    @property
    def sound(self) -> bool:
        return math.isfinite(self.kl) and self.kl <= KL_BOUND and self.same >= SAME_BOUND


def run(path: str) -> Verdict:
    """Blocking: loads the model twice. A library that does not suit the CPU kills the process (SIGSEGV, SIGILL)."""
    import llama_cpp as ll

    from agent.engine.model import quiet

    quiet()
    ll.llama_backend_init()
    fast, seconds, step = _measure(ll, path, extra=True)
    plain, plain_seconds, plain_step = _measure(ll, path, extra=False)
    kl, same = _compare(fast, plain)
    system = ll.llama_print_system_info().decode().strip()
    return Verdict(system, kl, same, seconds, step, plain_seconds, plain_step)


def _measure(ll: Any, path: str, *, extra: bool) -> tuple[Any, float, float]:
    """Logits of 512 positions evaluated at once, shape (512, vocabulary); the best times of a batch and of a token."""
    model, ctx = _open(ll, path, extra=extra)
    try:
        tokens = _tokens(ll, model)
        for size in SIZES[:-1]:
            _decode(ll, ctx, tokens[:size])
        logits, batch, step = None, math.inf, math.inf
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            _decode(ll, ctx, tokens)
            batch = min(batch, time.perf_counter() - begun)
            logits = logits if logits is not None else _logits(ll, model, ctx, len(tokens))
            for n in range(8):
                begun = time.perf_counter()
                _decode(ll, ctx, tokens[:1], at=len(tokens) + n)
                step = min(step, time.perf_counter() - begun)
        return logits, batch, step
    finally:
        ll.llama_free(ctx)
        ll.llama_model_free(model)


def _open(ll: Any, path: str, *, extra: bool) -> tuple[Any, Any]:
    from agent.engine.model import cores

    chosen = ll.llama_model_default_params()
    chosen.use_extra_bufts, chosen.n_gpu_layers = extra, 0
    model = ll.llama_model_load_from_file(path.encode(), chosen)
    if not model:
        raise SystemExit(f"{path}: llama.cpp cannot load this model")
    params = ll.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = 1024, SIZES[-1], SIZES[-1]
    params.n_threads = params.n_threads_batch = cores()
    params.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return model, ll.llama_init_from_model(model, params)


def _tokens(ll: Any, model: Any) -> list[int]:
    data = (_WORDS * 8).encode()
    room = (ll.llama_token * len(data))()
    count = ll.llama_tokenize(ll.llama_model_get_vocab(model), data, len(data), room, len(data), True, False)
    return list(room[: min(count, SIZES[-1])])


def _decode(ll: Any, ctx: Any, tokens: list[int], *, at: int = 0) -> None:
    memory = ll.llama_get_memory(ctx)
    ll.llama_memory_seq_rm(memory, 0, at, -1)
    batch = ll.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.logits[i] = token, at + i, True
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
    code = ll.llama_decode(ctx, batch)
    ll.llama_batch_free(batch)
    if code:
        raise SystemExit(f"llama_decode of {len(tokens)} tokens gave {code}")


def _logits(ll: Any, model: Any, ctx: Any, count: int) -> Any:
    import numpy as np

    size = int(ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model)))
    pointer = ctypes.cast(ll.llama_get_logits(ctx), ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(pointer, shape=(count, size)).copy()


def _compare(ours: Any, plain: Any) -> tuple[float, float]:
    """Mean KL(plain || ours) in nats over the positions, and the share of them with the same first choice."""
    import numpy as np

    def logs(logits: Any) -> Any:
        shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    p, q = logs(plain), logs(ours)
    kl = (np.exp(p) * (p - q)).sum(axis=1).mean()
    return float(kl), float((ours.argmax(axis=1) == plain.argmax(axis=1)).mean())


def main() -> None:
    verdict = run(sys.argv[1] if len(sys.argv) > 1 else str(embedded_path()))
    sys.stdout.write(json.dumps({**asdict(verdict), "sound": verdict.sound}) + "\n")


if __name__ == "__main__":
    main()
