"""A scripted OpenAI-compatible server on loopback.

    async with ScriptedServer() as server:
        server.script(Answer(status=500), Answer(cut=3))   # the next two requests; after them, the default
        ... Endpoint(base_url=server.url, model="fake") ...
        assert server.seen[0].pictures

Unscripted it is a decent server: deterministic words by prompt and seed, max_tokens, stop, usage. What it
offers beyond (sight, schemas, logprobs, counting) is set by attributes. It keeps every request, and whether
its client left before the end.
"""

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from tests.fakes.digits import read_digits

VOCABULARY = ("fog", "lamp", "street", "violin", "carriage", "clue", "tobacco", "window",
    "letter", "stranger", "river", "clock", "coat", "rain", "door")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One scripted answer. Fields combine; the default is a plain stream of `words` (None: made up)."""

    words: tuple[str, ...] | None = None
    status: int = 200
    body: dict[str, Any] | None = None  # of an error
    headers: dict[str, str] = field(default_factory=dict)
    first: float = 0.0  # seconds before the first byte
    pause: float = 0.0  # seconds between words
    stall: int | None = None  # goes silent after so many words
    cut: int | None = None  # drops the connection after so many words
    end: int | None = None  # ends the response cleanly after so many words, as if that were all
    whole: bool = False  # answers with one JSON object
    finish: str | None = "stop"  # None: never says a finish_reason
    done: bool = True  # sends [DONE]
    raw: tuple[bytes, ...] | None = None  # these bytes and nothing else
    hold: asyncio.Event | None = None  # after `raw`, a comment each moment until it is set
    content_type: str = "text/event-stream"
    before: tuple[dict[str, Any], ...] = ()  # chunks sent before the words
    usage: bool = True


@dataclass
class Seen:
    """A request as it arrived; `left` is set when its client went away before the end."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pictures(self) -> list[bytes]:
        """The bytes of each data URL."""
        parts = [
            p for m in self.body.get("messages", ()) if isinstance(m["content"], list) for p in m["content"]
        ]
        urls = [p["image_url"]["url"] for p in parts if p["type"] == "image_url"]
        return [base64.b64decode(u.partition(",")[2]) for u in urls]

    @property
    def words(self) -> str:
        """All text of the prompt."""
        contents = [m["content"] for m in self.body.get("messages", ())]
        return " ".join(c if isinstance(c, str) else " ".join(p.get("text", "") for p in c) for c in contents)


