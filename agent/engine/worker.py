"""The child process: `python -m agent.engine.worker FD PARENT`. Started by agent.engine.process only.

Two threads: one reads frames (and answers count and ping at once, so that they never wait for a reply being
made), the main one loads and generates. It dies with its parent: when the socket closes, or by signal.
"""

import contextlib
import ctypes
import faulthandler
import os
import queue
import signal
import socket
import sys
import threading
from pathlib import Path

from agent.engine.frames import Frame, pack, receive
from agent.engine.model import Options
from agent.engine.reply import Engine
from agent.errors import BackendError, BackendRefused, PromptError, VignetteError

TELLABLE = (PromptError, BackendRefused, BackendError)


class Worker:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._writing = threading.Lock()
        self._jobs: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._open: set[int] = set()
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None

    def send(self, frame: Frame) -> None:
        with self._writing:
            self._sock.sendall(pack(frame))

    def read(self) -> None:
        """The reader's thread. When nobody is left to answer, the process ends at once."""
        while (frame := receive(self._sock)) is not None:
            what = frame["do"]
            if what == "cancel":
                self._cancelled |= {frame["target"]} & self._open
            elif what in ("count", "ping"):
                self.answer(frame)
            else:
                self._open.add(frame["id"])
                self._jobs.put(frame)
        os._exit(0)

    def work(self) -> None:
        """The main thread."""
        while True:
            self.answer(self._jobs.get())

    def answer(self, frame: Frame) -> None:
        number = frame["id"]
        try:
            self.send({"id": number, "result": self._do(frame)})
        except VignetteError as error:
            kind = next(c.__name__ for c in (*TELLABLE, VignetteError) if isinstance(error, c))
            told = {"kind": kind, "what": error.what, "where": error.where, "mend": error.mend}
            self.send({"id": number, "error": told})
        except MemoryError:
            told = {"kind": "BackendError", "what": "the worker is out of memory", "where": "", "mend": ""}
            self.send({"id": number, "error": told})

    def _do(self, frame: Frame) -> Frame:
        match frame["do"]:
            case "ping":
                return {}
            case "load":
                progress = {"id": frame["id"], "progress": 0}
                self._engine = Engine(Options(**frame["options"]), lambda: self.send(progress))
                return self._engine.facts()
            case "count" if self._engine:
                return {"tokens": self._engine.count(frame["messages"])}
            case "generate" if self._engine:
                return self._generate(self._engine, frame)
        raise BackendError(f"the worker cannot do {frame['do']!r} now")

    def _generate(self, engine: Engine, frame: Frame) -> Frame:
        number = frame["id"]
        try:
            if number in self._cancelled:
                return {"finish": "cancelled", "prompt_tokens": 0, "reply_tokens": 0, "cached_tokens": 0}
            self.send({"id": number, "began": True})
            return engine.reply(
                frame, lambda f: self.send({"id": number, **f}), lambda: number in self._cancelled
            )
        finally:
            self._open.discard(number)
            self._cancelled.discard(number)


def _bind_to(parent: int) -> None:
    """Dies with the parent even where it cannot read (stopped), and is the first to go when memory ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500")
    if os.getppid() != parent:
        os._exit(0)


def _give_up(failure: threading.ExceptHookArgs) -> None:
    """A worker whose reader died would be deaf: better none, and a new one."""
    sys.__excepthook__(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    os._exit(70)


def main() -> None:
    _bind_to(int(sys.argv[2]))
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the socket
    os.dup2(2, 1)
    threading.excepthook = _give_up
    worker = Worker(socket.socket(fileno=int(sys.argv[1])))
    threading.Thread(target=worker.read, daemon=True, name="frames").start()
    try:
        worker.work()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
