"""How the embedded model is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.errors import ConfigError

WHERE = "pipeline train"
NUMBERS = ("auto", "float32", "bfloat16")
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "pilot": {"share": 0.25, "epochs": 1.0, "watch": 60},
    "gentle": {"rank": 8, "rate": 2e-4, "epochs": 2.0},
    "thorough": {"rank": 32, "rate": 4e-4, "epochs": 5.0},
}
# What may differ between a training and its going on after a stop.
PASSING = ("to", "checkpoint_minutes")


@dataclass(frozen=True, slots=True)
class Recipe:
    """`rank` of the adapter (alpha is twice that), `rate` the highest learning rate, reached after the share `warmup`
    of the training and falling to nothing along a cosine. `batch`: answers a step. `packed`: tokens into which answers
    that begin alike are put together. `length` bounds one prompt with its answer. `share` of the dialogues, chosen by
    the hash of their ids. `mix`: what a word of the data pack weighs against one of the corpus. `minutes` bounds the
    whole run, 0 does not: the schedule then ends with the epochs. `watch`: held-out answers that are watched. `number`:
    what is computed in; auto is bfloat16 where the CPU is made for it.
    """

    base: Path
    to: Path
    rank: int = 16
    rate: float = 1e-3
    epochs: float = 3.0
    batch: int = 16
    warmup: float = 0.05
    seed: int = 1
    mix: float = 0.5
    share: float = 1.0
    packed: int = 1_536
    length: int = 2_048
    minutes: float = 0.0
    checkpoint_minutes: float = 5.0
    watch: int = 150
    number: str = "auto"

    def __post_init__(self) -> None:
        above = ("rank", "rate", "epochs", "batch", "packed", "length", "checkpoint_minutes", "share")
        low = [name for name in above if not getattr(self, name) > 0]
        low += [name for name in ("minutes", "mix", "watch", "warmup") if not getattr(self, name) >= 0]
        if low:
            raise ConfigError(f"too small: {', '.join(low)}", where=WHERE, mend="give a larger number")
        if self.share > 1 or self.warmup >= 1:
            raise ConfigError("share and warmup are parts of a whole", where=WHERE, mend="give less than 1")
        if self.number not in NUMBERS:
            raise ConfigError(
                f"unknown number {self.number}", where=WHERE, mend=f"one of {', '.join(NUMBERS)}"
            )

    def told(self) -> dict[str, Any]:
        """JSON-ready; a path by its last name alone, which says enough in a report that travels."""
        return {**asdict(self), "base": self.base.name, "to": self.to.name}

    def lasting(self) -> dict[str, Any]:
        """What a training that goes on must share with what it goes on from."""
        return {name: value for name, value in self.told().items() if name not in PASSING}


def preset(name: str, **changes: Any) -> Recipe:
    """Changes that are None change nothing. Raises ConfigError for a name that is none, and for bad numbers."""
    if name not in PRESETS:
        raise ConfigError(f"there is no recipe {name}", where="--preset", mend=f"one of {', '.join(PRESETS)}")
    return Recipe(**{**PRESETS[name], **{key: value for key, value in changes.items() if value is not None}})
