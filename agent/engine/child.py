"""One worker process as its parent sees it: the socket, the calls under way, the last words, the watchdog."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import agent
from agent.engine import frames
from agent.engine.frames import Frame
from agent.errors import BackendDown

log = logging.getLogger(__name__)
LOADING = 60.0  # seconds of silence granted while it loads, whatever `stall` says: a busy machine is slow
CRASHES = {
    signal.SIGSEGV,
    signal.SIGILL,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGABRT,
}  # compiled code at fault
# What the worker may know of our environment: no tokens, no keys.
KNOWN = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_RUNTIME_DIR")
KNOWN_HEADS = ("LC_", "OMP_", "GGML_", "LLAMA_", "CUDA_", "HIP_", "ROCR_", "VK_", "GPU_")


class Call:
    """One command under way, and the frames that answer it; None is the last when the process ended."""

    def __init__(self, number: int, do: str) -> None:
        self.number, self.do, self.began, self.over = number, do, False, False
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()


class Child:
    """One process, from its start to its end. `died` is called once, unless the end was asked for."""

    def __init__(self, process: asyncio.subprocess.Process, stall: float) -> None:
        self._process, self._stall = process, stall
        self._calls: dict[int, Call] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._heard = self._born = time.monotonic()
        self._patience = max(stall, LOADING)
        self._words: deque[str] = deque(maxlen=20)
        self._reason = ""
        self.alive = True
        self.proven = False  # it has said a word, so a whole prompt was evaluated
        self.pid = process.pid

    @classmethod
    async def spawn(cls, stall: float, died: Callable[["Child"], None]) -> "Child":
        ours, theirs = socket.socketpair()
        process = None
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "agent.engine.worker", str(theirs.fileno()), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
            reader, writer = await asyncio.open_connection(sock=ours)
        except (
            BaseException
        ) as error:  # cancelled in mid-start, it leaves neither a socket nor a process behind
            ours.close()
            if process:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            if isinstance(error, OSError):
                raise BackendDown(f"the model's process cannot be started ({error.strerror})") from error
            raise
        finally:
            theirs.close()
        child = cls(process, stall)
        child._writer = writer
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
    def crashed(self) -> bool:
        """Whether compiled code brought it down, and not somebody who killed it."""
        return -(self._process.returncode or 0) in CRASHES

    @property
    def how(self) -> str:
        """How it ended: `signal 11`."""
        code = self._process.returncode
        return self._reason or (f"signal {-code}" if code is not None and code < 0 else f"exit code {code}")

    @property
    def obituary(self) -> str:
        last = f"; its last words: {self._words[-1]}" if self._words else ""
        return f"the model's process ended ({self.how}{last})"

    def begin(self, number: int, do: str, fields: dict[str, object]) -> Call:
        if not self._calls:
            self._heard = time.monotonic()
        call = self._calls[number] = Call(number, do)
        if self.alive:
            self._writer.write(frames.pack({**fields, "id": number, "do": do}))
        else:
            call.frames.put_nowait(None)
        return call

    def loaded(self) -> None:
        """From now on silence counts as a hang after `stall` seconds."""
        self._patience = self._stall

    def leave(self, call: Call) -> None:
        """The caller listens no longer; a reply under way is stopped."""
        self._calls.pop(call.number, None)
        if self.alive and not call.over and call.do == "generate":
            self._writer.write(frames.pack({"id": 0, "do": "cancel", "target": call.number}))

    async def end(self, reason: str) -> None:
        """Kills the process, which keeps nothing worth saving, and waits for it to be gone."""
        if self.alive:  # else it ended by itself, and that is what should be told
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

    async def _listen(self, reader: asyncio.StreamReader, died: Callable[["Child"], None]) -> None:
        try:
            while (frame := await frames.read(reader)) is not None:
                self._heard = time.monotonic()
                if call := self._calls.get(frame["id"]):
                    call.began |= bool(frame.get("began"))
                    call.over |= "result" in frame or "error" in frame
                    call.frames.put_nowait(frame)
        except ValueError as error:
            self._reason = f"it spoke gibberish: {error}"
        self._kill()
        await self._process.wait()
        asked, self.alive = (
            not self.alive,
            False,
        )  # not sooner: who sees it dead must find what `died` decides
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
            if self.alive and self._calls and time.monotonic() - self._heard > self._patience:
                self._reason = f"silent for {self._patience:.0f} s"
                self._kill()  # _listen sees the end


def _environment() -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k in KNOWN or k.startswith(KNOWN_HEADS)}
    env["PYTHONPATH"] = str(Path(agent.__file__).resolve().parents[1])
    env["GGML_NO_BACKTRACE"] = "1"  # a crash would start gdb
    env.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve the rest of a busy machine
    return env
