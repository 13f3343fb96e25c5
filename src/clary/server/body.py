"""A request body that a handler's thread reads straight from the socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from clary.core.errors import ServiceError

if TYPE_CHECKING:
    from clary.server.head import Head

READ_S = 30.0
"""How long a client may send nothing in the middle of a body."""
PIECE_BYTES = 1024 * 1024
CHUNK_LINE_BYTES_MAX = 4096


class SocketBody:
    """A body of known length, or a chunked one; what was read ahead comes first.

    Raises ServiceError RequestTimeout when the client stops sending, and
    IncompleteBody when it goes away.
    """

    def __init__(self, sock: socket.socket, head: Head, buffer: bytearray) -> None:
        self.length = head.length
        self._sock = sock
        self._buffer = buffer
        self._left = head.length
        self._chunk_left = 0
        self._expects_continue = head.expects_continue
        self.finished = head.length == 0

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes (all there is to come if negative), b'' at the end."""
        if n < 0:
            return b"".join(iter(lambda: self.read(PIECE_BYTES), b""))
        if self.finished or n == 0:
            return b""
        self._begin()
        return self._read_plain(n) if self._left is not None else self._read_chunked(n)

    def _begin(self) -> None:
        if self._expects_continue and not self._buffer:
            self._sock.settimeout(READ_S)
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expects_continue = False

    def _read_plain(self, n: int) -> bytes:
        assert self._left is not None
        data = self._receive(min(n, self._left))
        self._left -= len(data)
        self.finished = self._left == 0
        return data

    def _read_chunked(self, n: int) -> bytes:
        if self._chunk_left == 0:
            self._chunk_left = self._next_chunk()
            if self._chunk_left == 0:
                while self._line():  # trailers of the transfer encoding
                    pass
                self.finished = True
                return b""
        data = self._receive(min(n, self._chunk_left))
        self._chunk_left -= len(data)
        if self._chunk_left == 0 and self._line():
            raise ServiceError("The chunked body is malformed.", code="IncompleteBody", status=400)
        return data

    def _next_chunk(self) -> int:
        size = self._line().partition(b";")[0].strip()
        try:
            return int(size, 16)
        except ValueError:
            raise ServiceError("The chunked body is malformed.", code="IncompleteBody", status=400) from None

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > CHUNK_LINE_BYTES_MAX:
                raise ServiceError("The chunked body is malformed.", code="IncompleteBody", status=400)
            self._buffer += self._from_socket(CHUNK_LINE_BYTES_MAX)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _receive(self, n: int) -> bytes:
        if self._buffer:
            data = bytes(self._buffer[:n])
            del self._buffer[:n]
            return data
        return self._from_socket(n)

    def _from_socket(self, n: int) -> bytes:
        self._sock.settimeout(READ_S)
        try:
            data = self._sock.recv(n)
        except TimeoutError:
            text = "Your socket connection to the server was not read from or written to within the timeout period."
            raise ServiceError(text, code="RequestTimeout", status=400) from None
        if not data:
            text = "You did not provide the number of bytes specified by the Content-Length HTTP header."
            raise ServiceError(text, code="IncompleteBody", status=400)
        return data
