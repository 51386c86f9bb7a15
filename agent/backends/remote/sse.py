"""What comes over the wire: server-sent events (WHATWG HTML, 9.2) or one JSON object, under limits.

The openai package's own decoder has no size limit and hides whether `[DONE]` came, so bytes are read here.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

from agent.errors import BackendDown, BackendRefused

MAX_EVENT = 1 << 20  # bytes of one event, or of a whole reply that is not streamed
MAX_TOTAL = 32 << 20  # bytes of one reply, framing included
DONE = "[DONE]"
T = TypeVar("T")


class Silent(BackendDown):
    """Nothing came for too long. The same server is not asked again at once."""


async def quiet_limit(
    events: AsyncIterator[T], patience: Callable[[], float], where: str
) -> AsyncGenerator[T, None]:
    """The events as they come. Raises Silent after `patience()` seconds without one: comments that only keep the
    connection open are none."""
    while True:
        seconds = patience()
        try:
            async with asyncio.timeout(seconds):
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Silent(
                f"the server was silent for {seconds:g} s",
                where=where,
                mend="see whether the server is overloaded, or raise agent.openai.seconds",
            ) from None
        yield event


async def payloads(chunks: AsyncIterator[bytes], where: str) -> AsyncGenerator[dict[str, Any] | str, None]:
    """Each event's JSON object, and DONE where the server says so; a plain JSON body counts as one event.

    The form is told from the first bytes: servers mislabel their content type, bytes do not lie.
    Raises BackendRefused for a page that is neither, BackendDown for broken or oversized JSON.
    """
    buffer, plain, decided, events, total = bytearray(), False, False, Events(), 0
    async for chunk in chunks:
        total += len(chunk)
        if total > MAX_TOTAL:
            raise BackendDown(f"the server sent more than {MAX_TOTAL >> 20} MB for one reply", where=where)
        buffer += chunk
        if not decided and (head := bytes(buffer[:512]).lstrip(b"\xef\xbb\xbf \t\r\n")):
            plain, decided = _is_json(head, where), True
        bounded(len(buffer) + events.size, where)
        while not plain and (line := _line(buffer)) is not None:
            for found in parsed(events.take(line), where):
                yield found
    if plain:
        for found in _body(buffer.decode("utf-8", "replace"), where):
            yield found
        return
    last = [events.take(bytes(buffer).rstrip(b"\r")), events.take(b"")]
    for event in last:  # servers that close without the last blank line
        for found in parsed(event, where):
            yield found


def _body(text: str, where: str) -> list[dict[str, Any] | str]:
    """One JSON object, or one with events behind it: an error, and then the end of the stream that it broke off."""
    try:
        return [_object(text, where)]
    except BackendDown:
        events = Events()
        taken = [events.take(line.encode()) for line in (*text.splitlines(), "")]
        return [found for event in taken for found in parsed(event, where)]


def bounded(size: int, where: str) -> None:
    if size > MAX_EVENT:
        raise BackendDown(f"the server sent an event of more than {MAX_EVENT >> 10} KB", where=where)


def parsed(event: str, where: str) -> list[dict[str, Any] | str]:
    """What one event holds: mostly one object; several where a server leaves out the blank lines between them."""
    if not event.strip():
        return []
    try:
        return [_object(event, where)]
    except BackendDown:
        lines = [line for line in event.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
    return [_object(line, where) for line in lines]


def _object(event: str, where: str) -> dict[str, Any] | str:
    if event.strip() == DONE:
        return DONE
    try:
        found = json.loads(event)
    except (ValueError, RecursionError):
        raise BackendDown("the server sent broken JSON", where=where) from None
    if isinstance(found, list) and len(found) == 1:  # Gemini wraps its errors so
        found = found[0]
    if not isinstance(found, dict):
        raise BackendDown("the server sent JSON that is no object", where=where)
    return found


def _line(buffer: bytearray) -> bytes | None:
    """Takes one line off the buffer. A CR at its very end waits: its LF may be in the next chunk."""
    ends = [at for at in (buffer.find(b"\n"), buffer.find(b"\r")) if at >= 0]
    if not ends:
        return None
    at = min(ends)
    if buffer[at] == 13 and at + 1 == len(buffer):
        return None
    width = 2 if buffer[at : at + 2] == b"\r\n" else 1
    line = bytes(buffer[:at])
    del buffer[: at + width]
    return line


class Events:
    """Lines in, events out. Beside `data` it takes what servers write in the middle of a stream when they fail: a
    field `error`, or bare JSON, on one line or several."""

    def __init__(self) -> None:
        self._data: list[str] = []
        self._bare = False
        self.size = 0

    def take(self, line: bytes) -> str:
        """The event that a blank line ends, or that is complete without one; else an empty string."""
        if not line:
            return self._whole()
        text = line.decode("utf-8", "replace")
        name, _, value = text.partition(":")
        if self._bare or text.lstrip()[:1] in ("{", "["):
            self._bare = True
            self._keep(text)
            if not isinstance(_if_json("\n".join(self._data)), str):
                return self._whole()
        elif name == "data":
            self._keep(value.removeprefix(" "))
        elif name == "error":
            self._keep(json.dumps({"error": _if_json(value.strip())}))
        return ""  # comments, event names and ids say nothing here

    def _whole(self) -> str:
        event = "\n".join(self._data)
        self._data, self._bare, self.size = [], False, 0
        return event

    def _keep(self, text: str) -> None:
        self._data.append(text)
        self.size += len(text)


def _if_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_json(head: bytes, where: str) -> bool:
    if head[:1] in b"{[":
        return True
    names = (b"data", b"event", b"id", b"retry", b"error", b":")
    if any(head.startswith(n) or n.startswith(head) for n in names):
        return False
    raise BackendRefused(
        "this address answers with something that is no chat completion",
        where=where,
        mend="check base_url: for most servers it ends in /v1",
    )
