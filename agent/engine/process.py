"""The parent's side of the worker: starts it, talks to it, watches it, replaces it.

A crash is seen at once (the socket closes), a hang after `stall_seconds` of silence while something is under
way (the worker says a word at every batch and token). Requests that had begun fail with BackendDown; those
that had not are asked once more of the next worker. A worker that keeps dying is restarted after growing
pauses; a file that cannot be loaded is not tried again until `start` is called anew.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict
from pathlib import Path

import agent
from agent.engine import frames
from agent.engine.frames import Frame
from agent.engine.model import Options
from agent.errors import BackendDown, BackendError, BackendRefused, PromptError, VignetteError

log = logging.getLogger(__name__)
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the nth start in a row
PATIENCE = 5.0  # seconds that a request waits for a pause to end; longer pauses are told instead
PROVEN = 60.0  # seconds after which a worker that dies counts as the first to do so
# What the worker may know of our environment: no tokens, no keys.
KNOWN = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_RUNTIME_DIR")
KNOWN_HEADS = ("LC_", "OMP_", "GGML_", "LLAMA_", "CUDA_", "HIP_", "ROCR_", "VK_", "GPU_")
KINDS: dict[str, type[VignetteError]] = {
    "PromptError": PromptError,
    "BackendRefused": BackendRefused,
    "BackendError": BackendError,
}


class Worker:
    """One worker process at a time, and the one that follows it. All methods belong to one event loop."""

    def __init__(self, options: Options, *, stall_seconds: float) -> None:
        self._options, self._stall = options, stall_seconds
        self._numbers = itertools.count(1)
        self._child: _Child | None = None
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
                        yield frame
                    if "result" in frame:
                        return
            finally:
                child.leave(call)
            if call.began or last or self._closed:
                raise BackendDown(child.obituary, mend="ask again: the model is being started anew")
            log.warning("asking a new worker, for the old one had not begun: %s", child.obituary)

    async def _ready(self) -> "_Child":
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

    async def _spawn(self) -> "_Child":
        child = await _Child.spawn(self._stall, self._died)
        try:
            call = child.begin(next(self._numbers), "load", {"options": asdict(self._options)})
            while (frame := await call.frames.get()) is not None:
                if "error" in frame:
                    self._fatal = _error(frame["error"])
                    raise self._fatal
                if "result" in frame:
                    child.leave(call)
                    self._facts, self._child = frame["result"], child
                    log.info("the model's process %d is ready: %s", child.pid, self._facts)
                    return child
            where = self._options.path
            raise BackendDown(f"while loading: {child.obituary}", where=where, mend="see the log")
        except BaseException:
            await child.end("it did not load")
            raise

    def _died(self, child: "_Child") -> None:
        """Called once for each death that was not asked for."""
        self._deaths = 1 if child.age > PROVEN else self._deaths + 1
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


class _Call:
    def __init__(self, number: int, do: str) -> None:
        self.number, self.do, self.began, self.over = number, do, False, False
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()


class _Child:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, stall: float) -> None:
        self._process, self._stall = process, stall
        self._calls: dict[int, _Call] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._heard = self._born = time.monotonic()
        self._words: deque[str] = deque(maxlen=20)
        self._reason = ""
        self.alive = True
        self.pid = process.pid

    @classmethod
    async def spawn(cls, stall: float, died: Callable[["_Child"], None]) -> "_Child":
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "agent.engine.worker", str(theirs.fileno()), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        except OSError as error:
            ours.close()
            raise BackendDown(f"the model's process cannot be started ({error.strerror})") from error
        finally:
            theirs.close()
        child = cls(process, stall)
        reader, child._writer = await asyncio.open_connection(sock=ours)
        child._tasks = [
            asyncio.create_task(child._listen(reader, died)),
            asyncio.create_task(child._hear_words()),
            asyncio.create_task(child._watch()),
        ]
        return child

    _writer: asyncio.StreamWriter

    @property
    def age(self) -> float:
        return time.monotonic() - self._born

    @property
    def obituary(self) -> str:
        code = self._process.returncode
        how = self._reason or (f"signal {-code}" if code is not None and code < 0 else f"exit code {code}")
        last = f"; its last words: {self._words[-1]}" if self._words else ""
        return f"the model's process ended ({how}{last})"

    def begin(self, number: int, do: str, fields: dict[str, object]) -> _Call:
        if not self._calls:
            self._heard = time.monotonic()
        call = self._calls[number] = _Call(number, do)
        if self.alive:
            self._writer.write(frames.pack({**fields, "id": number, "do": do}))
        else:
            call.frames.put_nowait(None)
        return call

    def leave(self, call: _Call) -> None:
        """The caller listens no longer; a reply under way is stopped."""
        self._calls.pop(call.number, None)
        if self.alive and not call.over and call.do == "generate":
            self._writer.write(frames.pack({"id": 0, "do": "cancel", "target": call.number}))

    async def end(self, reason: str) -> None:
        """Kills the process, which keeps nothing worth saving, and waits for it to be gone."""
        self._reason = self._reason or reason
        self.alive = False
        self._kill()
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _kill(self) -> None:
        """Not Process.kill: that may reap the child before asyncio does, and its exit code is lost."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def _listen(self, reader: asyncio.StreamReader, died: Callable[["_Child"], None]) -> None:
        try:
            while (frame := await frames.read(reader)) is not None:
                self._heard = time.monotonic()
                if call := self._calls.get(frame["id"]):
                    call.began |= bool(frame.get("began"))
                    call.over |= "result" in frame or "error" in frame
                    call.frames.put_nowait(frame)
        except ValueError as error:
            self._reason = f"it spoke gibberish: {error}"
        asked, self.alive = not self.alive, False
        self._kill()
        await self._process.wait()
        self._writer.close()
        if not asked:
            died(self)
        for call in self._calls.values():
            call.frames.put_nowait(None)

    async def _hear_words(self) -> None:
        """llama.cpp's complaints: kept for the obituary, and logged."""
        assert self._process.stderr
        while data := await self._process.stderr.read(4096):
            for line in filter(None, map(str.strip, data.decode("utf-8", "replace").splitlines())):
                self._words.append(line[:300])
                log.debug("worker %d: %s", self.pid, line)

    async def _watch(self) -> None:
        while self.alive:
            await asyncio.sleep(min(1.0, self._stall / 4))
            if self.alive and self._calls and time.monotonic() - self._heard > self._stall:
                self._reason = f"silent for {self._stall:.0f} s"
                self._kill()  # _listen sees the end


def _environment() -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k in KNOWN or k.startswith(KNOWN_HEADS)}
    env["PYTHONPATH"] = str(Path(agent.__file__).resolve().parents[1])
    env["GGML_NO_BACKTRACE"] = "1"  # a crash would start gdb
    env.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve the rest of a busy machine
    return env


def _error(told: Frame) -> VignetteError:
    kind = KINDS.get(str(told.get("kind")), BackendError)
    return kind(str(told["what"]), where=str(told["where"]), mend=str(told["mend"]))
