"""Admission: order, ageing, bounds, and that nothing is left behind by those who give up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agent.queue
from agent.backends.base import Abilities, Done, Finish, Message, Piece, Priority, Request
from agent.errors import BackendDown, Busy
from agent.queue import Queue

WHO = {"person": Priority.PERSON, "duet": Priority.DUET, "background": Priority.BACKGROUND}


class Slow:
    """A backend that serves when told to, and notes the order."""

    model = "slow"

    def __init__(self) -> None:
        self.served: list[str] = []
        self.closed: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.at_once = self.most = 0

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def abilities(self) -> Abilities:
        return Abilities(False, True, False, False, False, 512)

    async def count(self, messages: Sequence[Message]) -> int:
        return 1

    async def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        name = request.cache_key
        self.served.append(name)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            yield Piece(name)
            await self.gates.setdefault(name, asyncio.Event()).wait()
            if name.startswith("broken"):
                raise BackendDown("broken")
            yield Done(Finish.STOP, 1, 1, self.model)
        finally:
            self.at_once -= 1
            self.closed.append(name)

    def let(self, *names: str) -> None:
        for name in names:
            self.gates.setdefault(name, asyncio.Event()).set()


def ask(queue: Queue, name: str, priority: Priority = Priority.PERSON) -> asyncio.Task[None]:
    async def read() -> None:
        async with aclosing(
            cast(Any, queue.generate(Request((), cache_key=name, priority=priority)))
        ) as items:
            async for _ in items:
                pass

    return asyncio.create_task(read())


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_persons_first_then_duets_then_the_rest() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=10, parallel=1)
    tasks = [ask(queue, "first")]
    await settle()
    for name in ("background-1", "duet-1", "person-1", "person-2", "background-2", "duet-2"):
        tasks.append(ask(queue, name, WHO[name.split("-")[0]]))
        await settle()
    assert (queue.depth, queue.running) == (6, 1)
    slow.let("first", *(f"{w}-{n}" for w in WHO for n in (1, 2)))
    await asyncio.gather(*tasks)
    assert slow.served[1:] == ["person-1", "person-2", "duet-1", "duet-2", "background-1", "background-2"]
    assert (queue.depth, queue.running, slow.most) == (0, 0, 1)


async def test_long_waiting_background_goes_before_a_newcomer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.queue, "AGEING", 0.05)
    slow = Slow()
    queue = Queue(slow, waiting=10, parallel=1)
    tasks = [ask(queue, "first")]
    await settle()
    tasks.append(ask(queue, "old", Priority.BACKGROUND))
    await asyncio.sleep(0.15)
    tasks.append(ask(queue, "new", Priority.PERSON))
    await settle()
    slow.let("first", "old", "new")
    await asyncio.gather(*tasks)
    assert slow.served == ["first", "old", "new"]


async def test_a_full_line_says_busy_at_once() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=2, parallel=1)
    tasks = [ask(queue, name) for name in ("a", "b", "c")]
    await settle()
    with pytest.raises(Busy) as caught:
        await asyncio.wait_for(ask(queue, "d"), 60)
    assert caught.value.mend
    assert "d" not in slow.served
    slow.let("a", "b", "c")
    await asyncio.gather(*tasks)
    slow.let("e")
    await ask(queue, "e")


async def test_parallel_is_kept() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=10, parallel=3)
    tasks = [ask(queue, str(n)) for n in range(8)]
    await settle()
    assert (queue.running, queue.depth, slow.at_once) == (3, 5, 3)
    slow.let(*map(str, range(8)))
    await asyncio.gather(*tasks)
    assert slow.most == 3


async def test_giving_up_while_waiting_leaves_no_trace() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=2, parallel=1)
    first, second, third = (ask(queue, name) for name in ("a", "b", "c"))
    await settle()
    second.cancel()
    await settle()
    assert queue.depth == 1
    fourth = ask(queue, "d")  # there is room again
    await settle()
    slow.let("a", "c", "d")
    await asyncio.gather(first, third, fourth)
    assert slow.served == ["a", "c", "d"]
    assert second.cancelled()


async def test_giving_up_in_the_moment_of_being_called() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=5, parallel=1)
    first, second, third = (ask(queue, name) for name in ("a", "b", "c"))
    await settle()
    slow.let("a", "c")
    await first  # the line has just moved: `b` is called, and has not run yet
    second.cancel()
    await asyncio.wait_for(third, 60)
    assert "c" in slow.served
    assert (queue.depth, queue.running) == (0, 0)


async def test_closing_a_running_stream_frees_its_place() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=5, parallel=1)
    running = cast(Any, queue.generate(Request((), cache_key="a")))
    assert await anext(running) == Piece("a")
    waiting = ask(queue, "b")
    await settle()
    await running.aclose()
    assert slow.closed == ["a"]
    slow.let("b")
    await asyncio.wait_for(waiting, 60)


async def test_a_failure_frees_its_place() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=5, parallel=1)
    slow.let("broken", "b")
    with pytest.raises(BackendDown):
        await ask(queue, "broken")
    await asyncio.wait_for(ask(queue, "b"), 60)


async def test_busy_tells_how_long() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=1, parallel=1)
    first = ask(queue, "a")
    await asyncio.sleep(0.05)
    slow.let("a")
    await first
    slow.gates.clear()
    tasks = [ask(queue, "b"), ask(queue, "c")]
    await settle()
    with pytest.raises(Busy) as caught:
        await ask(queue, "d")
    assert caught.value.retry_after >= 0.05
    slow.let("b", "c")
    await asyncio.gather(*tasks)


class Closable(Slow):
    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()

    async def close(self) -> None:
        self.ended.set()


async def test_a_change_of_model_breaks_no_reply_and_no_line() -> None:
    former, fresh = Closable(), Slow()
    queue = Queue(former, waiting=9, parallel=1)
    under_way = ask(queue, "under way")
    await settle()
    waits = ask(queue, "waits")
    await settle()
    change = asyncio.create_task(queue.change(fresh))
    await settle()
    assert not former.ended.is_set(), "a reply is under way"
    assert queue.backend is fresh
    former.let("under way")
    await asyncio.gather(under_way, change)
    assert former.ended.is_set()
    fresh.let("waits")
    await waits
    assert (former.served, fresh.served) == (["under way"], ["waits"])


async def test_it_is_the_backend_in_all_else() -> None:
    slow = Slow()
    queue = Queue(slow, waiting=1, parallel=1)
    await queue.start()
    assert queue.model == "slow"
    assert await queue.count(()) == 1
    assert (await queue.abilities()).context == 512
    assert queue.backend is slow
    await queue.close()


@given(
    st.lists(st.tuples(st.sampled_from(sorted(WHO)), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_any_mix_is_served_once_and_in_order(plan: list[tuple[str, bool]], parallel: int) -> None:
    async def run() -> None:
        slow = Slow()
        queue = Queue(slow, waiting=20, parallel=parallel)
        holders = [ask(queue, f"holder-{n}") for n in range(parallel)]
        await settle()
        tasks = {}
        for n, (who, _) in enumerate(plan):
            tasks[f"{who}-{n}"] = ask(queue, f"{who}-{n}", WHO[who])
            await settle()
        for (name, task), (_, stays) in zip(tasks.items(), plan, strict=True):
            if not stays:
                task.cancel()
                del name
        await settle()
        kept = [name for (name, _), (_, stays) in zip(tasks.items(), plan, strict=True) if stays]
        slow.let(*kept, *(f"holder-{n}" for n in range(parallel)))
        await asyncio.gather(*holders, *tasks.values(), return_exceptions=True)
        expected = sorted(kept, key=lambda name: WHO[name.split("-")[0]])  # sorted is stable
        assert slow.served[parallel:] == expected
        assert (queue.depth, queue.running, slow.at_once) == (0, 0, 0)

    asyncio.run(run())
