"""What a training takes, told before its first step: memory by a rule of thumb, time by one small step."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import ConfigError
from pipeline.train import faster
from pipeline.train.base import Base
from pipeline.train.plan import Pack, Step
from pipeline.train.recipe import WHERE

log = logging.getLogger(__name__)
SLACK = 1.3  # what an allocator wastes, and what the rule of thumb leaves out
PARTS, INNER = 20, 6  # vectors of the model's width, and of its feed-forward's, that a layer keeps of a token


@dataclass(frozen=True, slots=True)
class Estimate:
    """`bytes` beyond what is held already; `seconds` for all steps at the speed of the one that was tried."""

    weights: int
    trained: int
    bytes: int
    seconds: float
    tokens_a_second: float
    compiled: bool

    def __str__(self) -> str:
        return (
            f"{self.trained:,} of {self.weights:,} weights learn; {self.bytes / 1e9:.1f} GB more memory at most; "
            f"{self.tokens_a_second:.0f} tokens a second, {self.seconds / 60:.0f} minutes for all steps"
        )


def memory(base: Base, packs: Sequence[Pack]) -> int:
    """Bytes that the largest pass takes, and the optimiser."""
    config = base.model.config
    wide, inner = int(config.hidden_size), int(config.intermediate_size)
    number = 2 if base.narrow else 4
    largest = max((pack.tokens for pack in packs), default=0)
    answered = max((sum(len(row.answer) for row in pack.rows) for pack in packs), default=0)
    layer = largest * (PARTS * wide + INNER * inner) * max(number, 3) + largest * largest * number
    passed = int(config.num_hidden_layers) * layer + answered * int(config.vocab_size) * (number + 12)
    return int(SLACK * (passed + 12 * sum(weight.numel() for weight in base.learns().values())))


def check(needed: int) -> None:
    """Raises ConfigError where the machine has less memory free than that."""
    if needed > (free := free_bytes()):
        raise ConfigError(
            f"training takes about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free",
            where=WHERE, mend="lower --packed, then --rank, or close other programs",
        )  # fmt: skip


def estimated(base: Base, steps: Sequence[Step], say: Callable[[str], None] = lambda words: None) -> Estimate:
    """Compiles the layers first, where that pays. Raises ConfigError where there is too little memory. Leaves the
    weights as they were."""
    packs = [pack for step in steps for pack in step]
    needed = memory(base, packs)
    check(needed)
    middle = sorted(packs, key=lambda pack: pack.tokens)[len(packs) // 2]
    tokens = sum(pack.tokens for pack in packs)
    if compiles := faster.pays(tokens):
        say("compiling the model's layers (half a minute of two cores)")
        compiles = _compiled(base, middle, say)
    for _ in range(2):  # the first one pays for what is made once
        begun = time.monotonic()
        base.loss(middle.tree()).backward()
        speed = middle.tokens / (time.monotonic() - begun)
        base.model.zero_grad(set_to_none=True)
    sizes: list[tuple[int, Any]] = [(w.numel(), w.requires_grad) for w in base.model.parameters()]
    trained = sum(count for count, learns in sizes if learns)
    whole = sum(count for count, _ in sizes)
    return Estimate(whole, trained, needed, tokens / speed, speed, compiles)


def _compiled(base: Base, pack: Pack, say: Callable[[str], None]) -> bool:
    faster.compiled(base.model)
    try:
        base.loss(pack.tree()).backward()
    except Exception as error:  # the compiler's: of any kind
        log.debug("compiling failed", exc_info=True)
        say(f"it goes on without: {' '.join(str(error).split())[:200]}")
        faster.plain_again(base.model)
        return False
    finally:
        base.model.zero_grad(set_to_none=True)
    return True


def free_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
