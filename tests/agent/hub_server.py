"""A hub on loopback: describes files, serves ranges, cuts transfers, lies about checksums."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent import models

COMMIT = "c0ffee" + "0" * 34
GGUF = b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + (1).to_bytes(8, "little")
MODEL, MMPROJ = GGUF + b"m" * 23_000_000, GGUF + b"p" * 1_000
ONE = replace(models.OFFERS[0], name="tiny", repo="some/tiny-GGUF", file="tiny.gguf", mmproj="mmproj.gguf")


@dataclass
class Hub:
    """`files` by path (`owner/name/file`). `cut_at`: bytes after which a transfer breaks off, and every later
    request fails with 503. `lie`: announces the checksum of something else."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_at: int = 0
    lie: bool = False
    down: bool = False
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path)
            data = hub.files.get(f"{found[1]}/{found[2]}") if found else None
            if hub.down or data is None:
                self.send_response(503 if hub.down else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            begin = 0
            if body and (wanted := self.headers.get("Range")):
                hub.ranges.append(wanted)
                begin = int(wanted.removeprefix("bytes=").split("-")[0])
            self._describe(data, begin)
            if body:
                self._send(data[begin:])

        def _describe(self, data: bytes, begin: int) -> None:
            told = hashlib.sha256(b"something else" if hub.lie else data).hexdigest()
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{told}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("ETag", f'"{told}"')
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()

        def _send(self, data: bytes) -> None:
            if hub.cut_at and len(data) > hub.cut_at:
                self.wfile.write(data[: hub.cut_at])
                hub.down, self.close_connection = True, True
                return
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
