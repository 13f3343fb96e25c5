"""An S3 that keeps nothing: what boto3 sends is read and dropped, what it fetches is zeros; so boto3 alone is measured.

It says just what a transfer in parts must hear, checks nothing, and runs in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

PIECE_BYTES = 1024 * 1024
ZEROS = bytes(PIECE_BYTES)
TOLD = b"<Result><UploadId>u</UploadId><ETag>e</ETag></Result>"
"""Of an upload that begins or ends."""
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@contextmanager
def drain(object_bytes: int) -> Iterator[int]:
    """Give the port of such a server, whose every object has that size."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(object_bytes, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _serve(object_bytes: int, told: Connection) -> None:
    class Handler(_Handler):
        size = object_bytes

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.send(server.server_port)
        server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    size = 0

    def do_PUT(self) -> None:
        self._read()
        self._head(200, 0)

    def do_POST(self) -> None:
        self._read()
        self._head(200, len(TOLD))
        self.wfile.write(TOLD)

    def do_HEAD(self) -> None:
        self._head(200, self.size)

    def do_GET(self) -> None:
        asked = RANGE.fullmatch(self.headers.get("range", "bytes=0-"))
        assert asked is not None
        first, last = int(asked[1]), int(asked[2] or self.size - 1)
        left = last + 1 - first
        self._head(206, left, ("content-range", f"bytes {first}-{last}/{self.size}"))
        while left:
            left -= self.wfile.write(ZEROS[:left])

    def _read(self) -> None:
        left, piece = int(self.headers.get("content-length", 0)), memoryview(bytearray(PIECE_BYTES))
        while left:
            left -= self.rfile.readinto(piece[:left])

    def _head(self, status: int, length: int, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, text in (("etag", '"e"'), ("content-length", str(length)), *fields):
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
