"""The worker under stress: killed, stopped, orphaned, given nonsense. The parent always gets a clear error."""

import asyncio
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil
import pytest

import agent
from agent.backends.base import Piece, Request
from agent.backends.llama import LlamaBackend
from agent.engine import child, frames, process
from agent.engine.embedded import embedded_path
from agent.engine.frames import Frame
from agent.errors import BackendDown, BackendError, PromptError
from agent.settings import LlamaSettings
from tests.agent.backends.contract import GREEDY, HELLO, collect, stream
from tests.waiting import eventually

pytestmark = pytest.mark.model
LONG = Request(HELLO, replace(GREEDY, max_tokens=400))
SHORT = Request(HELLO, replace(GREEDY, max_tokens=3))


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[LlamaBackend]:
    """A worker of this test's own, to be ill-treated. A slow machine is no hang: see `Clock`."""
    backend = LlamaBackend(LlamaSettings(context=1024, stall_seconds=120.0), cache=tmp_path)
    await backend.start()
    yield backend
    await backend.close()


def pid(backend: LlamaBackend) -> int:
    found = backend.worker.pid
    assert found is not None
    return found


@dataclass
class Clock:
    """The watchdog's clock, which a test puts forward instead of waiting."""

    ahead: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Wire:
    """The frames between the two processes, in their order."""

    sent: list[Frame] = field(default_factory=list)
    heard: list[Frame] = field(default_factory=list)

    def asked(self) -> list[int]:
        """The numbers of the replies that were asked for."""
        return [f["id"] for f in self.sent if f["do"] == "generate"]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    seen, pack, read = Wire(), frames.pack, frames.read

    def noted(frame: Frame) -> bytes:
        seen.sent.append(frame)
        return pack(frame)

    async def heard(reader: asyncio.StreamReader) -> Frame | None:
        if (frame := await read(reader)) is not None:
            seen.heard.append(frame)
        return frame

    monkeypatch.setattr(frames, "pack", noted)
    monkeypatch.setattr(frames, "read", heard)
    return seen


async def first_piece(backend: LlamaBackend, request: Request) -> tuple[Piece, asyncio.Task[None]]:
    """Waits for the first piece, and goes on reading in a task."""
    came: asyncio.Future[Piece] = asyncio.get_running_loop().create_future()

    async def read() -> None:
        async for item in backend.generate(request):
            if isinstance(item, Piece) and not came.done():
                came.set_result(item)

    task = asyncio.create_task(read())
    return await asyncio.wait_for(came, 60), task


