"""HTTP for the api: connections come from the gateways, handlers run in threads.

An idle or slow connection holds no thread: heads and small bodies are read, and
answers written, by the event loop. A large body is read, and a stream written,
by the thread that works on it, straight from and to the socket.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from clary.core import handoff
from clary.server.body import SocketBody
from clary.server.head import HEAD_BYTES_MAX, Head, Malformed, parse_head
from clary.server.waits import Pending, Waits
from clary.wire.message import Body, Request, Response

log = logging.getLogger(__name__)

IDLE_S = 75.0
"""How long a connection may stay open without a request."""
HEAD_S = 20.0
"""How long a client may take for a head, or for a body that the event loop reads."""
WRITE_S = 60.0
"""How long a client may take to accept a piece of an answer."""
DRAIN_S = 10.0
"""How long requests under way may go on after SIGTERM."""
BUFFERED_BYTES_MAX = 1024 * 1024
"""Largest body that the event loop reads by itself."""
HANDLERS_MAX = 32
STREAMS_MAX = 64
WAITING_MAX = 2_000
"""Requests under way or queued; one more is answered 503."""
READ_BYTES = 64 * 1024
BODILESS = frozenset((204, 304))


@dataclass(frozen=True, slots=True)
class Doors:
    """How connections come in from the gateways, and where invocations go back to."""

    handoffs: socket.socket
    invocations: Path


class Server:
    """Serves the connections that gateways hand over, until SIGTERM."""

    def __init__(self, handle: Callable[[Request], Response | Pending], doors: Doors, waits: Waits) -> None:
        self._handle = handle
        self._doors = doors
        self._waits = waits
        self._handlers = ThreadPoolExecutor(HANDLERS_MAX, "handler")
        self._streams = ThreadPoolExecutor(STREAMS_MAX, "stream")
        self._busy = 0
        self._quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Serve until SIGTERM; requests under way are finished."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        close = handoff.accept(self._doors.handoffs, self._adopt)
        end_waits = self._waits.open()
        await stop.wait()
        close()
        end_waits()
        if self._busy:
            self._quiet.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), DRAIN_S)
        for pool in (self._handlers, self._streams):
            pool.shutdown(wait=False, cancel_futures=True)

    def _adopt(self, sock: socket.socket, pending: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(sock, pending))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, sock: socket.socket, pending: bytes) -> None:
        buffer = bytearray(pending)
        try:
            while await self._exchange(sock, buffer):
                pass
        except (OSError, TimeoutError, EOFError):
            log.debug("connection ended", exc_info=True)
        finally:
            sock.close()

    async def _exchange(self, sock: socket.socket, buffer: bytearray) -> bool:
        """Answer one request; return whether the connection goes on."""
        try:
            head = await _read_head(sock, buffer)
        except Malformed as error:
            await _send(sock, _refusal(error.status, str(error)), close=True)
            return False
        if head is None:
            return False
        if head.is_invocation:
            return await self._give_back(sock, head, buffer)
        if self._busy >= WAITING_MAX:
            await _send(sock, _refusal(503, "Too many requests are under way. Reduce your request rate."), close=True)
            return False
        self._busy += 1
        try:
            return await self._answer(sock, head, buffer)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _answer(self, sock: socket.socket, head: Head, buffer: bytearray) -> bool:
        loop = asyncio.get_running_loop()
        body: Body
        if head.length is not None and head.length <= BUFFERED_BYTES_MAX:
            body = await _read_body(sock, head, buffer)
            response = await loop.run_in_executor(self._handlers, self._handle, head.request(body))
        else:
            body = SocketBody(sock, head, buffer)
            response = await loop.run_in_executor(self._streams, self._handle, head.request(body))
            sock.settimeout(0)  # the thread may have left a time-out behind
        if isinstance(response, Pending):
            response = await self._waits.settle(
                response, lambda ask: loop.run_in_executor(self._handlers, ask), lambda: _is_gone(sock)
            )
        keep = head.keep_alive and (isinstance(body, bytes) or body.finished)
        if isinstance(response.body, bytes):
            await _send(sock, response, close=not keep, bodiless=head.method == "HEAD")
        else:
            await loop.run_in_executor(self._streams, _send_stream, sock, response, keep)
            sock.settimeout(0)
        return keep

    async def _give_back(self, sock: socket.socket, head: Head, buffer: bytearray) -> bool:
        """Hand a connection whose next request is an invocation to the gateways."""
        try:
            await handoff.hand_over(self._doors.invocations, sock, head.raw + bytes(buffer))
        except handoff.NotTaken:
            await _send(sock, _refusal(503, "No gateway takes invocations now."), close=True)
        return False


def _is_gone(sock: socket.socket) -> bool:
    """Tell whether the client has closed the connection; what it may have sent meanwhile stays to be read."""
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False


async def _read_head(sock: socket.socket, buffer: bytearray) -> Head | None:
    """Take the next request's head off the buffer; None when the client has gone."""
    loop = asyncio.get_running_loop()
    patience = IDLE_S
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if len(buffer) > HEAD_BYTES_MAX:
            raise Malformed("The request head is too large.", 431)
        async with asyncio.timeout(HEAD_S if buffer else patience):
            data = await loop.sock_recv(sock, READ_BYTES)
        if not data:
            return None
        buffer += data
    raw = bytes(buffer[: end + 4])
    del buffer[: end + 4]
    return parse_head(raw)


async def _read_body(sock: socket.socket, head: Head, buffer: bytearray) -> bytes:
    length = head.length or 0
    if head.expects_continue and len(buffer) < length:
        await asyncio.get_running_loop().sock_sendall(sock, b"HTTP/1.1 100 Continue\r\n\r\n")
    async with asyncio.timeout(HEAD_S):
        while len(buffer) < length:
            data = await asyncio.get_running_loop().sock_recv(sock, READ_BYTES)
            if not data:
                raise EOFError
            buffer += data
    body = bytes(buffer[:length])
    del buffer[:length]
    return body


async def _send(sock: socket.socket, response: Response, *, close: bool, bodiless: bool = False) -> None:
    assert isinstance(response.body, bytes)
    body = b"" if bodiless or response.status in BODILESS else response.body
    async with asyncio.timeout(WRITE_S):
        await asyncio.get_running_loop().sock_sendall(sock, _head(response, len(response.body), keep=not close) + body)


def _send_stream(sock: socket.socket, response: Response, keep: bool) -> None:  # noqa: FBT001 - called by an executor
    """Send an answer piece by piece; a producer that fails midway shows as a body cut short."""
    assert not isinstance(response.body, bytes)
    sock.settimeout(WRITE_S)
    pieces = iter(response.body)
    try:
        chunked = not any(name.lower() == "content-length" for name, _ in response.headers)
        sock.sendall(_head(response, None, keep=keep))
        for piece in pieces:
            if piece:
                sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            sock.sendall(b"0\r\n\r\n")
    except Exception:
        # The status is out already: cutting the connection is the one way left to say that the body is not whole.
        sock.shutdown(socket.SHUT_RDWR)
        raise
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _head(response: Response, length: int | None, *, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if not any(name.lower() == "content-length" for name, _ in response.headers) and response.status not in BODILESS:
        lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    lines.append("connection: keep-alive" if keep else "connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _refusal(status: int, text: str) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8")], text.encode())
