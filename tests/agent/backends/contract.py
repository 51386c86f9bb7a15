"""What every backend must do, whatever runs the model. Subclass BackendContract as a class named Test...

A subclass gives two fixtures and sets the flags that are true of its model:

    @pytest.mark.asyncio(loop_scope="session")      # only if `backend` is shared between tests
    class TestMine(BackendContract):
        exact_counts = False

        @pytest.fixture
        def backend(self, shared: Mine) -> Backend: ...      # started; tests leave it usable

        @pytest.fixture
        async def fresh(self) -> AsyncIterator[Backend]: ...  # not started, of this test alone

The model behind it must answer HELLO with at least a dozen tokens when it is allowed to.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent.backends.base import Backend, Done, Finish, Message, Piece, Request, Sampling
from agent.errors import BackendError, BackendRefused, PromptError
from agent.picture import Picture

GREEDY = Sampling(max_tokens=24, temperature=0.0, top_k=1, repeat_penalty=1.0, seed=7)
HELLO = (
    Message("system", ("You are Sherlock Holmes. Answer in character.",)),
    Message("user", ("Tell me, in a few long sentences, what you see from your window in Baker Street.",)),
)


@dataclass(frozen=True)
class Reply:
    pieces: tuple[str, ...]
    done: Done

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def stream(backend: Backend, request: Request) -> AsyncGenerator[Piece | Done, None]:
    """`generate` as the generator it is, so that it can be closed."""
    return cast(AsyncGenerator[Piece | Done, None], backend.generate(request))


async def collect(backend: Backend, request: Request) -> Reply:
    """Reads a stream to its end and checks its form: Pieces, then exactly one Done, then nothing."""
    pieces: list[str] = []
    done: Done | None = None
    async for item in backend.generate(request):
        assert done is None, f"{item!r} came after Done"
        if isinstance(item, Done):
            done = item
        else:
            pieces.append(item.text)
    assert done is not None, "the stream ended without Done"
    return Reply(tuple(pieces), done)


needs = pytest.mark.needs  # conftest.py leaves a test out where its class lacks one of the named flags


class BackendContract:
    """The tests. Flags: `deterministic` (same seed, same text), `exact_counts` (count() is what Done says),
    `stops` (stop strings are honoured), `bounded` (too long a prompt is refused rather than cut), `sees` and
    `grammar` (what abilities() must say), `seconds` (how long a hang may last: no measure of speed).

    A test that `needs` a flag which its class does not set is not collected: it is no test of that model,
    and so no skipped one either."""

    deterministic = True
    sees = False
    grammar = True
    exact_counts = True
    stops = True
    bounded = True
    seconds = 60.0

    async def test_streams_pieces_then_one_done(self, backend: Backend) -> None:
        reply = await collect(backend, Request(HELLO, GREEDY))
        assert reply.text.strip()
        assert all(reply.pieces), "an empty Piece tells nobody anything"
        assert reply.text.encode()  # no lone surrogates
        assert reply.done.prompt_tokens > 0
        assert 0 < reply.done.reply_tokens <= GREEDY.max_tokens
        assert 0 <= reply.done.cached_tokens <= reply.done.prompt_tokens
        assert reply.done.cost >= 0
        assert reply.done.model

    async def test_start_is_idempotent(self, backend: Backend) -> None:
        before = backend.model
        await backend.start()
        await backend.start()
        assert backend.model == before

    async def test_model_is_a_name_not_a_path(self, backend: Backend) -> None:
        assert backend.model
        assert not backend.model.startswith(("/", ".", "~"))
        assert str(Path.cwd()) not in backend.model

    async def test_limit_is_kept_and_named(self, backend: Backend) -> None:
        reply = await collect(backend, Request(HELLO, replace(GREEDY, max_tokens=4)))
        assert reply.done.finish is Finish.LIMIT
        assert reply.done.reply_tokens <= 4

    @needs("deterministic")
    async def test_same_seed_same_words(self, backend: Backend) -> None:
        request = Request(HELLO, Sampling(max_tokens=16, temperature=1.0, seed=1234))
        first, second = await collect(backend, request), await collect(backend, request)
        assert first.text == second.text
        assert first.done.seed == second.done.seed
        assert first.done.seed in (1234, None)

    @needs("deterministic")
    async def test_drawn_seed_reproduces(self, backend: Backend) -> None:
        drawn = Sampling(max_tokens=16, temperature=1.0)
        first = await collect(backend, Request(HELLO, drawn))
        assert first.done.seed is not None
        again = await collect(backend, Request(HELLO, replace(drawn, seed=first.done.seed)))
        assert again.text == first.text

    @needs("stops", "deterministic")
    async def test_stop_string_ends_and_is_not_told(self, backend: Backend) -> None:
        whole = (await collect(backend, Request(HELLO, GREEDY))).text
        middle = len(whole) // 2
        stop = whole[middle : middle + 5]  # cuts words: it lies across token borders
        reply = await collect(backend, Request(HELLO, replace(GREEDY, stop=("\x00never", stop))))
        assert reply.text == whole[: whole.index(stop)]
        assert reply.done.finish is Finish.STOP

    async def test_count_grows_and_agrees(self, backend: Backend) -> None:
        short = await backend.count(HELLO)
        longer = (HELLO[0], Message("user", (HELLO[1].text + " Spare no detail of the fog.",)))
        assert 0 < short < await backend.count(longer)
        told = (await collect(backend, Request(HELLO, replace(GREEDY, max_tokens=1)))).done.prompt_tokens
        assert told == short if self.exact_counts else told <= short

    async def test_abilities_are_stable_and_sensible(self, backend: Backend) -> None:
        abilities = await backend.abilities()
        assert abilities == await backend.abilities()
        assert abilities.context >= 512
        assert abilities.source
        assert (abilities.sees, abilities.grammar) == (self.sees, self.grammar)

    async def test_closing_the_stream_frees_the_model(self, backend: Backend) -> None:
        running = stream(backend, Request(HELLO, replace(GREEDY, max_tokens=400)))
        async for item in running:
            assert isinstance(item, Piece)
            break
        await running.aclose()
        await asyncio.wait_for(collect(backend, Request(HELLO, replace(GREEDY, max_tokens=2))), self.seconds)

    async def test_cancelling_the_reader_frees_the_model(self, backend: Backend) -> None:
        begun = asyncio.Event()

        async def read() -> None:
            try:
                async for _ in backend.generate(Request(HELLO, replace(GREEDY, max_tokens=400))):
                    begun.set()
            finally:
                begun.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), self.seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.done()
        reply = await asyncio.wait_for(
            collect(backend, Request(HELLO, replace(GREEDY, max_tokens=2))), self.seconds
        )
        assert reply.done.reply_tokens <= 2

    async def test_calls_may_overlap(self, backend: Backend) -> None:
        requests = [Request(HELLO, replace(GREEDY, max_tokens=n)) for n in (3, 6, 9)]
        replies = await asyncio.gather(*(collect(backend, r) for r in requests))
        for reply, request in zip(replies, requests, strict=True):
            assert 0 < reply.done.reply_tokens <= request.sampling.max_tokens
        if self.deterministic:
            alone = await collect(backend, requests[1])
            assert replies[1].text == alone.text

    @needs("bounded")
    async def test_too_long_a_prompt_is_refused(self, backend: Backend) -> None:
        words = "fog and " * (await backend.abilities()).context
        with pytest.raises((PromptError, BackendError)) as caught:
            await collect(backend, Request((Message("user", (words,)),), GREEDY))
        assert caught.value.mend
        assert (await collect(backend, Request(HELLO, GREEDY))).text

    @needs("blind")
    async def test_a_blind_model_refuses_pixels(self, backend: Backend, tmp_path: Path) -> None:
        with pytest.raises(BackendRefused):
            await collect(backend, Request((Message("user", (red(tmp_path), "What is this?")),), GREEDY))

    @needs("grammar")
    async def test_grammar_is_met(self, backend: Backend) -> None:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"score": {"type": "integer", "enum": [1, 2, 3]}},
            "required": ["score"],
            "additionalProperties": False,
        }
        sampling = replace(GREEDY, max_tokens=64)
        reply = await collect(backend, Request(HELLO, sampling, grammar=schema))
        assert json.loads(reply.text)["score"] in (1, 2, 3)

    async def test_after_close_it_says_so(self, fresh: Backend) -> None:
        await fresh.start()
        await fresh.close()
        await fresh.close()
        with pytest.raises(BackendError):
            await collect(fresh, Request(HELLO, GREEDY))


def red(folder: Path) -> Picture:
    """A small real PNG, all red."""
    import hashlib
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (255, 0, 0)).save(buffer, "PNG")
    data = buffer.getvalue()
    path = folder / "red.png"
    path.write_bytes(data)
    return Picture(hashlib.sha256(data).hexdigest(), path, "image/png", 32, 32, "0" * 16)
