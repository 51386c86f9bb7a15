"""Faults to order: statuses, rate limits, sockets dropped before or after the work is done, delays."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

Kind = Literal["status", "status-after", "drop-before", "drop-after", "delay", "limit", "global-limit"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """Strikes the next `times` requests whose method and path match. `status-after` and `drop-after` do the
    work first, so that only the answer is lost."""

    method: str
    path: re.Pattern[str]
    kind: Kind
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    code: int = 0
    struck: int = 0


class Faults:
    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.requests: list[tuple[str, str]] = []

    def add(self, fault: Fault) -> Fault:
        self.waiting.append(fault)
        return fault

    def _next(self, method: str, path: str) -> Fault | None:
        for fault in self.waiting:
            if fault.struck < fault.times and fault.method in (method, "*") and fault.path.search(path):
                fault.struck += 1
                return fault
        return None

    def middleware(self) -> Any:
        @web.middleware
        async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.requests.append((request.method, request.path))
            fault = self._next(request.method, request.path)
            return await (handler(request) if fault is None else _suffer(fault, request, handler))

        return strike


async def _suffer(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return await handler(request)
    if fault.kind == "status":
        return refusal(fault.status, fault.code, "ordered by the test")
    if fault.kind == "status-after":
        await handler(request)
        return refusal(fault.status, 0, "ordered by the test, after the work was done")
    if fault.kind in ("limit", "global-limit"):
        return _limited(fault)
    if fault.kind == "drop-after":
        await handler(request)
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("dropped as ordered")


def _limited(fault: Fault) -> web.Response:
    everywhere = fault.kind == "global-limit"
    headers = {"Via": "1.1 loopback", "Retry-After": str(fault.seconds)}
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    else:
        headers |= {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": str(fault.seconds),
            "X-RateLimit-Bucket": "loopback",
        }
    words = {
        "code": 0,
        "message": "You are being rate limited.",
        "retry_after": fault.seconds,
        "global": everywhere,
    }
    return answer(words, status=429, headers=headers)


def answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON whose Content-Type has no charset: discord.py compares it exactly."""
    raw = json.dumps(data).encode()
    return web.Response(
        body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})}
    )


def refusal(status: int, code: int, message: str) -> web.Response:
    return answer({"code": code, "message": message}, status=status)


class Refused(Exception):
    """A handler's way to say no."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


_PLENTY = {
    "X-RateLimit-Limit": "50",
    "X-RateLimit-Remaining": "49",
    "X-RateLimit-Reset-After": "1.000",
    "X-RateLimit-Bucket": "plenty",
}


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers for those who say no, and tells with every answer how much may be asked: more than anybody does."""
    try:
        told = await handler(request)
    except Refused as no:
        told = refusal(no.status, no.code, no.message)
    if request.path.startswith("/api/"):
        for name, value in _PLENTY.items():
            told.headers.setdefault(name, value)
    return told
