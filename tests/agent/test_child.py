"""The child process itself, driven by a job that misbehaves on request (this module, run as a program)."""

import asyncio
import gc
import os
import time

import pytest

from agent.child import Child, ChildFailed, Head, serve

HERE = "tests.agent.test_child"


def misbehave(head: Head, data: bytes) -> tuple[Head, bytes]:
    match head["do"]:
        case "sleep":
            time.sleep(60)
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


async def test_answers_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    child = Child(HERE)
    first, data = await child.call({"do": "echo"}, b"abc", seconds=20)
    second, _ = await child.call({"do": "print"}, bytes(3_000_000), seconds=20)
    assert data == b"cba"
    assert first["secret"] is None
    assert first["pid"] == second["pid"] != os.getpid()
    child.close()
    with pytest.raises(ChildFailed):
        await child.call({"do": "echo"}, b"", seconds=1)


@pytest.mark.parametrize("do", ["sleep", "spin"])
async def test_one_that_hangs_is_killed_and_replaced(do: str) -> None:
    child = Child(HERE)
    before, _ = await child.call({"do": "echo"}, b"", seconds=20)
    start = time.monotonic()
    with pytest.raises(ChildFailed) as caught:
        await child.call({"do": do}, b"", seconds=0.5)
    assert caught.value.timed_out
    assert time.monotonic() - start < 5
    after, _ = await child.call({"do": "echo"}, b"", seconds=20)
    assert before["pid"] != after["pid"]
    child.close()


async def test_a_crash_is_an_error_and_the_next_job_runs() -> None:
    child = Child(HERE)
    with pytest.raises(ChildFailed) as caught:
        await child.call({"do": "crash"}, b"", seconds=20)
    assert not caught.value.timed_out
    assert (await child.call({"do": "echo"}, b"x", seconds=20))[1] == b"x"
    child.close()


async def test_memory_is_bounded() -> None:
    child = Child(HERE, memory=800 << 20)
    with pytest.raises(ChildFailed):
        await child.call({"do": "eat"}, b"", seconds=20)
    child.close()


async def test_ends_when_idle_and_comes_back() -> None:
    child = Child(HERE, idle=0.3)
    before, _ = await child.call({"do": "echo"}, b"", seconds=20)
    await asyncio.sleep(1.0)
    after, _ = await child.call({"do": "echo"}, b"", seconds=20)
    assert before["pid"] != after["pid"]
    child.close()


async def test_many_callers_get_their_own_answers() -> None:
    child = Child(HERE)
    jobs = [child.call({"do": "echo"}, bytes([i]), seconds=20) for i in range(20)]
    assert [data for _, data in await asyncio.gather(*jobs)] == [bytes([i]) for i in range(20)]
    child.close()


async def test_a_dropped_child_leaves_no_process() -> None:
    child = Child(HERE)
    pid = (await child.call({"do": "echo"}, b"", seconds=20))[0]["pid"]
    del child
    for _ in range(100):  # the thread that did the job lets go of the child a moment later
        gc.collect()
        await asyncio.sleep(0.05)
        if not os.path.exists(f"/proc/{pid}"):
            break
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_closing_ends_a_running_job() -> None:
    child = Child(HERE)
    await child.call({"do": "echo"}, b"", seconds=20)
    task = asyncio.create_task(child.call({"do": "sleep"}, b"", seconds=20))
    await asyncio.sleep(0.2)
    child.close()
    with pytest.raises(ChildFailed):
        await asyncio.wait_for(task, 5)


if __name__ == "__main__":
    serve(misbehave)
