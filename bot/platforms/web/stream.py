"""The event stream of a conversation (server-sent events, WHATWG HTML section 9.2)."""

import asyncio
import contextlib
import json

from aiohttp import web

from bot.platforms.web.desk import Desk
from bot.platforms.web.hub import Shown, Watcher
from bot.platforms.web.wire import CONVERSATION, checked

WRITE_SECONDS = 30.0  # a browser that takes nothing for so long is gone


class Stream:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/conversations/{id}/events", self.events, allow_head=False)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Events after `Last-Event-ID` (a reconnecting browser) or `?after=` (a fresh page). An event named
        `resync` says that some are lost and ends the stream: load the conversation and come again."""
        place = checked(CONVERSATION, request.match_info["id"])
        after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        watcher = self._desk.hub.watch(place, after[:64])
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        try:
            await response.prepare(request)
            # A dropped connection, or one that does not take what it asked for, is no event of ours.
            with contextlib.suppress(ConnectionError, TimeoutError):
                await _write(response, b"retry: 1000\n\n")
                await self._pump(response, watcher)
        finally:
            self._desk.hub.leave(watcher)
        return response

    async def _pump(self, response: web.StreamResponse, watcher: Watcher) -> None:
        while True:
            try:
                async with asyncio.timeout(self._desk.heartbeat):
                    event = await watcher.queue.get()
            except TimeoutError:
                await _write(response, b": still here\n\n")
                continue
            if event is None:
                break
            await _write(response, encode(event))
        if watcher.lost:
            await _write(response, b"event: resync\ndata: {}\n\n")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def encode(event: Shown) -> bytes:
    """One event as text. JSON in ASCII has no line breaks, so that no words can forge an event."""
    return f"id: {event.id}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n".encode()
