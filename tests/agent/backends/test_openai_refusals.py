"""What a refusal is about is read from its words, in any status and wrapper; only that is changed, and asked again."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.backends.base import Message, Request, Sampling
from agent.backends.openai import OpenAIBackend
from agent.backends.remote.dialect import EXTRAS, OPTIONAL
from agent.backends.remote.failures import Again, failure
from agent.backends.remote.refusal import Refusal, read
from agent.backends.remote.words import told, wait
from agent.errors import BackendRefused, NotTaken, PromptError
from agent.picture import Picture
from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets
from tests.agent.backends.contract import collect
from tests.fakes.openai_server import Answer, ScriptedServer, event

ASK = Request(
    (Message("system", ("You are Ada.",)), Message("user", ("Hello.",))), Sampling(max_tokens=64, seed=1)
)
BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "x"}],
    "max_tokens": 220,
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.1,
    "stop": ["\n"],
    "stream": True,
}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as one:
        yield one


@pytest.fixture
async def backend(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[OpenAIBackend]:
    settings = OpenAISettings(endpoints=(Endpoint(base_url=server.url, model="fake"),), retries=0)
    able = AbilitySettings(sees=True, streams=True, grammar=False, logprobs=False)
    made = OpenAIBackend(settings, Secrets(), abilities=able, cache=tmp_path, pause=0.01)
    yield made
    await made.close()


def dropped(*names: str) -> Refusal:
    return Refusal(frozenset(names))


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ("Unrecognized request argument supplied: top_k", dropped("top_k")),
        ("property 'top_k' is unsupported, did you mean 'top_p'?", dropped("top_k")),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", dropped("max_tokens")),
        ("Extra inputs are not permitted: unknown fields", dropped("top_k", "min_p")),
        ("`temperature` and `top_p` cannot both be specified for this model", dropped("top_p")),
        ("'temperature' must be 1 for this model", dropped("temperature")),
        ("max_tokens is too large: 220. This model supports at most 128 tokens", Refusal(most_tokens=128)),
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported", Refusal()),
        ("the moon is in the wrong house", Refusal()),
        ("the request must stop", Refusal()),
    ],
)
def test_only_what_was_refused_is_changed(words: str, about: Refusal) -> None:
    body = BODY | ({"response_format": {}} if "response_format" in words else {})
    assert read(words, body, OPTIONAL, EXTRAS) == about


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ("At most 2 image(s) may be provided in one request.", Refusal(pictures=2)),
        ("Too many images in request", Refusal(pictures=1)),
        ("This model supports only one image per prompt", Refusal(pictures=1)),
        ("image too large: exceeds 5 MB", Refusal(smaller=True)),
        ("Unsupported image format: only image/jpeg", Refusal(jpeg=True)),
        ("something else about an image", Refusal()),
    ],
)
def test_what_is_wrong_with_the_pictures(words: str, about: Refusal) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}] * 3
    body = {**BODY, "messages": [{"role": "user", "content": parts}]}
    assert read(words, body, OPTIONAL, EXTRAS) == about


WRAPPERS: list[tuple[str, Any]] = [
    ("openai", {"error": {"message": "the reason", "type": "t"}}),
    ("vllm", {"object": "error", "message": "the reason", "code": 400}),
    ("a string", {"error": "the reason"}),
    ("fastapi", {"detail": [{"loc": ["body", "top_k"], "msg": "the reason"}]}),
    ("gemini", [{"error": {"code": 429, "message": "the reason"}}]),
    ("openrouter", {"error": {"message": "no", "metadata": {"raw": '{"error": {"message": "the reason"}}'}}}),
    ("minimax", {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "the reason"}}),
    ("nested deep", {"error": json.dumps({"error": json.dumps({"message": "the reason"})})}),
]


@pytest.mark.parametrize("body", [b for _, b in WRAPPERS], ids=[n for n, _ in WRAPPERS])
def test_the_reason_is_read_from_any_wrapper(body: Any) -> None:
    assert "the reason" in told(body)


def test_words_are_bounded_and_on_one_line() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = {"error": deep, "message": "x\ny" * 500}
    assert len(told(deep)) <= 300
    assert "\n" not in told(deep)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "2"}, {}, 2),
        ({"retry-after": "2s"}, {}, 2),
        ({"retry-after": "1m"}, {}, 60),
        ({"retry-after-ms": "soon", "retry-after": "2"}, {}, 2),
        ({"retry-after-ms": "1500"}, {}, 1.5),
        ({}, [{"error": {"details": [{"retryDelay": "3s"}]}}], 3),
        ({}, {"error": {"message": "Please try again in 1.5s."}}, 1.5),
        ({}, {"error": {"metadata": {"raw": '{"retry_after": 4}'}}}, 4),
        ({"retry-after": "whenever"}, {"error": "slow down"}, 0),
        ({"retry-after": "nan"}, {"error": "-5"}, 0),
    ],
)
def test_waits_come_in_many_forms(headers: dict[str, str], body: Any, seconds: float) -> None:
    assert wait(headers, body) == seconds


def test_only_an_account_without_money_is_used_up() -> None:
    def of(status: int, message: str) -> Exception:
        return failure(status, {"error": {"message": message}}, where="w", key_env="K")

    minute = of(429, "You exceeded your current quota. Please retry in 1.1s.")
    assert isinstance(minute, Again)
    assert minute.seconds == 1.1
    for status, words in ((429, "insufficient_quota"), (402, "pay"), (200, "no balance"), (429, "billing")):
        refused = of(status, words)
        assert isinstance(refused, BackendRefused), words
        assert not isinstance(refused, NotTaken)
        assert "used up" in str(refused)
    assert "base_url" in getattr(of(500, "Unexpected endpoint or method. (POST /x)"), "mend", "")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "System role not supported"),
        (500, "Jinja Exception: Only user and assistant roles are supported!"),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        (400, "Developer instruction is not enabled for this model"),
    ],
)
async def test_without_a_system_role_its_words_go_to_the_person(
    server: ScriptedServer, backend: OpenAIBackend, status: int, message: str
) -> None:
    server.script(Answer(status=status, body={"error": {"message": message}}), Answer(words=("Fog.",)))
    assert (await collect(backend, ASK)).text == "Fog."
    assert server.seen[-1].body["messages"] == [{"role": "user", "content": "You are Ada.\n\nHello."}]
    await collect(backend, ASK)
    assert len(server.seen) == 3, "it is remembered"


async def test_a_refusal_within_a_200_teaches_too(server: ScriptedServer, backend: OpenAIBackend) -> None:
    no = event({"error": {"code": 400, "message": "Unrecognized request argument supplied: top_k"}})
    server.script(Answer(raw=(no,)), Answer(words=("Fog.",)))
    assert (await collect(backend, ASK)).text == "Fog."
    assert "top_k" not in server.seen[-1].body
    assert "top_p" in server.seen[-1].body


def picture(folder: Path, colour: str) -> Picture:
    path = folder / f"{colour}.png"
    Image.new("RGB", (900, 600), colour).save(path)
    return Picture(colour * 10, path, "image/png", 900, 600, "0" * 16)


async def test_a_server_for_one_picture_gets_the_last(
    server: ScriptedServer, backend: OpenAIBackend, tmp_path: Path
) -> None:
    red, blue = picture(tmp_path, "red"), picture(tmp_path, "blue")
    ask = Request((Message("user", (red, "And this?", blue)),), Sampling(max_tokens=64, seed=1))
    no = {"object": "error", "message": "At most 1 image(s) may be provided in one request.", "code": 400}
    server.script(Answer(status=400, body=no), Answer(words=("Fog.",)))
    await collect(backend, ask)
    assert server.seen[-1].pictures == [blue.read()]
    assert "An earlier picture" in server.seen[-1].words


async def test_pictures_become_smaller_once(
    server: ScriptedServer, backend: OpenAIBackend, tmp_path: Path
) -> None:
    ask = Request((Message("user", (picture(tmp_path, "red"),)),), Sampling(max_tokens=64, seed=1))
    no = Answer(status=413, body={"error": {"message": "image exceeds the maximum size of 1 MB"}})
    server.script(no, no)
    with pytest.raises(BackendRefused, match="exceeds the maximum size"):
        await collect(backend, ask)
    assert len(server.seen) == 2
    assert server.seen[1].pictures != server.seen[0].pictures


async def test_a_context_that_is_too_short_is_known_behind_a_proxy(
    server: ScriptedServer, backend: OpenAIBackend
) -> None:
    raw = json.dumps({"error": {"message": "the request exceeds the available context size"}})
    body = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}}
    server.script(Answer(status=400, body=body))
    with pytest.raises(PromptError):
        await collect(backend, ASK)


async def test_too_long_a_prompt_teaches_nothing_of_max_tokens(
    server: ScriptedServer, backend: OpenAIBackend
) -> None:
    words = "This model's maximum context length is 512 tokens; you asked for 64 in max_tokens and 900 in messages"
    server.script(Answer(status=400, body={"error": {"message": words}}))
    with pytest.raises(PromptError):
        await collect(backend, ASK)
    await collect(backend, ASK)
    assert [s.body.get("max_tokens") for s in server.seen] == [64, 64]
