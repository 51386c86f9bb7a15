"""How far transformers and llama.cpp are apart on the same tokens, and how far they may be.

What is served is not what was trained, to the last digit: llama.cpp computes with the base's quantised weights and
with activations of 8 bits, transformers with the same weights in 32. A wrong export (a head's rows in another order, a
scale left out) is apart by orders of magnitude more, and above all in what training changed: `kept` is measured on
that alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.export.likelihood import Told


@dataclass(frozen=True)
class Bounds:
    """In the order of Parity's figures; `gap`, `drift` at most, `first` at least, `kept` as far from 1 at most. Meant
    for some thousand tokens; under a few hundred, drift and kept are mostly the noise of the base's own
    quantisation."""

    gap: float = 0.15
    drift: float = 0.02
    first: float = 0.95
    kept: float = 0.1


@dataclass(frozen=True)
class Parity:
    """Over all tokens of the answers. `gap`: mean absolute difference of a token's log probability, in nats. `drift`:
    difference of the mean log probability. `first`: share of places where both name the same token as the likeliest.
    `kept`: the share of what training changed that llama.cpp changes too, sum ab / sum aa, where a and b are the
    changes against the base of each token's log probability by transformers and by llama.cpp."""

    answers: int
    tokens: int
    gap: float
    drift: float
    first: float
    kept: float

    def faults(self, bounds: Bounds) -> list[str]:
        """Where it is beyond a bound, in words; empty where the two agree."""
        found = []
        if not self.gap <= bounds.gap:  # not `>`: NaN is a fault
            found.append(
                f"a token's log probability differs by {self.gap:.3f} on average (bound {bounds.gap})"
            )
        if not abs(self.drift) <= bounds.drift:
            found.append(
                f"llama.cpp's answers are {self.drift:+.3f} nats a token apart (bound {bounds.drift})"
            )
        if not self.first >= bounds.first:
            found.append(f"the likeliest token is the same in {self.first:.1%} (bound {bounds.first:.0%})")
        if not abs(self.kept - 1) <= bounds.kept:
            found.append(f"{self.kept:.1%} of what was learnt arrives (bound 100% +- {bounds.kept:.0%})")
        return found

    def told(self) -> dict[str, Any]:
        return asdict(self)


def parity(
    trained: Sequence[Told], served: Sequence[Told], base: Sequence[Told], base_served: Sequence[Told]
) -> Parity:
    """`trained`, `base` by transformers, `served`, `base_served` by llama.cpp, of the same answers."""
    a, b, a0, b0 = (
        np.concatenate([one.logs for one in some]) for some in (trained, served, base, base_served)
    )
    first = np.concatenate([one.first for one in trained]) == np.concatenate([one.first for one in served])
    learnt, arrived = a - a0, b - b0
    moved = float((learnt**2).sum())
    return Parity(
        len(trained),
        len(a),
        float(np.abs(a - b).mean()),
        float((b - a).mean()),
        float(first.mean()),
        float((learnt * arrived).sum()) / moved if moved else 1.0,
    )
