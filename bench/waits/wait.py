"""One thing that somebody waits for, and how it is measured."""

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

Sampler = Callable[[int], AsyncGenerator[float, None]]
"""Makes so many samples, in seconds, one after the other; what it sets up before the first is not in them."""


@dataclass(frozen=True)
class Wait:
    """`goal` is what a test once demanded, in words. Nothing asserts it any more."""

    name: str
    what: str
    goal: str
    samples: Sampler


def timed(do: Callable[[int], object], clock: Callable[[], float] = time.perf_counter) -> Sampler:
    """Samples of something that blocks. It gets the sample's number, from 0."""

    async def samples(repeats: int) -> AsyncGenerator[float, None]:
        for number in range(repeats):
            begun = clock()
            do(number)
            yield clock() - begun

    return samples
