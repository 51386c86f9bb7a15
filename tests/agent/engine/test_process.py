"""The worker under stress: killed, stopped, orphaned, given nonsense. The parent always gets a clear error."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import agent
from agent.backends.base import Piece, Request
from agent.backends.llama import LlamaBackend, embedded_path
from agent.engine import process
from agent.errors import BackendDown, BackendError, PromptError
from agent.settings import LlamaSettings
from tests.agent.backends.contract import GREEDY, HELLO, collect, stream

pytestmark = pytest.mark.model
LONG = Request(HELLO, replace(GREEDY, max_tokens=400))
SHORT = Request(HELLO, replace(GREEDY, max_tokens=3))


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[LlamaBackend]:
    """A worker of this test's own, to be ill-treated; a hang counts after five seconds."""
    backend = LlamaBackend(LlamaSettings(context=1024, stall_seconds=5.0), cache=tmp_path)
    await backend.start()
    yield backend
    await backend.close()


def pid(backend: LlamaBackend) -> int:
    found = backend.worker.pid
    assert found is not None
    return found


async def first_piece(backend: LlamaBackend, request: Request) -> tuple[Piece, asyncio.Task[None]]:
    """Waits for the first piece, and goes on reading in a task."""
    came: asyncio.Future[Piece] = asyncio.get_running_loop().create_future()

    async def read() -> None:
        async for item in backend.generate(request):
            if isinstance(item, Piece) and not came.done():
                came.set_result(item)

    task = asyncio.create_task(read())
    return await asyncio.wait_for(came, 30), task


async def test_killed_in_the_middle_of_a_reply(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    before = pid(own)
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(BackendDown, match="signal 9") as caught:
        await asyncio.wait_for(task, 5)
    assert time.monotonic() - began < 4.0, "seen by the closed socket, not by the watchdog"
    assert caught.value.mend
    assert (await asyncio.wait_for(collect(own, SHORT), 30)).text
    assert pid(own) != before


async def test_a_request_that_had_not_begun_is_asked_again(own: LlamaBackend) -> None:
    _, running = await first_piece(own, LONG)
    waiting = asyncio.create_task(collect(own, SHORT))
    await asyncio.sleep(0.1)
    os.kill(pid(own), signal.SIGKILL)
    with pytest.raises(BackendDown):
        await asyncio.wait_for(running, 5)
    assert (await asyncio.wait_for(waiting, 30)).text


async def test_a_hang_is_noticed_and_ended(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    before = pid(own)
    os.kill(before, signal.SIGSTOP)
    with pytest.raises(BackendDown, match="silent"):
        await asyncio.wait_for(task, 30)
    assert (await asyncio.wait_for(collect(own, SHORT), 30)).text
    assert not psutil.pid_exists(before)


async def test_it_comes_back_by_itself(own: LlamaBackend) -> None:
    before = pid(own)
    os.kill(before, signal.SIGKILL)
    for _ in range(100):
        await asyncio.sleep(0.1)
        if own.worker.pid not in (None, before):
            return
    pytest.fail("no new worker within ten seconds")


async def test_pauses_grow_and_are_told(own: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PAUSES", (0.0, 60.0))
    for _ in range(2):
        await collect(own, SHORT)
        os.kill(pid(own), signal.SIGKILL)
        await asyncio.sleep(0.3)
    with pytest.raises(BackendDown, match="2 times in a row"):
        await collect(own, SHORT)


async def test_closing_fails_what_is_under_way(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    child = pid(own)
    await own.close()
    with pytest.raises(BackendDown):
        await asyncio.wait_for(task, 5)
    assert not psutil.pid_exists(child)


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
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_an_orphan_dies_with_its_parent(tmp_path: Path, stopped: bool) -> None:
    root = str(Path(agent.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=root, text=True
    )
    with parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        if stopped:
            child.suspend()
        parent.kill()
        parent.wait()
        psutil.wait_procs([child], timeout=5)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


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


async def test_cancelling_during_prefill_is_prompt(own: LlamaBackend) -> None:
    words = "The fog lay thick upon the river that morning, and nobody spoke. " * 60
    one = replace(GREEDY, max_tokens=1)
    long = Request((replace(HELLO[1], parts=(words,)),), one)
    began = time.monotonic()
    assert (await collect(own, long)).done.prompt_tokens > 700
    whole = time.monotonic() - began
    await collect(own, replace(SHORT, sampling=one))  # the cache holds something else again
    task = asyncio.create_task(collect(own, long))
    await asyncio.sleep(whole / 4)
    assert not task.done()
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await collect(own, replace(SHORT, sampling=one))
    assert time.monotonic() - began < whole * 0.6, "the rest of the long prompt was not read"


async def test_counting_does_not_wait_for_a_reply(own: LlamaBackend) -> None:
    _, task = await first_piece(own, LONG)
    began = time.monotonic()
    assert await own.count(HELLO) > 10
    assert time.monotonic() - began < 4.0
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
