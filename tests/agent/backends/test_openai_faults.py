"""Servers that are slow, broken, cut, rude or full: what the openai backend makes of each."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agent.backends.base import Finish, Piece, Request, Sampling
from agent.backends.openai import OpenAIBackend
from agent.backends.remote.sse import MAX_EVENT
from agent.errors import BackendDown, BackendRefused, ConfigError, PromptError, SpendCapReached, VignetteError
from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets
from tests.agent.backends.contract import HELLO, collect, stream
from tests.fakes.openai_server import Answer, ScriptedServer, event

FOREVER = 3600.0
ASK = Request(HELLO, Sampling(max_tokens=32, temperature=0.0, seed=1))
FIVE = ("The ", "fog ", "is ", "thick ", "tonight.")
TEXT = "".join(FIVE)
Make = Callable[..., OpenAIBackend]


def text(content: Any, **more: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": content}, **more}]})


STOP = text("", finish_reason="stop") + b"data: [DONE]\n\n"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as one:
        yield one


@pytest.fixture
async def second() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as one:
        yield one


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[OpenAIBackend] = []

    def build(
        *servers: ScriptedServer | str, key: str = "", prices: tuple[float, float] = (0, 0), **settings: Any
    ) -> OpenAIBackend:
        urls = [s if isinstance(s, str) else s.url for s in servers]
        endpoints = tuple(
            Endpoint(
                base_url=u,
                model="fake",
                key_env="THE_KEY" if key else "",
                usd_per_million_in=prices[0],
                usd_per_million_out=prices[1],
            )
            for u in urls
        )
        secrets = Secrets(values={"THE_KEY": SecretStr(key)} if key else {})
        full = OpenAISettings(endpoints=endpoints, **{"seconds": 60.0, **settings})
        made.append(OpenAIBackend(full, secrets, abilities=AbilitySettings(), cache=tmp_path, pause=0.01))
        return made[-1]

    yield build
    for backend in made:
        await backend.close()


async def test_words_usage_and_sampling_travel(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE))
    sampling = Sampling(max_tokens=9, temperature=0.3, top_k=7, seed=5, stop=("A", "B", "C", "D", "E", ""))
    reply = await collect(make(server), Request(HELLO, sampling))
    assert (reply.text, reply.pieces, reply.done.reply_tokens) == (TEXT, FIVE, 5)
    assert reply.done.model == f"fake@127.0.0.1:{server.url.split(':')[2].split('/')[0]}"
    body = server.seen[0].body
    assert body["messages"][0] == {
        "role": "system",
        "content": "You are Sherlock Holmes. Answer in character.",
    }
    assert (body["max_tokens"], body["temperature"], body["top_k"], body["seed"]) == (9, 0.3, 7, 5)
    assert body["stop"] == ["A", "B", "C", "D"]  # OpenAI takes four, the fifth is watched for here
    assert body["stream_options"] == {"include_usage": True}


async def test_a_fifth_stop_string_still_stops(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE))
    reply = await collect(make(server), Request(HELLO, Sampling(stop=("1", "2", "3", "4", "ick to"))))
    assert (reply.text, reply.done.finish) == ("The fog is th", Finish.STOP)


async def test_slow_words_are_not_silence(server: ScriptedServer, make: Make) -> None:
    """No gap comes near the limit, all of them together exceed it."""
    seconds, many = 5.0, FIVE * 25
    server.script(Answer(words=many, pause=0.05))
    began = time.monotonic()
    request = Request(HELLO, Sampling(max_tokens=len(many)))
    assert (await collect(make(server, seconds=seconds), request)).text == TEXT * 25
    assert time.monotonic() - began > seconds


@pytest.mark.parametrize("answer", [Answer(first=FOREVER), Answer(stall=0)])
async def test_silence_before_the_first_word_goes_to_the_next(
    answer: Answer, server: ScriptedServer, second: ScriptedServer, make: Make
) -> None:
    server.script(answer)
    second.script(Answer(words=FIVE))
    async with asyncio.timeout(60):
        assert (await collect(make(server, second, seconds=2.0), ASK)).text == TEXT
    assert len(server.seen) == 1  # it has cost the whole silence already


@pytest.mark.parametrize(
    "answer",
    [
        Answer(words=FIVE, stall=2),
        Answer(words=FIVE, cut=2),
        Answer(words=FIVE, end=2),
        Answer(words=FIVE, finish=None, done=False),
        Answer(raw=(text("The fog"), b"data: {broken\n\n")),
        Answer(raw=(text("The fog"), b"data: [1, 2]\n\n")),
        Answer(raw=(text("The fog"), text(7))),
        Answer(raw=(text("The fog"), event({"choices": [3]}))),
        Answer(raw=(text("The fog"), event({"error": {"message": "out of memory", "code": 500}}))),
        Answer(raw=(text("The fog"), text("", finish_reason="error"))),
        Answer(raw=(text("The fog"), b"data: " + b"x" * (MAX_EVENT + 9))),
    ],
)
async def test_a_begun_reply_that_breaks_is_never_whole_nor_spliced(
    answer: Answer, server: ScriptedServer, second: ScriptedServer, make: Make
) -> None:
    server.script(answer)
    told = ""

    async def listen() -> None:
        nonlocal told
        seconds = 60.0 if answer.stall is None else 2.0  # who is not to be silent has time
        async for item in make(server, second, seconds=seconds).generate(ASK):
            assert isinstance(item, Piece)
            told += item.text

    with pytest.raises(BackendDown) as caught:
        await listen()
    assert told in ("The fog ", "The fog", TEXT)
    assert caught.value.where == server.url
    assert not second.seen
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=503, headers={"Retry-After": "0"}),
        Answer(status=429, headers={"Retry-After": "nonsense"}),
        Answer(words=FIVE, cut=0),
        Answer(words=FIVE, end=0),
        Answer(words=(), finish=None),
        Answer(raw=(event({"choices": []}), b"data: [DONE]\n\n")),
        Answer(whole=True, words=(), raw=None, finish=None),
        Answer(raw=(b"data: {broken\n\n",)),
        Answer(raw=(b"data: " + b"x" * (MAX_EVENT + 9),)),
        Answer(raw=(event({"error": {"message": "overloaded", "code": 503}}),)),
        Answer(words=("<think>", "hm", "..."), cut=2),
    ],
)
async def test_before_the_first_word_it_is_asked_again(
    answer: Answer, server: ScriptedServer, make: Make
) -> None:
    server.script(answer, answer, Answer(words=FIVE))
    assert (await collect(make(server, retries=2), ASK)).text == TEXT
    assert len(server.seen) == 3


async def test_retries_end_and_the_next_server_answers(
    server: ScriptedServer, second: ScriptedServer, make: Make
) -> None:
    server.script(*[Answer(status=500)] * 9)
    second.script(Answer(words=FIVE))
    assert (await collect(make(server, second, retries=1), ASK)).text == TEXT
    assert (len(server.seen), len(second.seen)) == (2, 1)


async def test_an_address_where_nobody_listens(second: ScriptedServer, make: Make) -> None:
    second.script(Answer(words=FIVE))
    assert (await collect(make("http://127.0.0.1:9/v1", second, retries=1), ASK)).text == TEXT
    with pytest.raises(BackendDown, match="connection failed") as caught:
        await collect(make("http://127.0.0.1:9/v1", retries=0), ASK)
    assert caught.value.mend


async def test_retry_after_is_waited_for(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(status=429, headers={"Retry-After": "0.3"}), Answer(words=FIVE))
    began = time.monotonic()
    async with asyncio.timeout(60):
        await collect(make(server), ASK)
    assert time.monotonic() - began >= 0.3
    assert len(server.seen) == 2


async def test_too_long_a_retry_after_is_left_to_the_next(
    server: ScriptedServer, second: ScriptedServer, make: Make
) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.script(Answer(status=429, headers={"Retry-After": then}))
    second.script(Answer(words=FIVE))
    async with asyncio.timeout(60):
        assert (await collect(make(server, second), ASK)).text == TEXT
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "message", "kind", "hint"),
    [
        (401, "bad key", BackendRefused, "THE_KEY"),
        (403, "not yours", BackendRefused, "THE_KEY"),
        (404, "no such model", BackendRefused, "base_url"),
        (400, "something odd", BackendRefused, "base_url"),
        (302, "moved", BackendRefused, "final address"),
        (402, "pay", BackendRefused, "billing"),
        (429, "You exceeded your current quota", BackendRefused, "billing"),
        (400, "This model's maximum context length is 4096 tokens", PromptError, "context"),
        (500, "the request exceeds the available context size", PromptError, "context"),
        (500, "image input is not supported - hint: mmproj", BackendRefused, "sees = false"),
    ],
)
async def test_refusals_are_not_repeated_and_say_what_to_mend(
    status: int, message: str, kind: type[VignetteError], hint: str, server: ScriptedServer, make: Make
) -> None:
    server.script(Answer(status=status, body={"error": {"message": message}}))
    with pytest.raises(kind) as caught:
        await collect(make(server, key="sk-secret"), ASK)
    assert hint in caught.value.mend
    assert server.url in caught.value.where
    assert message in caught.value.what or status == 302
    assert len(server.seen) == 1


async def test_a_refusal_by_one_server_is_not_the_end(
    server: ScriptedServer, second: ScriptedServer, make: Make
) -> None:
    server.script(Answer(status=401))
    second.script(Answer(words=FIVE))
    assert (await collect(make(server, second), ASK)).text == TEXT


async def test_the_key_travels_and_is_never_told(
    server: ScriptedServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.key = "another"
    with pytest.raises(BackendRefused) as caught:
        await collect(make(server, key="sk-very-secret"), ASK)
    assert server.seen[0].headers["Authorization"] == "Bearer sk-very-secret"
    assert "sk-very-secret" not in str(caught.value)
    assert "sk-very-secret" not in caplog.text


async def test_a_web_page_is_no_server(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(raw=(b"<!doctype html><p>Hello",), content_type="text/html"))
    with pytest.raises(BackendRefused, match="no chat completion") as caught:
        await collect(make(server), ASK)
    assert "/v1" in caught.value.mend


async def test_a_wrong_content_type_does_not_matter(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, content_type="text/plain"))
    assert (await collect(make(server), ASK)).text == TEXT


async def test_untidy_events_are_understood(server: ScriptedServer, make: Make) -> None:
    untidy = (
        b"\xef\xbb\xbf: keep-alive\r\n\r\nevent: message\r\nid: 4\r\nda",
        b'ta:{"choices":[{"delta":{"content":"caf\xc3',
        b'\xa9 "}}]}\r\n\r',
        b'\ngarbage without a colon\n\ndata: {"choices":\ndata: [{"delta":{"content":"\\ud83d"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\ude00 \\udfff \xff"},"finish_reason":"stop"}]}',
    )
    server.script(Answer(raw=untidy))
    assert (await collect(make(server), ASK)).text == "café 😀 � �"


async def test_thinking_is_kept_out(server: ScriptedServer, make: Make) -> None:
    thinking = event({"choices": [{"delta": {"reasoning_content": "secret", "content": None}}]})
    parts = ("<thi", "nk>secret</th", "ink>\n\nThe ", "<", "fog", ".<think>again")
    server.script(Answer(raw=(thinking, *(text(p) for p in parts), STOP)))
    assert (await collect(make(server), ASK)).text == "The <fog."


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
async def test_a_limit_is_named(reason: str, server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, finish=reason))
    assert (await collect(make(server), ASK)).done.finish is Finish.LIMIT


async def test_a_server_that_ignores_the_limit_is_stopped(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(raw=(*[text("x" * 1000)] * 500, STOP)))
    reply = await collect(make(server), ASK)
    assert reply.done.finish is Finish.LIMIT
    assert len(reply.text) < 10_000


async def test_done_alone_ends_a_reply_and_usage_is_estimated(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, finish=None, usage=False))
    reply = await collect(make(server), ASK)
    assert reply.text == TEXT
    assert reply.done.finish is Finish.STOP
    assert 5 <= reply.done.reply_tokens <= 12


async def test_a_filter_is_no_ending(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, finish="content_filter"))
    with pytest.raises(BackendRefused, match="filter"):
        await collect(make(server), ASK)


async def test_parameters_a_server_does_not_know_are_left_out(server: ScriptedServer, make: Make) -> None:
    server.rejects = {"top_k", "min_p", "seed", "max_tokens", "stream_options"}
    backend = make(server)
    assert (await collect(backend, ASK)).done.seed is None
    before = len(server.seen)
    await collect(backend, ASK)
    assert len(server.seen) == before + 1  # learned
    assert server.seen[-1].body["max_completion_tokens"] == 32


async def test_a_refused_picture_teaches_nothing_about_parameters(server: ScriptedServer, make: Make) -> None:
    server.sight = "refuses"
    backend = make(server)
    assert not (await backend.abilities()).sees
    await collect(backend, ASK)
    assert server.seen[-1].body["top_k"] == 40


async def test_closing_in_the_middle_is_no_ending(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, stall=2))
    backend = make(server)
    running = stream(backend, ASK)
    await anext(running)
    await backend.close()

    async def rest() -> None:
        async for item in running:
            assert isinstance(item, Piece)

    with pytest.raises(BackendDown):
        await rest()


@pytest.mark.parametrize("how", ["aclose", "cancel"])
async def test_leaving_closes_the_connection(how: str, server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE, stall=1))  # never ends by itself
    running = stream(make(server), ASK)
    assert await anext(running) == Piece("The ")
    if how == "aclose":
        await running.aclose()
    else:
        task = asyncio.ensure_future(anext(running))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.wait_for(server.seen[0].left.wait(), 60)


async def test_leaving_before_the_first_byte_closes_it_too(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(first=FOREVER))
    task = asyncio.create_task(collect(make(server, seconds=FOREVER), ASK))
    await asyncio.wait_for(server.arrived.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.seen[0].left.wait(), 60)


async def test_prices_become_costs(server: ScriptedServer, make: Make) -> None:
    server.script(Answer(words=FIVE))
    done = (await collect(make(server, prices=(1.0, 10.0)), ASK)).done
    assert done.cost == pytest.approx((done.prompt_tokens * 1 + 5 * 10) / 1e6)


async def test_the_cap_holds_for_parallel_requests_and_restarts(
    server: ScriptedServer, make: Make, tmp_path: Path
) -> None:
    server.pause = 0.001
    price = {"prices": (0.0, 1_000_000.0), "spend_cap_usd": 100.0}  # a dollar a token, 32 at most a reply
    backend = make(server, **price)
    replies = await asyncio.gather(*(collect(backend, ASK) for _ in range(8)), return_exceptions=True)
    capped = [r for r in replies if isinstance(r, SpendCapReached)]
    assert len(capped) == 5
    assert "00:00 UTC" in capped[0].mend
    with pytest.raises(SpendCapReached):
        await collect(make(server, **price), ASK)
    assert len(server.seen) == 3


async def test_a_reply_left_early_is_paid_in_part(server: ScriptedServer, make: Make, tmp_path: Path) -> None:
    server.script(Answer(words=FIVE * 100, pause=0.02))
    backend = make(server, prices=(0.0, 1_000_000.0), spend_cap_usd=100.0)
    running = stream(backend, ASK)
    await anext(running)
    await running.aclose()
    assert '"usd": 1.0' in (tmp_path / "spend.json").read_text()


def test_no_endpoint_or_a_bad_one_is_named(make: Make) -> None:
    with pytest.raises(ConfigError, match="no server"):
        make()
    with pytest.raises(ConfigError, match="no endpoint"):
        make("localhost:8080")
    with pytest.raises(ConfigError, match="characters"):
        make("http://localhost/v1", key="sk-\u201cquoted\u201d")


async def test_check_names_the_server_that_is_not_there_and_the_key_that_is_refused(
    server: ScriptedServer, make: Make
) -> None:
    await make(server).check()
    await make(f"{server.url}/elsewhere").check()  # no list of models: a server all the same
    with pytest.raises(BackendDown, match="connection failed"):
        await make("http://127.0.0.1:9/v1").check()
    with pytest.raises(BackendDown, match=r"127\.0\.0\.1:9/v1: the connection failed"):
        await make(server, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2").check()
