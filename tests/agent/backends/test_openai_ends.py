"""A reply is whole only where the stream said so at its end; half of one is never handed out as whole."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.backends.base import Finish, Message, Request, Sampling
from agent.backends.openai import OpenAIBackend
from agent.backends.remote.sse import payloads
from agent.errors import BackendDown, BackendRefused, PromptError
from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets
from tests.agent.backends.contract import HELLO, collect
from tests.fakes.openai_server import Answer, ScriptedServer, event

ASK = Request(HELLO, Sampling(max_tokens=32, temperature=0.0, seed=1))
DONE = b"data: [DONE]\n\n"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as one:
        yield one


@pytest.fixture
async def backend(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[OpenAIBackend]:
    settings = OpenAISettings(
        endpoints=(Endpoint(base_url=server.url, model="fake", usd_per_million_out=1.0),),
        retries=0,
        seconds=30,
    )
    able = AbilitySettings(sees=False, streams=True, grammar=False, logprobs=False)
    made = OpenAIBackend(settings, Secrets(), abilities=able, cache=tmp_path, pause=0.01)
    yield made
    await made.close()


def said(content: str, finish: Any = None, **delta: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}]})


THE_FOG = said("The fog")
CONTEXT = '{"code": 400, "message": "the request exceeds the available context size"}'
ERRORS = {
    "a field of its own": f"error: {CONTEXT}\n\n".encode(),
    "bare": b'{"error": ' + CONTEXT.encode() + b"}\n",
    "bare, on lines": b'{\n  "error": ' + CONTEXT.encode() + b"\n}\n",
    "in an event": b'data: {"error": ' + CONTEXT.encode() + b"}\n\n",
    "in a choice": event({"choices": [{"delta": {}, "error": {"code": 400, "message": "context size"}}]}),
    "object": event({"object": "error", "code": 400, "message": "maximum context length is 512"}),
}


@pytest.mark.parametrize("form", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize(
    "before", [(), (said("", role="assistant"),), (THE_FOG,)], ids=["first", "role", "words"]
)
async def test_an_error_of_any_shape_breaks_it_off(
    server: ScriptedServer, backend: OpenAIBackend, before: tuple[bytes, ...], form: bytes
) -> None:
    server.script(Answer(raw=(*before, form, DONE)))
    with pytest.raises(PromptError, match="context"):
        await collect(backend, ASK)


@pytest.mark.parametrize("word", ["null", "None", "", "stop"])
async def test_a_finish_that_comes_too_early_is_none(
    server: ScriptedServer, backend: OpenAIBackend, word: str
) -> None:
    server.script(Answer(raw=(said("The fog ", word), said("is thick."), said("", "stop"))))
    assert (await collect(backend, ASK)).text == "The fog is thick."
    server.script(Answer(raw=(said("The fog ", word), said("is"))))
    with pytest.raises(BackendDown, match="middle"):
        await collect(backend, ASK)


async def test_the_end_of_thinking_is_not_the_end(server: ScriptedServer, backend: OpenAIBackend) -> None:
    thinking = event(
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": "stop"}]}
    )
    server.script(Answer(raw=(thinking, said("Fog."), said("", "stop"), DONE)))
    assert (await collect(backend, ASK)).text == "Fog."


@pytest.mark.parametrize("word", ["length", "MAX_TOKENS", "model_length", "max_output_tokens"])
async def test_length_has_many_names(server: ScriptedServer, backend: OpenAIBackend, word: str) -> None:
    server.script(Answer(raw=(THE_FOG, said("", word), DONE)))
    assert (await collect(backend, ASK)).done.finish is Finish.LIMIT


@pytest.mark.parametrize("finish", [None, "stop"])
async def test_keep_alives_are_no_sign_of_life(server: ScriptedServer, tmp_path: Path, finish: Any) -> None:
    settings = OpenAISettings(
        endpoints=(Endpoint(base_url=server.url, model="fake"),), retries=0, seconds=0.5
    )
    backend = OpenAIBackend(settings, Secrets(), abilities=AbilitySettings(), cache=tmp_path)
    held = asyncio.Event()
    server.script(Answer(raw=(said("Fog.", finish),), hold=held))
    try:
        if finish:
            assert (await collect(backend, ASK)).text == "Fog."
        else:
            with pytest.raises(BackendDown, match="silent"):
                await collect(backend, ASK)
    finally:
        held.set()
        await backend.close()


LENIENT = {
    "no blank lines": THE_FOG.replace(b"\n\n", b"\n") + said(".", "stop").replace(b"\n\n", b"\n"),
    "empty data": b"data:\n\n" + THE_FOG + b"data: \n\n" + said(".", "stop"),
    "no DONE, no last line": THE_FOG + said(".", "stop").rstrip(),
    "carriage returns": THE_FOG.replace(b"\n", b"\r\n") + said(".", "stop").replace(b"\n", b"\r"),
    "the whole at the end": THE_FOG
    + said(".")
    + event({"choices": [{"index": 0, "message": {"content": "The fog."}, "finish_reason": "stop"}]}),
}


@pytest.mark.parametrize("wire", LENIENT.values(), ids=LENIENT)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_framing_is_read_leniently(
    server: ScriptedServer, backend: OpenAIBackend, wire: bytes, size: int
) -> None:
    server.script(Answer(raw=tuple(wire[at : at + size] for at in range(0, len(wire), size))))
    assert (await collect(backend, ASK)).text == "The fog."


async def test_one_error_in_a_list_is_read() -> None:
    async def come() -> AsyncIterator[bytes]:
        yield b'[{"error": {"message": "slow down"}}]'

    assert [p async for p in payloads(come(), "here")] == [{"error": {"message": "slow down"}}]


THOUGHT = event({"choices": [{"index": 0, "delta": {"reasoning_content": "hm "}, "finish_reason": "length"}]})


async def test_thinking_gets_room_of_its_own(server: ScriptedServer, backend: OpenAIBackend) -> None:
    server.script(Answer(raw=(THOUGHT, DONE)), Answer(words=("Fog.",)))
    reply = await collect(backend, ASK)
    assert reply.text == "Fog."
    first, second = (s.body["max_tokens"] for s in server.seen)
    assert second > first == 32
    assert reply.done.cost > 32e-6, "what was thought was paid for"
    await collect(backend, ASK)
    assert server.seen[-1].body["max_tokens"] == second, "it is remembered"


async def test_the_room_is_for_thinking_alone(server: ScriptedServer, backend: OpenAIBackend) -> None:
    server.script(Answer(raw=(THOUGHT, DONE)), Answer(raw=(*(said("word ") for _ in range(400)), DONE)))
    reply = await collect(backend, ASK)
    assert 20 < len(reply.text.split()) <= 40
    assert reply.done.finish is Finish.LIMIT


async def test_where_even_that_is_too_little_the_setting_is_named(
    server: ScriptedServer, backend: OpenAIBackend
) -> None:
    server.script(Answer(raw=(THOUGHT, DONE)), Answer(raw=(said("<think>and on", "length"), DONE)))
    with pytest.raises(BackendRefused) as caught:
        await collect(backend, ASK)
    assert "max_tokens in [agent.sampling]" in caught.value.mend
    assert len(server.seen) == 2


async def test_a_block_that_the_servers_template_opened_is_known_after_its_first_end(
    server: ScriptedServer, backend: OpenAIBackend
) -> None:
    """What came before that end was shown; mostly it is the first probe's, which nobody reads."""
    wire = (said("a secret"), said("</think>"), said("\n\nGood evening.", "stop"), DONE)
    server.script(Answer(raw=wire), Answer(raw=wire))
    await collect(backend, ASK)
    assert (await collect(backend, ASK)).text == "Good evening."


