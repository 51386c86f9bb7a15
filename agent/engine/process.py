"""The parent's side of the worker: starts it, talks to it, watches it, replaces it.

A crash is seen at once (the socket closes), a hang after `stall_seconds` of silence while something is under
way (the worker says a word at every batch and token). Requests that had begun fail with BackendDown; those
that had not are asked once more of the next worker. A worker that keeps dying is restarted after growing
pauses; a file that cannot be loaded is not tried again until `start` is called anew.

A worker that crashes before its first word (llama.cpp compiled for another CPU, or against a fault of the compiler) is
followed by one with safe settings, which answers whoever waits; `safety` keeps that for the next start. Where
that one crashes as well, one sentence says so, and the next start comes after the longest pause.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict, replace

from agent.engine.child import Child
from agent.engine.frames import Frame
from agent.engine.model import Options
from agent.engine.safety import CURE, Safety
from agent.errors import BackendDown, BackendError, BackendRefused, PromptError, VignetteError

log = logging.getLogger(__name__)
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the nth start in a row
PATIENCE = 5.0  # seconds that a request waits for a pause to end; longer pauses are told instead
PROVEN = 60.0  # seconds after which a worker that dies counts as the first to do so
KINDS: dict[str, type[VignetteError]] = {
    "PromptError": PromptError,
    "BackendRefused": BackendRefused,
    "BackendError": BackendError,
}


class Worker:
    """One worker process at a time, and the one that follows it. All methods belong to one event loop."""

    def __init__(self, options: Options, *, stall_seconds: float, safety: Safety | None = None) -> None:
        self._options, self._stall, self._safety = options, stall_seconds, safety
        self._trying = False  # safe settings, until it is known that they help
        if safety and (cause := safety.cause):
            self._options = replace(options, extra_buffers=False)
            log.warning(
                "safe settings from the start, for llama.cpp ended here with %s. To be faster: %s",
                cause,
                CURE,
            )
        self._numbers = itertools.count(1)
        self._child: Child | None = None
        self._facts: Frame = {}
        self._starting = asyncio.Lock()
        self._closed = True
        self._fatal: VignetteError | None = None
        self._deaths = 0
        self._not_before = 0.0
        self._reviving: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process id while one runs."""
        return self._child.pid if self._child and self._child.alive else None

    @property
    def facts(self) -> Frame:
        """What the worker said when it had loaded: context, sees, threads."""
        return self._facts

    async def start(self) -> None:
        """Idempotent. Raises BackendError where the model does not load."""
        self._closed, self._fatal = False, None
        await self._ready()

    async def ready(self) -> None:
        """Waits until the model is loaded. Raises BackendError where it was not to be, without a new try."""
        await self._ready()

    async def close(self) -> None:
        """Idempotent. What is under way fails with BackendDown."""
        self._closed = True
        if self._reviving:
            self._reviving.cancel()
        async with self._starting:
            child, self._child = self._child, None
            if child:
                await child.end("the model was closed")

    async def call(self, do: str, **fields: object) -> Frame:
        """One answer to one command."""
        async with contextlib.aclosing(self.stream(do, **fields)) as answers:
            async for frame in answers:
                if "result" in frame:
                    result: Frame = frame["result"]
                    return result
        raise BackendDown("the model's process gave no answer")

    async def stream(self, do: str, **fields: object) -> AsyncGenerator[Frame, None]:
        """Frames of one command: `text`s, then one `result`. Closing the generator cancels the command."""
        cause = ""
        for last in (False, True):
            child = await self._ready()
            call = child.begin(next(self._numbers), do, fields)
            try:
                while True:
                    frame = await call.frames.get()
                    if frame is None:
                        break
                    if "error" in frame:
                        raise _error(frame["error"])
                    if "text" in frame or "result" in frame:
                        child.proven |= "text" in frame
                        if cause and child.proven:
                            await self._blame(cause)
                            cause = ""
                        yield frame
                    if "result" in frame:
                        return
            finally:
                child.leave(call)
            if child.crashed and not child.proven:
                if cause:
                    raise _hopeless(self._options, child)
                cause = child.how
            if (call.began and not cause) or last or self._closed:
                raise BackendDown(child.obituary, mend="ask again: the model is being started anew")
            log.warning("asking a new worker, for the old one had said nothing: %s", child.obituary)

    async def _ready(self) -> Child:
        async with self._starting:
            if self._closed:
                raise BackendDown("the model is closed", mend="start it first")
            if self._fatal:
                raise self._fatal
            if self._child and self._child.alive:
                return self._child
            await self._pause()
            return await self._spawn()

    async def _pause(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > PATIENCE:
            raise BackendDown(
                f"the model's process died {self._deaths} times in a row; the next start is in {wait:.0f} s",
                mend="see the log for its last words; a smaller model or context may help",
            )
        if wait > 0:
            await asyncio.sleep(wait)

    async def _spawn(self) -> Child:
        child, started = await Child.spawn(self._stall, self._died), self._options
        try:
            call = child.begin(next(self._numbers), "load", {"options": asdict(started)})
            while (frame := await call.frames.get()) is not None:
                if "error" in frame:
                    raise self._refusal(_error(frame["error"]))
                if "result" in frame:
                    child.leave(call)
                    child.loaded()
                    self._facts, self._child = frame["result"], child
                    log.info("the model's process %d is ready: %s", child.pid, self._facts)
                    return child
            where = self._options.path
            raise BackendDown(f"while loading: {child.obituary}", where=where, mend="see the log")
        except BaseException as error:
            await child.end("it did not load")
            if not isinstance(error, BackendDown) or self._options == started:
                raise
            if self._options.extra_buffers:  # both ways were tried
                raise _hopeless(started, child) from error
        safe = await self._spawn()
        await self._blame(child.how)
        return safe

    def _refusal(self, error: VignetteError) -> VignetteError:
        """A model that never loaded will not load; one that did before (memory is short now) may again."""
        if not self._facts:
            self._fatal = error
        else:
            self._deaths += 1
            self._not_before = time.monotonic() + PAUSES[min(self._deaths - 1, len(PAUSES) - 1)]
        return error

    def _suspect(self, child: Child) -> None:
        """A crash before the first word: safe settings are tried, and taken back where they crash as well."""
        if self._options.extra_buffers:
            self._options, self._trying = replace(self._options, extra_buffers=False), True
            log.error(
                "llama.cpp crashed before its first word; safe settings are tried. To mend it: %s", CURE
            )
        elif self._trying:
            self._options, self._trying = replace(self._options, extra_buffers=True), False
            self._deaths = len(PAUSES)  # the longest pause: nobody loops through crashes

    async def _blame(self, cause: str) -> None:
        """Safe settings did what the fast ones crashed at: those are to blame, and stay off."""
        self._trying = False
        if self._safety:
            await asyncio.to_thread(self._safety.remember, cause)

    def _died(self, child: Child) -> None:
        """Called once for each death that was not asked for."""
        self._deaths = 1 if child.age > PROVEN else self._deaths + 1
        if child.crashed and not child.proven:
            self._suspect(child)
        pause = PAUSES[min(self._deaths - 1, len(PAUSES) - 1)]
        self._not_before = time.monotonic() + pause
        log.error("%s; the next start is in %.1f s", child.obituary, pause)
        if not self._closed and child is self._child:
            self._reviving = asyncio.create_task(self._revive(pause))

    async def _revive(self, pause: float) -> None:
        """Has a new worker warm before somebody waits for it. A failure shows at the next request."""
        await asyncio.sleep(pause)
        with contextlib.suppress(VignetteError):
            await self._ready()


def _hopeless(options: Options, child: Child) -> BackendDown:
    words = f"llama.cpp crashes on this machine with this model, with safe settings too ({child.how})"
    return BackendDown(words, where=options.path, mend=CURE)


def _error(told: Frame) -> VignetteError:
    kind = KINDS.get(str(told.get("kind")), BackendError)
    return kind(str(told["what"]), where=str(told["where"]), mend=str(told["mend"]))
