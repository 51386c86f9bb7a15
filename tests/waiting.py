"""How a test waits for something that happens elsewhere: one helper, which always lets the event loop run."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], seconds: float = ..., *, every: float = ...
) -> T: ...
@overload
async def eventually(condition: Callable[[], T], seconds: float = ..., *, every: float = ...) -> T: ...
async def eventually(condition: Callable[[], Any], seconds: float = 60.0, *, every: float = 0.01) -> Any:
    """Asks `condition` (plain or async) until it is true, and gives what it returned.

    `seconds` is how long a hang may last, never a measure of speed: a busy machine passes too. Between two tries
    others run: a loop that never waits would hold up what it waits for.
    Raises AssertionError naming the condition and its last value.
    """
    end = time.monotonic() + seconds
    while True:
        found = condition()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if time.monotonic() > end:
            where = getattr(condition, "__qualname__", repr(condition))
            code = getattr(condition, "__code__", None)
            line = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
            raise AssertionError(f"not within {seconds:g} s: {where}{line}; last value: {value!r}")
        await asyncio.sleep(every)
