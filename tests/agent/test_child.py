"""The child process itself, driven by a job that misbehaves on request (this module, run as a program)."""

import asyncio
import gc
import os
import time

import psutil
import pytest

from agent.child import Child, ChildFailed, Head, serve
from tests.waiting import eventually

HERE = "tests.agent.test_child"


def misbehave(head: Head, data: bytes) -> tuple[Head, bytes]:
    match head["do"]:
        case "sleep":
            time.sleep(3600)
        case "spin":
            while True:
                pass
        case "crash":
            os.abort()
        case "print":
            os.write(1, b"a library's chatter")
        case "eat":
            return {"bytes": len(bytearray(1 << 30))}, b""
    return {"pid": os.getpid(), "do": head["do"], "secret": os.environ.get("DISCORD_TOKEN")}, data[::-1]


def ended(pid: int) -> bool:
    """Also as a zombie: who started it has yet to take note."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_answers_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    child = Child(HERE)
    first, data = await child.call({"do": "echo"}, b"abc", seconds=60)
    second, _ = await child.call({"do": "print"}, bytes(3_000_000), seconds=60)
    assert data == b"cba"
    assert first["secret"] is None
    assert first["pid"] == second["pid"] != os.getpid()
    child.close()
    with pytest.raises(ChildFailed):
        await child.call({"do": "echo"}, b"", seconds=1)


@pytest.mark.parametrize("do", ["sleep", "spin"])
async def test_one_that_hangs_is_killed_and_replaced(do: str) -> None:
    child = Child(HERE)
    before, _ = await child.call({"do": "echo"}, b"", seconds=60)
    with pytest.raises(ChildFailed) as caught:
        await asyncio.wait_for(child.call({"do": do}, b"", seconds=0.5), 60)
    assert caught.value.timed_out
    after, _ = await child.call({"do": "echo"}, b"", seconds=60)
    assert before["pid"] != after["pid"]
    child.close()


async def test_a_crash_is_an_error_and_the_next_job_runs() -> None:
    child = Child(HERE)
    with pytest.raises(ChildFailed) as caught:
        await child.call({"do": "crash"}, b"", seconds=60)
    assert not caught.value.timed_out
    assert (await child.call({"do": "echo"}, b"x", seconds=60))[1] == b"x"
    child.close()


async def test_memory_is_bounded() -> None:
    child = Child(HERE, memory=800 << 20)
    with pytest.raises(ChildFailed):
        await child.call({"do": "eat"}, b"", seconds=60)
    child.close()


async def test_ends_when_idle_and_comes_back() -> None:
    child = Child(HERE, idle=0.3)
    before, _ = await child.call({"do": "echo"}, b"", seconds=60)
    await eventually(lambda: ended(before["pid"]))
    after, _ = await child.call({"do": "echo"}, b"", seconds=60)
    assert before["pid"] != after["pid"]
    child.close()


async def test_many_callers_get_their_own_answers() -> None:
    child = Child(HERE)
    jobs = [child.call({"do": "echo"}, bytes([i]), seconds=60) for i in range(20)]
    assert [data for _, data in await asyncio.gather(*jobs)] == [bytes([i]) for i in range(20)]
    child.close()


async def test_a_dropped_child_leaves_no_process() -> None:
    child = Child(HERE)
    pid = (await child.call({"do": "echo"}, b"", seconds=60))[0]["pid"]
    del child

    def collected() -> bool:
        gc.collect()  # the thread that did the job lets go of the child a moment later
        return not psutil.pid_exists(pid)

    await eventually(collected, every=0.05)


async def test_closing_ends_a_running_job() -> None:
    child = Child(HERE)
    await child.call({"do": "echo"}, b"", seconds=60)
    task = asyncio.create_task(child.call({"do": "sleep"}, b"", seconds=3600))
    await asyncio.sleep(0.2)  # it may have begun or not: closing ends it either way
    child.close()
    with pytest.raises(ChildFailed):
        await asyncio.wait_for(task, 60)


if __name__ == "__main__":
    serve(misbehave)
