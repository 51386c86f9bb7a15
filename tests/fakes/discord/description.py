"""Holds every request and every answer against Discord's own description of its API."""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.discord.faults import Handler
from tests.fakes.discord.schema import Json, Schemas

BASE = "/api/v10"
HELD: Counter[str] = Counter()  # requests and answers of this process


@functools.cache
def _document() -> Json:
    loaded: Json = json.loads((Path(__file__).parent / "described" / "openapi.json").read_text())
    return loaded


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], Json]]:
    """Literal paths first: `@me` is nobody's id."""
    paths = sorted(_document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(_pattern(path), methods) for path, methods in paths]


@dataclass
class Description:
    """`breaches` in words, in the order of the traffic."""

    breaches: list[str] = field(default_factory=list)
    asked: Schemas = field(default_factory=lambda: Schemas(_document(), numbers=True))
    told: Schemas = field(default_factory=lambda: Schemas(_document()))

    def middleware(self) -> Any:
        @web.middleware
        async def hold(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.startswith(BASE):
                return await handler(request)
            if not request.content_type.startswith("multipart/"):
                await request.read()  # kept by aiohttp for whoever reads it next
            described = self._operation(request)
            answered: web.StreamResponse | None = None
            try:
                answered = await handler(request)
            finally:
                self._note(
                    "request", request, list(self._wrong_request(request, described, await _body(request)))
                )
            self._note("answer", request, list(self._wrong_answer(described, answered)))
            return answered

        return hold

    def _note(self, what: str, request: web.Request, wrong: list[str]) -> None:
        HELD[what] += 1
        HELD["breach"] += len(wrong)
        self.breaches += [f"{what} of {request.method} {request.path}: {words}" for words in wrong]

    def _operation(self, request: web.Request) -> Json | None:
        path = request.path.removeprefix(BASE)
        for pattern, methods in _paths():
            if pattern.fullmatch(path) and request.method.lower() in methods:
                return {"shared": methods.get("parameters", []), **methods[request.method.lower()]}
        return None

    def _wrong_request(self, request: web.Request, described: Json | None, body: Any) -> Iterator[str]:
        if described is None:
            yield "it is not described"
            return
        known = {
            p["name"]: p
            for p in (*described["shared"], *described.get("parameters", ()))
            if p["in"] == "query"
        }
        for name, value in request.query.items():
            if name not in known:
                yield f"?{name} is not described"
            elif all(list(self.asked.wrong(known[name]["schema"], v, f"?{name}")) for v in _read(value)):
                yield f"?{name}={value} breaks {known[name]['schema']}"
        wanted = described.get("requestBody")
        if wanted is None:
            return
        if body is None:
            if wanted.get("required"):
                yield "the body is missing"
            return
        yield from self.asked.wrong(wanted["content"]["application/json"]["schema"], body)

    def _wrong_answer(self, described: Json | None, answered: web.StreamResponse) -> Iterator[str]:
        if described is None or answered.status >= 500:  # of its own failures Discord describes nothing
            return
        status = str(answered.status)
        expected = described["responses"].get(status, described["responses"].get(f"{status[0]}XX"))
        if expected is None:
            yield f"status {status} is not described"
            return
        content = self.told.resolved(expected).get("content")
        raw = answered.body if isinstance(answered, web.Response) else None
        if content is None:
            if raw:
                yield f"status {status} has no body"
            return
        yield from self.told.wrong(content["application/json"]["schema"], json.loads(raw or b"null"))  # type: ignore[arg-type]


async def _body(request: web.Request) -> Any:
    """The JSON that came; of a form the part that is (`messages.body_of` leaves it there)."""
    if request.content_type.startswith("multipart/"):
        return request.get("body")
    raw = await request.read()
    return json.loads(raw) if raw else None


def _read(value: str) -> Iterator[Any]:
    """What a query's words may mean."""
    yield value
    if re.fullmatch(r"-?\d+", value):
        yield int(value)
    if value.lower() in ("true", "false", "1", "0"):
        yield value.lower() in ("true", "1")