async def test_killed_in_the_middle_of_a_reply(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    before = pid(own)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(
        BackendDown, match="signal 9"
    ) as caught:  # by the closed socket: the watchdog says `silent`
        await asyncio.wait_for(task, 60)
    assert caught.value.mend
    assert (await asyncio.wait_for(collect(own, SHORT), 60)).text
    assert pid(own) != before


async def test_a_request_that_had_not_begun_is_asked_again(wire: Wire, own: LlamaBackend) -> None:
    _, running = await first_piece(own, LONG)
    os.kill(pid(own), signal.SIGSTOP)  # however long the next lines take, the long reply does not end
    waiting = asyncio.create_task(collect(own, SHORT))
    await eventually(lambda: len(wire.asked()) == 2)
    os.kill(pid(own), signal.SIGKILL)
    with pytest.raises(BackendDown):
        await asyncio.wait_for(running, 60)
    assert (await asyncio.wait_for(waiting, 60)).text
    assert len(wire.asked()) == 3


async def test_a_hang_is_noticed_and_ended(own: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(child, "time", clock)
    _, task = await first_piece(own, LONG)
    before = pid(own)
    os.kill(before, signal.SIGSTOP)
    clock.ahead = 121.0
    with pytest.raises(BackendDown, match="silent for 120 s"):
        await asyncio.wait_for(task, 60)
    assert (await asyncio.wait_for(collect(own, SHORT), 60)).text
    assert not psutil.pid_exists(before)


async def test_it_comes_back_by_itself(own: LlamaBackend) -> None:
    before = pid(own)
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: own.worker.pid not in (None, before))


def another(backend: LlamaBackend, before: int) -> bool:
    """The death of that worker has been noticed."""
    return backend.worker.pid != before


async def test_pauses_grow_and_are_told(own: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PAUSES", (0.0, 600.0))
    monkeypatch.setattr(process, "PROVEN", 600.0)
    for _ in range(2):
        await collect(own, SHORT)
        killed = pid(own)
        os.kill(killed, signal.SIGKILL)
        await eventually(partial(another, own, killed))
    with pytest.raises(BackendDown, match="2 times in a row"):
        await collect(own, SHORT)


async def test_closing_fails_what_is_under_way(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    worker = pid(own)
    await own.close()
    with pytest.raises(BackendDown):
        await asyncio.wait_for(task, 60)
    assert not psutil.pid_exists(worker)


async def test_it_can_be_started_again_after_closing(own: LlamaBackend) -> None:
    await own.close()
    await own.start()
    assert (await collect(own, SHORT)).text


async def test_the_worker_knows_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret-token-of-ours")
    backend = LlamaBackend(LlamaSettings(context=512), cache=tmp_path)
    await backend.start()
    try:
        environment = psutil.Process(pid(backend)).environ()
    finally:
        await backend.close()
    assert "DISCORD_TOKEN" not in environment
    assert environment["GGML_NO_BACKTRACE"] == "1"


PARENT = """
import asyncio, sys
from pathlib import Path
from agent.backends.llama import LlamaBackend
from agent.settings import LlamaSettings

async def main():
    backend = LlamaBackend(LlamaSettings(context=512), cache=Path(sys.argv[1]))
    await backend.start()
    print(backend.worker.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def gone(child: psutil.Process) -> bool:
    return not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("stopped", [False, True])
def test_an_orphan_dies_with_its_parent(tmp_path: Path, stopped: bool) -> None:
    root = str(Path(agent.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=root, text=True
    )
    with parent:
        assert parent.stdout
        worker = psutil.Process(int(parent.stdout.readline()))
        if stopped:
            worker.suspend()
        parent.kill()
        parent.wait()
        asyncio.run(eventually(lambda: gone(worker)))


def damaged(folder: Path, how: str) -> Path:
    data = bytearray(embedded_path().read_bytes())
    match how:
        case "truncated":
            del data[len(data) // 2 :]
        case "magic":
            data[0] ^= 0xFF
        case "version":
            data[4:8] = struct.pack("<I", 99)
        case "counts":
            data[8:24] = b"\xff" * 16
        case "metadata":
            data[24:200] = b"\xff" * 176
        case "empty":
            data.clear()
        case "pointer":
            data[:] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    path = folder / f"{how}.gguf"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["truncated", "magic", "version", "counts", "metadata", "empty", "pointer"])
async def test_a_damaged_file_is_named(tmp_path: Path, how: str) -> None:
    path = damaged(tmp_path, how)
    backend = LlamaBackend(LlamaSettings(path=str(path)), cache=tmp_path)
    with pytest.raises(BackendError) as caught:
        await backend.start()
    assert str(path) in str(caught.value)
    assert not isinstance(caught.value, BackendDown), "a damaged file stays damaged"
    assert caught.value.mend
    with pytest.raises(BackendError):
        await collect(backend, SHORT)
    await backend.close()


async def test_a_directory_is_no_model(tmp_path: Path) -> None:
    backend = LlamaBackend(LlamaSettings(path=str(tmp_path)), cache=tmp_path)
    with pytest.raises(BackendError, match="cannot be read"):
        await backend.start()


FOG = "The fog lay thick upon the river that morning, and nobody spoke. "
CUT = """
import json, sys
from agent.engine.embedded import embedded_path
from agent.engine.model import Options
from agent.engine.reply import Engine

engine, told = Engine(Options(str(embedded_path()), context=8192), lambda: None), []
end = engine.reply(json.loads(sys.argv[1]), told.append, lambda: bool(told))
print(json.dumps([told, end]))
"""


def test_a_prompt_is_read_no_further_once_it_is_cancelled() -> None:
    """Counted, not timed: the engine is told to stop as soon as it has read a first batch."""
    messages = [{"role": "user", "parts": [FOG * 400]}]
    request = json.dumps({"messages": messages, "sampling": asdict(GREEDY)})
    root = str(Path(agent.__file__).parents[1])
    shown = subprocess.run(
        [sys.executable, "-c", CUT, request],
        capture_output=True,
        cwd=root,
        text=True,
        timeout=240,
        check=True,
    )
    told, end = json.loads(shown.stdout)
    assert end["finish"] == "cancelled"
    assert [*told[0]] == ["progress"]
    assert len(told) == 1
    assert told[0]["progress"] < end["prompt_tokens"] / 2


async def test_cancelling_a_reply_reaches_the_worker(wire: Wire, own: LlamaBackend) -> None:
    """The worker finds the request and its end together: neither process's speed matters."""
    long = Request((replace(HELLO[1], parts=(FOG * 60,)),), replace(GREEDY, max_tokens=1))
    os.kill(pid(own), signal.SIGSTOP)
    task = asyncio.create_task(collect(own, long))
    (number,) = await eventually(wire.asked)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.kill(pid(own), signal.SIGCONT)
    assert (await asyncio.wait_for(collect(own, SHORT), 60)).text
    (end,) = (f["result"] for f in wire.heard if f["id"] == number and "result" in f)
    assert (end["finish"], end["reply_tokens"]) == ("cancelled", 0)


async def test_counting_does_not_wait_for_a_reply(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    assert await asyncio.wait_for(own.count(HELLO), 60) > 10
    assert not task.done()
    task.cancel()


async def test_the_prompt_error_names_both_numbers(own: LlamaBackend) -> None:
    words = "fog " * 2000
    with pytest.raises(PromptError, match="1024"):
        await collect(own, Request((replace(HELLO[1], parts=(words,)),), GREEDY))


async def test_a_full_context_ends_the_reply(own: LlamaBackend) -> None:
    near = Request(HELLO, replace(GREEDY, max_tokens=5000, stop=()))
    words = "fog " * 900
    near = replace(near, messages=(replace(HELLO[1], parts=(words,)),))
    prompt = await own.count(near.messages)
    reply = await collect(own, near)
    assert reply.done.prompt_tokens == prompt
    assert prompt + reply.done.reply_tokens <= 1024


async def test_closing_a_stream_early_leaves_no_calls(own: LlamaBackend) -> None:
    running = stream(own, LONG)
    await anext(running)
    await running.aclose()
    assert not own.worker._child._calls  # type: ignore[union-attr]


async def test_closing_a_stream_ends_its_reply(wire: Wire, own: LlamaBackend) -> None:
    """By the worker's own account, not by the clock: the tokens that nobody waits for are not drawn."""
    running = stream(own, LONG)
    await anext(running)
    await running.aclose()
    (number,) = wire.asked()
    assert (await asyncio.wait_for(collect(own, SHORT), 60)).text
    (end,) = (f["result"] for f in wire.heard if f["id"] == number and "result" in f)
    assert end["finish"] == "cancelled"
    assert end["reply_tokens"] < LONG.sampling.max_tokens
