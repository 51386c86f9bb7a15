"""The loop: steps, checkpoints by the clock, looks at what is held out. A training that was killed goes on from its
last checkpoint to the same weights; only one that the clock bounds cannot promise that."""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.errors import DataError
from pipeline.train.base import Base
from pipeline.train.plan import Pack, Step
from pipeline.train.recipe import Recipe

# What is being done, how much of it is done, how much there is.
Tell = Callable[[str, int, int], None]
Say = Callable[[str], None]
CHECKPOINT = "checkpoint.pt"
LOOKING = 0.07  # the share of a training's time that looks at what is held out may take
FORWARD = 0.4  # what a look costs a token, where a step costs 1
BETAS, CLIP = (0.9, 0.99), 1.0


def now() -> float:
    """Seconds by a clock that only goes on."""
    return time.monotonic()


@dataclass
class State:
    """What a checkpoint keeps, beside weights and optimiser. `curve` has [step, loss] of `train` and `held`; `seconds`
    are those of earlier runs, `stepping` those of steps alone, `looking` those of the last look; `looks` how many were
    taken, the one before the first step among them; `done` the share of the training that is behind it."""

    step: int = 0
    seconds: float = 0.0
    stepping: float = 0.0
    looking: float = 0.0
    tokens: int = 0
    looks: int = 0
    best: float = math.inf
    best_step: int = 0
    done: float = 0.0
    finished: bool = False
    curve: dict[str, list[list[float]]] = field(default_factory=lambda: {"train": [], "held": []})


