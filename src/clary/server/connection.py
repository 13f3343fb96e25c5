"""A client's connection: how far its next request has come, and what is sent back on it.

Nothing here waits but `send_all` and `send_stream`: what has not come yet is asked for again once the socket is
readable.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from clary.core.origins import is_secure
from clary.server.body import SocketBody
from clary.server.head import HEAD_BYTES_MAX, Head, Malformed, parse_head
from clary.wire.message import Response

IDLE_S = 75.0
"""How long a connection may stay open without a request."""
REQUEST_S = 20.0
"""How long a client may take for a head, and for a body that is read before it is worked on."""
WRITE_S = 60.0
"""How long a client may take to accept a piece of an answer."""
BUFFERED_BYTES_MAX = 1024 * 1024
"""Largest body that is read whole before a thread works on it."""
READ_BYTES = 64 * 1024
TOGETHER_BYTES = 64 * 1024
"""Pieces of an answer that is there whole are sent together up to about this size."""
BODILESS = frozenset((204, 304))
REASONS: Mapping[int, str] = MappingProxyType({each.value: each.phrase for each in HTTPStatus})


class Connection:
    """One socket, which is either watched or in the hands of one thread."""

    __slots__ = ("_begun", "_buffer", "_head", "deadline", "secure", "sock")

    def __init__(self, sock: socket.socket, pending: bytes) -> None:
        self.sock = sock
        self.secure = is_secure(sock)
        self._buffer = bytearray(pending)
        self._head: Head | None = None
        self._begun: float | None = None
        self.deadline = 0.0

    @property
    def has_more(self) -> bool:
        """Say whether a part of the next request was read already."""
        return bool(self._buffer)

    def rest(self) -> bytes:
        """Return what was read beyond the last request."""
        return bytes(self._buffer)

    def request(self) -> tuple[Head, bytes | SocketBody] | None:
        """Return the next request; None if more of it must come. Raises Malformed, and EOFError at the end.

        Of an invocation only the head is taken: it is for others to answer.
        """
        if self._begun is None:
            self._begun = time.monotonic()
        head = self._head = self._head or self._read_head()
        if head is None:
            return None
        body: bytes | SocketBody
        if head.is_invocation:
            body = b""
        elif head.length is None or head.length > BUFFERED_BYTES_MAX:
            body = SocketBody(self.sock, head, self._buffer)
        elif self._fill(head.length):
            body = bytes(self._buffer[: head.length])
            del self._buffer[: head.length]
        else:
            return None
        self._head, self._begun = None, None
        return head, body

    def patience(self) -> float:
        """Return until when more of a request, or a next one, may come."""
        under_way = self._begun is not None and (self._buffer or self._head)
        if not under_way:
            self._begun = None
        return REQUEST_S + self._begun if self._begun is not None else IDLE_S + time.monotonic()

    def send(self, data: bytes) -> bytes:
        """Send what the client takes at once, and return the rest."""
        try:
            return data[self.sock.send(data) :]
        except BlockingIOError:
            return data

    def send_all(self, data: bytes) -> None:
        """Send everything, however slowly the client takes it."""
        if data:
            self.sock.settimeout(WRITE_S)
            self.sock.sendall(data)
            self.sock.settimeout(0)

    def send_stream(self, response: Response, *, keep: bool, chunks: bool) -> None:
        """Send an answer piece by piece; a producer that fails midway shows as a body cut short.

        Where no length is known the body is sent in chunks, or, to a client that does not know them, up to the end of
        the connection, which must not go on then.
        """
        assert not isinstance(response.body, bytes)
        self.sock.settimeout(WRITE_S)
        pieces = iter(response.body)
        endless = not says_length(response)
        chunked = endless and chunks
        ready = bytearray(answer_head(response, "transfer-encoding: chunked" if chunked else "", keep=keep))
        if endless:  # its pieces come when something happens, so each goes at once, and the head before them
            self.sock.sendall(ready)
            ready.clear()
        try:
            for piece in filter(None, pieces):
                ready += b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
                if endless or len(ready) >= TOGETHER_BYTES:
                    self.sock.sendall(ready)
                    ready.clear()
            if chunked:
                ready += b"0\r\n\r\n"
        finally:
            self.sock.sendall(ready)
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        self.sock.settimeout(0)

    def is_gone(self) -> bool:
        """Tell whether the client has closed; what it may have sent meanwhile stays to be read."""
        try:
            return not self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False

    def _read_head(self) -> Head | None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise Malformed("The request head is too large.", 431)
            if not self._receive():
                return None
        raw = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        head = parse_head(raw)
        if head.expects_continue and head.length is not None and len(self._buffer) < head.length <= BUFFERED_BYTES_MAX:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def _fill(self, length: int) -> bool:
        while len(self._buffer) < length:
            if not self._receive():
                return False
        return True

    def _receive(self) -> bool:
        """Read what is there; return False when nothing is, and raise EOFError when nothing will be."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            raise EOFError
        self._buffer += data
        return True


def answer(response: Response, *, keep: bool, bodiless: bool = False) -> bytes:
    """Return a whole answer as it is sent."""
    assert isinstance(response.body, bytes)
    body = b"" if bodiless or response.status in BODILESS else response.body
    length = "" if says_length(response) else f"content-length: {len(response.body)}"
    return answer_head(response, length, keep=keep) + body


def answer_head(response: Response, framing: str, *, keep: bool) -> bytes:
    """Return the head of an answer; `framing` is the field, if any, that says where its body ends."""
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if framing and response.status not in BODILESS:
        lines.append(framing)
    lines.append("connection: keep-alive" if keep else "connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def says_length(response: Response) -> bool:
    """Say whether an answer's own fields tell how long its body is."""
    return any(name.lower() == "content-length" for name, _ in response.headers)