async def test_one_stray_mark_does_not_silence_a_model(
    server: ScriptedServer, backend: OpenAIBackend
) -> None:
    stray, plain = said("Fog.</think>", "stop"), said("Good evening.", "stop")
    server.script(*(Answer(raw=(one, DONE)) for one in (stray, plain, plain, stray, plain)))
    heard = [(await collect(backend, ASK)).text for _ in range(4)]
    assert heard == ["Fog.", "Good evening.", "Fog.", "Good evening."]
    assert len(server.seen) == 5, "asked again once, and never again taken for a thinker"


async def test_room_for_thinking_ends_with_the_context(server: ScriptedServer, tmp_path: Path) -> None:
    settings = OpenAISettings(
        endpoints=(Endpoint(base_url=server.url, model="fake"),), retries=0, context=600
    )
    backend = OpenAIBackend(settings, Secrets(), abilities=AbilitySettings(), cache=tmp_path)
    server.script(Answer(raw=(THOUGHT, DONE)), Answer(words=("Fog.",)))
    await collect(backend, ASK)
    assert 32 < server.seen[-1].body["max_tokens"] < 600
    await backend.close()


async def test_a_prompt_that_was_cut_in_silence_is_told_once(
    server: ScriptedServer, backend: OpenAIBackend, caplog: pytest.LogCaptureFixture
) -> None:
    long = Request((Message("user", ("fog and rain " * 2_000,)),), Sampling(max_tokens=32, seed=1))
    usage = event({"choices": [], "usage": {"prompt_tokens": 512, "completion_tokens": 2}})
    server.script(*[Answer(raw=(THE_FOG, said("", "stop"), usage, DONE))] * 2)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await collect(backend, long)
    assert [r.getMessage() for r in caplog.records if "read only 512 tokens" in r.getMessage()]
    assert len([r for r in caplog.records if "read only" in r.getMessage()]) == 1
