"""A child process of ours for work that must not hang, crash or bloat the bot.

Decoders of hostile files and neural networks run in it: Python cannot stop a thread, but it can kill a
process. One child does one job at a time; it is killed when a job exceeds its time, started again when
needed, and ends by itself when nothing came for a while, so that its memory is given back. A start costs
about a quarter of a second of Python and Pillow, a job in a running child under a millisecond.

Both ends speak frames over pipes: a JSON head and bytes, never pickles, so that a decoder taken over by a
hostile file can at most return a wrong answer.
"""

import asyncio
import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

Head = dict[str, Any]
Job = Callable[[Head, bytes], tuple[Head, bytes]]

_LENGTHS = struct.Struct("!II")
_HEAD_LIMIT = 1_000_000
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV")


class ChildFailed(Exception):
    """The child was killed (`timed_out`) or died (out of memory, a crash in a decoder)."""

    def __init__(self, words: str, *, timed_out: bool = False) -> None:
        super().__init__(words)
        self.timed_out = timed_out


class Child:
    """Runs `python -m MODULE` and sends it jobs. Safe to use from several tasks and event loops.

    `memory` bounds the address space in bytes (0: unbounded), `idle` is the time in seconds after which an
    unused child ends. A Child that is dropped without `close` kills its process.
    """

    def __init__(self, module: str, *, memory: int = 0, idle: float = 300.0) -> None:
        self._command = [sys.executable, "-P", "-m", module, str(memory), str(idle)]
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=module)

    async def call(self, head: Head, data: bytes, *, seconds: float) -> tuple[Head, bytes]:
        """The child's answer to one job; others wait in line. Raises ChildFailed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._call, {**head, "seconds": seconds}, data)

    def close(self) -> None:
        """Ends the child, and with ChildFailed the job it is at. Idempotent; later calls fail too."""
        with self._lock:
            self._closed = True
            self._end()

    def _call(self, head: Head, data: bytes) -> tuple[Head, bytes]:
        for last_try in (False, True):
            process, fresh = self._running()
            try:
                return _exchange(process, head, data)
            except _Gone as gone:
                # One that had served before may have ended for idleness just as this job came.
                if fresh or last_try:
                    raise ChildFailed(f"the child process ended with code {gone.code}") from gone
        raise AssertionError("unreachable")

    def _running(self) -> tuple[subprocess.Popen[bytes], bool]:
        """The process, and whether it was started just now."""
        with self._lock:
            if self._closed:
                raise ChildFailed("closed")
            if self._process is not None and self._process.poll() is None:
                return self._process, False
            self._end()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the bot, which then ends its children
            )
            self._end = weakref.finalize(self, _stop, self._process)
            return self._process, True


def _exchange(process: subprocess.Popen[bytes], head: Head, data: bytes) -> tuple[Head, bytes]:
    """Sends a job and waits for its answer, for `head["seconds"]` at most: then the child is killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(head["seconds"], kill)
    timer.daemon = True
    timer.start()
    answer = None
    try:
        _write(process.stdin, head, data)
        answer = _read(process.stdout)
    except (OSError, ValueError):
        pass  # a broken pipe, a closed one, or nonsense: the same as no answer
    finally:
        timer.cancel()
    if answer is not None:
        return answer
    process.kill()
    code = process.wait()
    if late.is_set():
        raise ChildFailed(f"no answer within {head['seconds']:g} seconds", timed_out=True)
    raise _Gone(code)


def _environment() -> dict[str, str]:
    """Without the bot's secrets: the child reads hostile files. One thread for BLAS, whose buffers are
    counted per thread: the child has no use for more."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}


class _Gone(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _write(pipe: IO[bytes], head: Head, data: bytes) -> None:
    words = json.dumps(head).encode()
    rest = memoryview(_LENGTHS.pack(len(words), len(data)) + words + data)
    while rest:
        rest = rest[pipe.write(rest) :]


def _read(pipe: IO[bytes]) -> tuple[Head, bytes] | None:
    """The next frame, None at the end of the stream. Raises ValueError for a head that is no JSON object."""
    lengths = _exactly(pipe, _LENGTHS.size)
    if lengths is None:
        return None
    head_length, data_length = _LENGTHS.unpack(lengths)
    if head_length > _HEAD_LIMIT:
        raise ValueError("frame too large")
    words, data = _exactly(pipe, head_length), _exactly(pipe, data_length)
    if words is None or data is None:
        return None
    head = json.loads(words)
    if not isinstance(head, dict):
        raise ValueError("the head is no object")
    return head, data


def _exactly(pipe: IO[bytes], count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = pipe.read(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def serve(job: Job) -> None:
    """The child's side: answers jobs until its parent is gone or nothing came for the idle time.

    What libraries print goes to standard error: standard output carries frames only.
    """
    memory, idle = int(sys.argv[1]), float(sys.argv[2])
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    _bound(memory)
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    while select.select([source], [], [], idle)[0]:
        frame = _read(source)
        if frame is None:
            return
        _bound_time(float(frame[0]["seconds"]))
        head, data = job(*frame)
        _write(output, head, data)


def _bound(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _bound_time(seconds: float) -> None:
    """Ends a job that outlives its parent: the parent's clock kills first, while there is a parent."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        cores = os.cpu_count() or 1
        limit = int(usage.ru_utime + usage.ru_stime + (seconds + 5) * cores)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
