"""llama.cpp and torch in one process, kept out of each other's threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What `work` returns, computed in a thread of its own.

    llama.cpp sets a thread's AMX tiles up once and relies on them ever after; torch's kernels set them up for
    themselves and release them. In one thread llama.cpp's next batch would die of an illegal instruction.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
