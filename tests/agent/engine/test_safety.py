"""A llama.cpp that crashes at its first batch: whoever waits is answered by safe settings, and it is remembered."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agent.backends.llama import LlamaBackend
from agent.engine import child
from agent.engine.child import Child
from agent.engine.safety import Safety
from agent.errors import BackendDown
from agent.settings import LlamaSettings
from tests.agent.backends.contract import collect
from tests.agent.engine.test_process import SHORT

pytestmark = pytest.mark.model
# Read by the worker's Python before all else: from here on, llama.cpp is one that was compiled wrongly.
BROKEN = """
import os, signal
from agent.engine.model import Model
decode, load = Model.decode, Model._load
def crash():
    with open({log!r}, "a") as log:
        log.write("crash\\n")
    os.kill(os.getpid(), signal.SIGSEGV)
def _load(self, options, progress):
    self.broken = options.extra_buffers or {always}
    if {loading} and self.broken:
        crash()
    return load(self, options, progress)
def _decode(self, tokens, position, stop=None):
    if self.broken and len(tokens) >= 8:
        crash()
    return decode(self, tokens, position, stop)
Model.decode, Model._load = _decode, _load
"""
Break = Callable[..., Path]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Break:
    """Breaks llama.cpp in workers to come. Returns the file with a line for every crash."""
    environment = child._environment
    log = tmp_path / "crashes.log"

    def breaks(*, always: bool = False, loading: bool = False) -> Path:
        source = BROKEN.format(log=str(log), always=always, loading=loading)
        (tmp_path / "sitecustomize.py").write_text(source)

        def changed() -> dict[str, str]:
            env = environment()
            return {**env, "PYTHONPATH": f"{tmp_path}{os.pathsep}{env['PYTHONPATH']}"}

        monkeypatch.setattr(child, "_environment", changed)
        return log

    return breaks


def crashes(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def backend(cache: Path) -> LlamaBackend:
    return LlamaBackend(LlamaSettings(context=512), cache=cache)


async def answered(cache: Path) -> bool:
    own = backend(cache)
    await own.start()
    try:
        return bool((await collect(own, SHORT)).text)
    finally:
        await own.close()


@pytest.mark.parametrize("loading", [False, True])
async def test_whoever_waits_is_answered_from_the_second_start(
    tmp_path: Path, broken: Break, loading: bool
) -> None:
    log = broken(loading=loading)
    assert await answered(tmp_path)
    assert crashes(log) == 1
    cause, cure = backend(tmp_path).slowed()
    assert "signal 11" in cause
    assert "make clean run" in cure


async def test_the_next_start_knows(tmp_path: Path, broken: Break) -> None:
    log = broken()
    await answered(tmp_path)
    assert await answered(tmp_path)
    assert crashes(log) == 1


async def test_a_library_built_anew_is_tried_anew(
    tmp_path: Path, broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = broken()
    await answered(tmp_path)
    monkeypatch.setattr("agent.engine.safety._library", lambda: "another build")
    assert backend(tmp_path).slowed() == ("", "")
    assert await answered(tmp_path)
    assert crashes(log) == 2


@pytest.mark.parametrize("loading", [False, True])
async def test_where_safe_settings_crash_too_one_sentence_says_so(
    tmp_path: Path, broken: Break, loading: bool
) -> None:
    log, own = broken(always=True, loading=loading), backend(tmp_path)
    try:
        with pytest.raises(BackendDown, match="with safe settings too") as caught:
            await (own.start() if loading else collect(own, SHORT))
        assert "make clean run" in caught.value.mend
        with pytest.raises(BackendDown, match="the next start is in"):
            await collect(own, SHORT)
        assert crashes(log) == 2, "nobody loops through crashes"
        assert own.slowed() == ("", ""), "the settings were not to blame"
    finally:
        await own.close()


async def test_a_worker_that_was_killed_is_not_called_broken(tmp_path: Path) -> None:
    own = backend(tmp_path)
    await own.start()
    try:
        assert own.worker.pid
        os.kill(own.worker.pid, signal.SIGKILL)
        assert (await collect(own, SHORT)).text
        assert own.worker._options.extra_buffers
    finally:
        await own.close()
    assert own.slowed() == ("", "")


async def test_a_crash_after_its_first_word_is_not_the_settings(tmp_path: Path) -> None:
    own = backend(tmp_path)
    await own.start()
    try:
        await collect(own, SHORT)
        assert own.worker.pid
        os.kill(own.worker.pid, signal.SIGSEGV)
        assert (await collect(own, SHORT)).text
        assert own.worker._options.extra_buffers
    finally:
        await own.close()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "crashes.json").write_text(content)
    safety = Safety(tmp_path, "model-1")
    assert not safety.cause
    safety.remember("signal 4")
    assert Safety(tmp_path, "model-1").cause == "signal 4"
    assert not Safety(tmp_path, "model-2").cause
    assert json.loads((tmp_path / "crashes.json").read_text())


def workers(parent: psutil.Process) -> set[int]:
    """Other tests' workers live on beside this one's."""
    alive = (c for c in parent.children() if c.status() != psutil.STATUS_ZOMBIE)
    return {c.pid for c in alive if "agent.engine.worker" in c.cmdline()}


@pytest.mark.parametrize("ticks", [0, 1, 2, 3, 5, 8, 13, 50])
async def test_a_start_that_is_cancelled_leaves_nothing_open(ticks: int) -> None:
    """Counted in turns of the event loop: each cut falls somewhere else in the start."""
    me = psutil.Process()
    before, others = me.num_fds(), workers(me)
    task = asyncio.create_task(Child.spawn(60.0, lambda _: None))
    for _ in range(ticks):
        await asyncio.sleep(0.0005)
    task.cancel()
    try:
        started = await task
    except asyncio.CancelledError:
        pass
    else:
        await started.end("the test is over")
    del task
    await asyncio.sleep(0.05)  # the transports of its pipes close in turns of the loop to come
    assert me.num_fds() <= before + 1, "a child watcher may keep one for itself"
    assert workers(me) <= others