@dataclass
class Learning:
    """One training at work. `begun` is when this run began, by `now`."""

    base: Base
    steps: Sequence[Step]
    held: Sequence[Pack]
    recipe: Recipe
    begun: float
    tell: Tell = lambda what, done, total: None
    say: Say = lambda words: None
    state: State = field(default_factory=State)
    kept: dict[str, Any] = field(default_factory=dict)  # the weights that did best on what is held out

    def __post_init__(self) -> None:
        import torch

        self._weights = self.base.learns()
        self._optimiser = torch.optim.AdamW(
            self._weights.values(), lr=self.recipe.rate, betas=BETAS, weight_decay=0.0
        )
        self._path = self.recipe.to / CHECKPOINT
        trained = sum(pack.tokens for step in self.steps for pack in step)
        watched = sum(pack.tokens for pack in self.held) * FORWARD
        self._looks = max(1, min(20, int(LOOKING * trained / watched))) if watched else 0

    @property
    def seconds(self) -> float:
        """Of this run and those before it."""
        return self.state.seconds + now() - self.begun

    def run(self) -> State:
        self._resume()
        if self.state.looks == 0:
            self._look()
        saved = now()
        while (done := self._done()) < 1.0:
            begun = now()
            loss = self._step(self.steps[self.state.step], self._rate(done))
            self.state.stepping += now() - begun
            self.state.curve["train"].append([self.state.step, loss])
            self._show()
            if self._looks and self.state.looks <= self._done() * self._total_looks() < self._total_looks():
                self._look()
            if now() - saved > 60 * self.recipe.checkpoint_minutes:
                self._save()
                saved = now()
        if not self.state.finished:
            self._look()
            self.state.finished = True
            self._save()
        self.state.seconds = self.seconds
        return self.state

    def _done(self) -> float:
        """How much of the training is done: of its steps, or of its time, whichever is more."""
        of_steps = self.state.step / len(self.steps)
        if not self.recipe.minutes:
            return of_steps
        left_for_the_end = 1.2 * self.state.looking
        limit = max(1.0, 60 * self.recipe.minutes - left_for_the_end)
        self.state.done = min(1.0, max(self.state.done, of_steps, self.seconds / limit))
        return self.state.done

    def _total_looks(self) -> int:
        if not self.recipe.minutes or not self.state.looking:
            return self._looks
        return max(1, min(self._looks, int(LOOKING * 60 * self.recipe.minutes / self.state.looking)))

    def _rate(self, done: float) -> float:
        """Of the step that comes: rising to `rate` at first, then falling along half a cosine."""
        warm = self.recipe.warmup
        middle = done + 0.5 / len(self.steps)
        if middle < warm:
            return self.recipe.rate * middle / warm
        return self.recipe.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (middle - warm) / (1 - warm))))

    def _step(self, packs: Step, rate: float) -> float:
        """The mean loss of a token of the step's answers, before the step."""
        import torch

        trees = [pack.tree() for pack in packs]
        whole = sum(tree.weight for tree in trees)
        total = 0.0
        for tree in trees:
            loss = self.base.loss(tree) / whole
            loss.backward()
            total += loss.item()
        if not math.isfinite(total):
            raise DataError(
                f"the loss is {total} at step {self.state.step}", where=str(self.recipe.to),
                mend="train with a lower --rate, or with --number float32",
            )  # fmt: skip
        torch.nn.utils.clip_grad_norm_(self._weights.values(), CLIP)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.state.step += 1
        self.state.tokens += sum(pack.tokens for pack in packs)
        return total

    def _look(self) -> None:
        """The loss on what is held out; the weights are kept where it is the lowest so far."""
        self.state.looks += 1
        if not self.held:
            return
        begun = now()
        loss = held_out(
            self.base, self.held, lambda done: self.tell("held-out answers", done, len(self.held))
        )
        self.state.looking = now() - begun
        self.state.curve["held"].append([self.state.step, loss])
        self.say(f"step {self.state.step} of {len(self.steps)}: held-out loss {loss:.4f}")
        if loss < self.state.best:
            self.state.best, self.state.best_step = loss, self.state.step
            self.kept = {name: weight.detach().clone() for name, weight in self._weights.items()}

    def _show(self) -> None:
        total = len(self.steps)
        self.tell("training", min(total, round(self._done() * total)), total)

    def _save(self) -> None:
        import torch

        state = {**vars(self.state), "seconds": self.seconds}
        weights = {name: weight.detach() for name, weight in self._weights.items()}
        whole = {
            "state": state,
            "weights": weights,
            "kept": self.kept,
            "optimiser": self._optimiser.state_dict(),
        }
        fresh = self._path.with_suffix(".fresh")
        with fresh.open("wb") as file:
            torch.save(whole, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)

    def _resume(self) -> None:
        import torch

        if not self._path.exists():
            return
        try:
            whole = torch.load(self._path, weights_only=True)
            self.state, self.kept = State(**whole["state"]), whole["kept"]
            with torch.no_grad():
                for name, weight in self._weights.items():
                    weight.copy_(whole["weights"][name])
            self._optimiser.load_state_dict(whole["optimiser"])
        except Exception as error:  # a damaged file may raise anything
            raise DataError(
                f"this checkpoint cannot be read: {' '.join(str(error).split())[:200]}", where=str(self._path),
                mend="remove it, and the training begins anew",
            ) from error  # fmt: skip
        self.say(f"goes on after step {self.state.step} of {len(self.steps)}")


def held_out(base: Base, packs: Sequence[Pack], tell: Callable[[int], None] = lambda done: None) -> float:
    """Mean loss of an answer's token, in nats. The model computes as in training, gradients and all, so that compiled
    layers serve for both; nothing learns from it."""
    total = whole = 0.0
    for done, pack in enumerate(packs, 1):
        tree = pack.tree()
        total, whole = total + base.loss(tree).item(), whole + tree.weight
        tell(done)
    return total / whole


def adopt(base: Base, weights: dict[str, Any]) -> None:
    """Puts kept weights in place of those that the last step left."""
    import torch

    with torch.no_grad():
        for name, weight in base.learns().items():
            weight.copy_(weights[name])


def peak_bytes() -> int:
    """The most memory this process has held."""
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
