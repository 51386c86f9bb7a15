"""The embedded model's worker, interrupted: cancelled as it reads, killed as it writes, asked meanwhile."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.backends.base import Message, Piece, Request, Sampling
from agent.errors import BackendDown
from bench.waits.wait import Wait

if TYPE_CHECKING:
    from agent.backends.llama import LlamaBackend

FOG = "The fog lay thick upon the river that morning, and nobody spoke. " * 120
CONTEXT = 4_096  # tokens: the fog takes 1,700 of them
HELLO = (Message("system", ("You are a detective in London.",)), Message("user", ("What do you see?",)))


def _request(messages: tuple[Message, ...], tokens: int) -> Request:
    return Request(messages, Sampling(max_tokens=tokens, temperature=0.0, repeat_penalty=1.0, seed=7))


def _fog(number: int) -> Request:
    """A long prompt; no two begin alike, so that nothing of one is kept for the next."""
    return _request((Message("user", (f"{number}. {FOG}",)),), 1)


SHORT, LONG = _request(HELLO, 1), _request(HELLO, 400)


@asynccontextmanager
async def _backend() -> AsyncIterator["LlamaBackend"]:
    from agent.backends.llama import LlamaBackend
    from agent.settings import LlamaSettings

    with tempfile.TemporaryDirectory() as folder:
        backend = LlamaBackend(LlamaSettings(context=CONTEXT), cache=Path(folder))
        try:
            await backend.start()
            yield backend
        finally:
            await backend.close()


async def _read(backend: "LlamaBackend", request: Request, begun: asyncio.Event | None = None) -> None:
    async with aclosing(backend.generate(request)) as stream:  # type: ignore[type-var]
        async for item in stream:
            if begun and isinstance(item, Piece):
                begun.set()


@asynccontextmanager
async def _writing(backend: "LlamaBackend") -> AsyncIterator[asyncio.Task[None]]:
    """A long reply whose first words have come. Raises RuntimeError where it ended before it was needed."""
    begun = asyncio.Event()
    task = asyncio.create_task(_read(backend, LONG, begun))
    try:
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            raise RuntimeError("the long reply was over too soon to be measured beside it")
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def prefills(repeats: int) -> AsyncGenerator[float, None]:
    async with _backend() as backend:
        for number in range(repeats):
            begun = time.perf_counter()
            await _read(backend, _fog(number))
            yield time.perf_counter() - begun


async def cancels(repeats: int) -> AsyncGenerator[float, None]:
    """From the cancelling to the end of another request of one word, whose prompt is short."""
    async with _backend() as backend:
        begun = time.perf_counter()
        await _read(backend, _fog(0))
        whole = time.perf_counter() - begun
        for number in range(1, repeats + 1):
            task = asyncio.create_task(_read(backend, _fog(number)))
            await asyncio.sleep(whole / 4)
            if task.done():
                raise RuntimeError("the prompt was read before it could be cancelled")
            begun = time.perf_counter()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await _read(backend, SHORT)
            yield time.perf_counter() - begun


async def deaths(repeats: int) -> AsyncGenerator[float, None]:
    """Each worker is killed once: one that keeps dying is started again after growing pauses."""
    for _ in range(repeats):
        async with _backend() as backend, _writing(backend) as task:
            pid = backend.worker.pid
            assert pid is not None
            begun = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(BackendDown):
                await task
                raise RuntimeError("the reply ended well, though its worker was killed")
            yield time.perf_counter() - begun


async def counts(repeats: int) -> AsyncGenerator[float, None]:
    async with _backend() as backend:
        for _ in range(repeats):
            async with _writing(backend) as task:
                begun = time.perf_counter()
                await backend.count(HELLO)
                took = time.perf_counter() - begun
                if task.done():
                    raise RuntimeError("the reply was over before the tokens were counted")
                yield took


WAITS = (
    Wait("prefill", "a prompt of 1,700 tokens read whole, for comparison", "", prefills),
    Wait(
        "cancel", "the same, cancelled after a quarter: until another is answered", "0.6 of prefill", cancels
    ),
    Wait("killed", "a worker that is killed in a reply: until the reader knows", "4 s", deaths),
    Wait("count", "tokens counted while a reply is written", "4 s", counts),
)
