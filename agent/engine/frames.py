"""How the two processes talk: a length of four bytes (big-endian), then that much JSON, over a socket pair.

To the worker:   {"do": "load" | "count" | "generate" | "cancel" | "ping", "id": n, ...}
From the worker: {"id": n, ...} with one of: "progress" (still alive), "began", "text" (a piece), "result"
(the last frame), "error" (the last frame: kind, what, where, mend).
"""

import asyncio
import json
import socket
import struct
from typing import Any

Frame = dict[str, Any]
LARGEST = 64 * 1024 * 1024  # bytes; pictures travel as paths, so a real frame is far smaller
_HEAD = struct.Struct(">I")


def pack(frame: Frame) -> bytes:
    body = json.dumps(frame, ensure_ascii=True, separators=(",", ":")).encode()
    return _HEAD.pack(len(body)) + body


def _unpack(body: bytes) -> Frame:
    frame = json.loads(body)
    if not isinstance(frame, dict):
        raise ValueError("a frame is a JSON object")
    return frame


def _length(head: bytes) -> int:
    (length,) = _HEAD.unpack(head)
    if length > LARGEST:
        raise ValueError(f"a frame of {length} bytes is too large")
    return int(length)


def receive(sock: socket.socket) -> Frame | None:
    """The next frame (blocking), None when the other side is gone."""
    head = _exactly(sock, _HEAD.size)
    if head is None:
        return None
    body = _exactly(sock, _length(head))
    return None if body is None else _unpack(body)


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        try:
            more = sock.recv(count - len(parts))
        except OSError:
            return None
        if not more:
            return None
        parts += more
    return bytes(parts)


async def read(stream: asyncio.StreamReader) -> Frame | None:
    """The next frame, None when the other side is gone (also in the middle of a frame)."""
    try:
        head = await stream.readexactly(_HEAD.size)
        return _unpack(await stream.readexactly(_length(head)))
    except (asyncio.IncompleteReadError, OSError):
        return None
