"""Servers that take their time, on loopback: how long they can hold anybody up."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.waits.wait import Wait

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]

DRIP = 0.5  # seconds that a download may take
SILENCE = 2.0  # seconds of silence after which the next server is asked
HOUR = 3_600
WORD = b'data: {"choices": [{"index": 0, "delta": {"content": "Fog."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


@asynccontextmanager
async def _serving(handler: "Handler") -> AsyncIterator[int]:
    """Its port."""
    from aiohttp import web

    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _drip(request: "web.Request") -> "web.StreamResponse":
    from aiohttp import web

    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.05)


async def _silent(request: "web.Request") -> "web.StreamResponse":
    await asyncio.sleep(HOUR)
    raise AssertionError("nobody waits an hour")


async def _full(request: "web.Request") -> "web.StreamResponse":
    from aiohttp import web

    return web.json_response({"error": {"message": "later"}}, status=429, headers={"Retry-After": str(HOUR)})


async def _ready(request: "web.Request") -> "web.StreamResponse":
    from aiohttp import web

    return web.Response(body=WORD, content_type="text/event-stream")


async def drips(repeats: int) -> AsyncGenerator[float, None]:
    """Beyond the time that a download may take."""
    from agent.addresses import Allow
    from agent.errors import FetchError
    from agent.fetch import Fetcher
    from agent.settings import IntakeSettings

    async with _serving(_drip) as port:
        fetcher = Fetcher(IntakeSettings(seconds=DRIP), Allow.of([("127.0.0.1", port)]))
        for _ in range(repeats):
            begun = time.perf_counter()
            try:
                await fetcher.get(f"http://127.0.0.1:{port}/")
            except FetchError as error:
                took = time.perf_counter() - begun
                if "no complete answer" not in error.what:
                    raise
            else:
                raise RuntimeError("the drip was taken for a picture")
            yield took - DRIP


async def silences(repeats: int) -> AsyncGenerator[float, None]:
    """Beyond the silence that is granted."""
    async for took in _passed_on(repeats, _silent):
        yield took - SILENCE


async def _passed_on(repeats: int, first: "Handler") -> AsyncGenerator[float, None]:
    """Until the second server's reply stands."""
    from agent.backends.base import Message, Request, Sampling
    from agent.backends.openai import OpenAIBackend
    from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets

    able = AbilitySettings(
        sees=False, streams=True, grammar=False, adapters=False, logprobs=False, context=4096
    )
    request = Request((Message("user", ("What do you see?",)),), Sampling(max_tokens=8, seed=7))
    async with _serving(first) as one, _serving(_ready) as other:
        servers = tuple(Endpoint(base_url=f"http://127.0.0.1:{p}/v1", model="m") for p in (one, other))
        settings = OpenAISettings(endpoints=servers, seconds=SILENCE)
        with tempfile.TemporaryDirectory() as folder:
            backend = OpenAIBackend(settings, Secrets(), abilities=able, cache=Path(folder))
            try:
                await backend.start()
                for number in range(repeats + 1):
                    begun = time.perf_counter()
                    async with aclosing(backend.generate(request)) as stream:
                        async for _item in stream:
                            pass
                    took = time.perf_counter() - begun
                    if number:  # the first connects, and loads what is loaded late
                        yield took
            finally:
                await backend.close()


fulls = partial(_passed_on, first=_full)
WAITS = (
    Wait("drip", "a picture that drips in: until it is given up, beyond its time", "2.5 s", drips),
    Wait("silent", "a silent model server: until the next has answered, beyond its time", "1.7 s", silences),
    Wait("full", "a server that says `in an hour`: until the next has answered", "2 s", fulls),
)
