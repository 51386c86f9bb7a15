"""What comes over the wire: server-sent events (WHATWG HTML, 9.2) or one JSON object, under limits.

The openai package's own decoder has no size limit and hides whether `[DONE]` came, so bytes are read here.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from agent.errors import BackendDown, BackendRefused

MAX_EVENT = 1 << 20  # bytes of one event, or of a whole reply that is not streamed
MAX_TOTAL = 32 << 20  # bytes of one reply, framing included
DONE = "[DONE]"


class Silent(BackendDown):
    """Nothing came for too long. The same server is not asked again at once."""


async def quiet_limit(
    chunks: AsyncIterator[bytes], patience: Callable[[], float], where: str
) -> AsyncGenerator[bytes, None]:
    """The chunks as they come. Raises Silent after `patience()` seconds without one, BackendDown after too
    many bytes."""
    total = 0
    while True:
        seconds = patience()
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Silent(
                f"the server was silent for {seconds:g} s",
                where=where,
                mend="see whether the server is overloaded, or raise agent.openai.seconds",
            ) from None
        total += len(chunk)
        if total > MAX_TOTAL:
            raise BackendDown(f"the server sent more than {MAX_TOTAL >> 20} MB for one reply", where=where)
        yield chunk


async def payloads(chunks: AsyncIterator[bytes], where: str) -> AsyncGenerator[dict[str, Any] | str, None]:
    """Each event's JSON object, and DONE where the server says so; a plain JSON body counts as one event.

    The form is told from the first bytes: servers mislabel their content type, bytes do not lie.
    Raises BackendRefused for a page that is neither, BackendDown for broken or oversized JSON.
    """
    buffer, plain, decided, data = bytearray(), False, False, list[str]()
    async for chunk in chunks:
        buffer += chunk
        if not decided and (head := bytes(buffer[:512]).lstrip(b"\xef\xbb\xbf \t\r\n")):
            plain, decided = _is_json(head, where), True
        bounded(len(buffer) + sum(map(len, data)), where)
        while not plain and (line := _line(buffer)) is not None:
            if (event := _take(line, data)) is not None:
                yield parsed(event, where)
    if plain:
        yield parsed(buffer.decode("utf-8", "replace"), where)
        return
    last = [_take(bytes(buffer).rstrip(b"\r"), data), _take(b"", data)]
    for event in last:  # servers that close without the last blank line
        if event is not None:
            yield parsed(event, where)


def bounded(size: int, where: str) -> None:
    if size > MAX_EVENT:
        raise BackendDown(f"the server sent an event of more than {MAX_EVENT >> 10} KB", where=where)


def parsed(event: str, where: str) -> dict[str, Any] | str:
    if event.strip() == DONE:
        return DONE
    try:
        found = json.loads(event)
    except (ValueError, RecursionError):
        raise BackendDown("the server sent broken JSON", where=where) from None
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


def _take(line: bytes, data: list[str]) -> str | None:
    """Reads one line into `data`; at a blank line gives the event that it ends."""
    if not line:
        event = "\n".join(data) if data else None
        data.clear()
        return event
    name, _, value = line.decode("utf-8", "replace").partition(":")
    if name == "data":
        data.append(value.removeprefix(" "))
    return None  # comments (keep-alives), event names and ids say nothing here


def _is_json(head: bytes, where: str) -> bool:
    if head[:1] in b"{[":
        return True
    names = (b"data", b"event", b"id", b"retry", b":")
    if any(head.startswith(n) or n.startswith(head) for n in names):
        return False
    raise BackendRefused(
        "this address answers with something that is no chat completion",
        where=where,
        mend="check base_url: for most servers it ends in /v1",
    )