class ScriptedServer:
    """`sight`: `blind` drops pictures silently, `reads` reads digits in them, `refuses` answers 400.
    `rejects`: parameters answered with a 400 that names them. `context` in words, longer prompts are refused.
    """

    def __init__(self) -> None:
        self.sight: Literal["blind", "reads", "refuses"] = "blind"
        self.grammar = self.logprobs = self.counts = False
        self.streams = self.usage = True
        self.rejects: set[str] = set()
        self.context = 8_192
        self.models: list[dict[str, Any]] = [{"id": "fake", "object": "model", "max_model_len": 8_192}]
        self.key = ""  # where set, other keys are refused
        self.pause = 0.0
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self.url = ""
        self._answers: deque[Answer] = deque()
        self._runner: web.AppRunner | None = None

    def script(self, *answers: Answer) -> None:
        """Answers for the next requests, in order."""
        self._answers.extend(answers)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/tokenize", self._tokenize)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self.models})

    async def _tokenize(self, request: web.Request) -> web.Response:
        if not self.counts:
            return web.json_response({"error": "not found"}, status=404)
        return web.json_response({"count": prompt_tokens((await request.json())["messages"])})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.path, await request.json(), dict(request.headers))
        self.seen.append(seen)
        self.arrived.set()
        answer = self._answers.popleft() if self._answers else Answer(usage=self.usage, pause=self.pause)
        try:
            return await self._answer(request, seen, answer)
        except (asyncio.CancelledError, ConnectionError):
            seen.left.set()
            raise

    async def _answer(self, request: web.Request, seen: Seen, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(answer.first)
        if refusal := self._refusal(request, seen, answer):
            return refusal
        words, finish = self._reply(seen, answer)
        if answer.whole or not self.streams or not seen.body.get("stream"):
            return web.json_response(self._completion(seen, words, finish, answer))
        response = web.StreamResponse(headers={"Content-Type": answer.content_type, **answer.headers})
        await response.prepare(request)
        async for data in self._events(seen, words, finish, answer):
            if data is None:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(data)
        await response.write_eof()
        return response

    def _refusal(self, request: web.Request, seen: Seen, answer: Answer) -> web.Response | None:
        def no(status: int, message: str, code: str | None = None) -> web.Response:
            return web.json_response({"error": {"message": message, "code": code}}, status=status)

        if answer.status != 200:
            body = answer.body or {"error": {"message": f"scripted {answer.status}"}}
            return web.json_response(body, status=answer.status, headers=answer.headers)
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return no(
                401, f"Incorrect API key provided: {request.headers.get('Authorization')}", "invalid_api_key"
            )
        if bad := self.rejects & set(seen.body):
            return no(400, f"Unrecognized request arguments supplied: {', '.join(sorted(bad))}")
        if self.sight == "refuses" and seen.pictures:
            return no(400, "image input is not supported by this model")
        if prompt_tokens(seen.body["messages"]) > self.context:
            return no(400, f"maximum context length is {self.context} tokens", "context_length_exceeded")
        return None

    def _reply(self, seen: Seen, answer: Answer) -> tuple[list[str], str | None]:
        """The words and how they end, as a server that keeps to max_tokens and stop would have it."""
        schema = seen.body.get("response_format", {}).get("json_schema", {}).get("schema")
        if answer.words is not None:
            words = list(answer.words)
        elif self.grammar and schema:
            words = [json.dumps(_meeting(schema))]
        elif self.sight == "reads" and seen.pictures:
            words = [" ".join(read_digits(p) for p in seen.pictures)]
        else:
            words = _babble(seen)
        limit = seen.body.get("max_tokens") or seen.body.get("max_completion_tokens") or 256
        finish = "length" if len(words) > limit and answer.finish else answer.finish
        words = words[:limit]
        text = "".join(words)
        found = [text.index(s) for s in seen.body.get("stop") or () if s in text]
        return ([text[: min(found)]], "stop") if found and answer.words is None else (words, finish)

    async def _events(
        self, seen: Seen, words: list[str], finish: str | None, answer: Answer
    ) -> AsyncIterator[bytes | None]:
        """The stream's bytes; None drops the connection."""
        if answer.raw is not None:
            for data in answer.raw:
                yield data
            while answer.hold and not answer.hold.is_set():
                yield b": ping\n\n"
                await asyncio.sleep(0.05)
            return
        for chunk in answer.before:
            yield event(chunk)
        for at, word in enumerate(words):
            if at == answer.cut:
                yield None
            if at == answer.end:
                return
            if at == answer.stall:
                await asyncio.sleep(3600)
            yield event(self._chunk(seen, {"content": word}))
            await asyncio.sleep(answer.pause)
        if finish:
            yield event(self._chunk(seen, {}, finish))
        if answer.usage and seen.body.get("stream_options", {}).get("include_usage"):
            yield event({**self._frame(seen), "choices": [], "usage": _usage(seen, words)})
        if answer.done:
            yield b"data: [DONE]\n\n"

    def _frame(self, seen: Seen) -> dict[str, Any]:
        return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": seen.body["model"]}

    def _chunk(self, seen: Seen, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        if self.logprobs and seen.body.get("logprobs") and delta:
            choice["logprobs"] = {"content": [{"token": delta["content"], "logprob": -0.1}]}
        return {**self._frame(seen), "choices": [choice]}

    def _completion(self, seen: Seen, words: list[str], finish: str | None, answer: Answer) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(words)}
        usage = {"usage": _usage(seen, words)} if answer.usage else {}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**self._frame(seen), "object": "chat.completion", "choices": [choice], **usage}


def event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """This server's tokenizer: words, and four for each message."""
    texts = [
        m["content"] if isinstance(m["content"], str) else json.dumps(m["content"])[:200] for m in messages
    ]
    return sum(len(t.split()) + 4 for t in texts)


def _usage(seen: Seen, words: list[str]) -> dict[str, Any]:
    prompt = prompt_tokens(seen.body["messages"])
    return {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}


def _babble(seen: Seen) -> list[str]:
    """Words that depend on the prompt and, unless greedy, on the seed."""
    seed = seen.body.get("seed") if seen.body.get("temperature") else 0
    chance = random.Random(f"{seen.words} {seed}") if seed is not None else random.Random()
    return [chance.choice(VOCABULARY) + " " for _ in range(chance.randrange(60, 90))]


def _meeting(schema: dict[str, Any]) -> Any:
    """The least value that meets a schema of objects, enums, strings and integers."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {k: _meeting(v) for k, v in schema.get("properties", {}).items()}
    return {"integer": 1, "string": "word", "boolean": True}.get(schema.get("type", ""))
