"""One HTTP/1.1 connection: bytes in, requests to the desk in their order, replies out.

Promises: a body, a head and the number of requests waiting on one connection are bounded; a client that sends or
reads too slowly is cut off; replies leave in the order of the requests, whatever finishes first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Protocol, cast

import httptools

from clary_runtime.logs import LOG
from clary_runtime.serving.heads import read_usual
from clary_runtime.serving.messages import Reply, Request
from clary_runtime.serving.settings import Settings
from clary_runtime.serving.streams import Streams


class Desk(Protocol):
    """Whoever answers requests and knows the open connections."""

    @property
    def draining(self) -> bool:
        """Whether connections should close once their requests are answered."""

    @property
    def streams(self) -> Streams:
        """What sends replies in pieces."""

    def opened(self, connection: Connection) -> bool:
        """Count a new connection in; False when there are too many."""

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""

    def reply(self, request: Request) -> Reply | asyncio.Future[Reply]:
        """Return the reply now, or a future that will hold it and never raises."""


class Connection(asyncio.Protocol):
    """Parses, bounds and orders what one client sends."""

    def __init__(self, desk: Desk, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._settings = settings
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._pending: asyncio.Future[Reply] | asyncio.Task[bool] | None = None
        self._taken = asyncio.Event()
        self._taken.set()
        self._refusal: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held = False
        self._paused = False
        self._finish = False
        self._clear()

    @property
    def idle(self) -> bool:
        """Whether nothing is being received or answered."""
        return not self._receiving and self._pending is None and not self._waiting

    def close_when_idle(self) -> None:
        """Close now if idle; otherwise the last reply closes."""
        if self.idle:
            self._close()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, or close it when there are too many connections."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._desk.opened(self):
            self._send(Reply.text(503, "Too many connections"), close=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; a prediction under way ends unheard."""
        self._transport = None
        self._taken.set()
        self._waiting.clear()
        self._stop_timer()
        self._desk.closed(self)

    def data_received(self, data: bytes) -> None:
        """Take a usual request as it is; for any other feed the parser, then see to limits and time."""
        if self._finish:
            return
        if self.idle and len(data) <= self._settings.body_bytes_max and (request := read_usual(data)) is not None:
            self._waiting.append((request, True))
            self._next()
            return
        in_head = self._in_head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(Reply.text(400, "Upgrade is not supported"))
        except httptools.HttpParserError as error:
            self._refuse(self._refusal or Reply.text(400, f"Malformed HTTP request: {error}"))
        if in_head and self._in_head:
            self._count_head(len(data))
        self._after_data()

    def pause_writing(self) -> None:
        """Take nothing more from a client that reads too slowly, and wait only so long."""
        self._held = True
        self._taken.clear()
        self._pause()
        self._start_timer(self._settings.send_s_max, self._abort)

    def resume_writing(self) -> None:
        """Go on with a client that has caught up."""
        self._held = False
        self._taken.set()
        self._stop_timer()
        self._resume()
        self._next()

    # the parser's side

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._clear()
        self._receiving = True

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; a repeated one is joined as RFC 9110 (5.3) says."""
        self._count(len(name) + len(value))
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Refuse a body that says it is too large, and another protocol; encourage a body that waits for that."""
        self._headed = True
        if "upgrade" in self._headers:
            self._refusal = Reply.text(400, "Upgrade is not supported")
            raise ValueError("upgrade")
        length = self._headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._settings.body_bytes_max:
            self._too_large()
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._settings.body_bytes_max:
            self._too_large()
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue a whole request, and answer it if it is first."""
        self._receiving = self._headed = False
        method = self._parser.get_method().decode("latin-1")
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = Request(method, path, self._headers, b"".join(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._next()

    # ours

    def _clear(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._counted = self._body_bytes = 0
        self._headed = self._receiving = False

    def _count(self, size: int) -> None:
        self._counted += size
        if self._counted > self._settings.head_bytes_max or len(self._headers) >= self._settings.headers_max:
            self._refusal = Reply.text(431, "Request header fields too large")
            raise ValueError("head too large")

    def _too_large(self) -> None:
        self._refusal = Reply.text(413, f"Request body exceeds {self._settings.body_bytes_max} bytes")
        raise ValueError("body too large")

    def _after_data(self) -> None:
        """Bound the queue and the time a request may take to arrive."""
        if len(self._waiting) > self._settings.pipelined_max:
            self._pause()
        if self._held or self._finish:  # whose own time runs
            return
        if not self._receiving:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer(self._settings.receive_s_max, self._too_slow)

    @property
    def _in_head(self) -> bool:
        return self._receiving and not self._headed

    def _count_head(self, size: int) -> None:
        """Bound a single header line that never ends, of which the parser says nothing until it does."""
        self._head_bytes += size
        if self._head_bytes > self._settings.head_bytes_max:
            self._refuse(Reply.text(431, "Request header fields too large"))

    def _too_slow(self) -> None:
        self._refuse(Reply.text(408, "The request did not arrive in time"))

    def _refuse(self, reply: Reply) -> None:
        """Answer what cannot be parsed further, after the replies that are owed before it."""
        if self._finish:
            return
        self._finish = True
        self._receiving = False
        self._stop_timer()
        LOG.warning("Refused a connection's request: %d %s", reply.status, reply.body.decode("utf-8", "replace"))
        self._refusal = reply
        self._next()

    def _next(self) -> None:
        while self._pending is None and not self._held and self._transport is not None:
            if not self._waiting:
                self._nothing_waiting()
                return
            request, keep_alive = self._waiting.popleft()
            reply = self._desk.reply(request)
            if isinstance(reply, Reply):
                self._answer(reply, keep_alive=keep_alive)
                continue
            self._pending = reply
            reply.add_done_callback(partial(self._finished, keep_alive))

    def _finished(self, keep_alive: bool, done: asyncio.Future[Reply]) -> None:  # noqa: FBT001 - bound by `partial`
        self._pending = None
        if self._transport is None or done.cancelled():
            return
        self._answer(done.result(), keep_alive=keep_alive)
        self._next()

    def _answer(self, reply: Reply, *, keep_alive: bool) -> None:
        self._send(reply, close=not keep_alive or (self._desk.draining and not self._waiting))

    def _nothing_waiting(self) -> None:
        if self._refusal is not None and self._finish:
            self._send_last(self._refusal)
        elif not self._held:
            self._resume()

    def _send(self, reply: Reply, *, close: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if reply.pieces is not None:
            self._pending = self._loop.create_task(
                self._desk.streams.send(self._transport, reply, self._taken, close=close)
            )
            self._pending.add_done_callback(partial(self._streamed, close))
            return
        self._transport.write(reply.encoded(close=close))
        if close:
            self._end()

    def _streamed(self, close: bool, done: asyncio.Task[bool]) -> None:  # noqa: FBT001 - bound by `partial`
        self._pending = None
        whole = not done.cancelled() and done.result()
        if close or not whole or self._desk.draining:  # the end shows what was not whole
            self._end()
        else:
            self._next()

    def _end(self) -> None:
        self._finish = True
        self._waiting.clear()
        self._close()

    def _send_last(self, refusal: Reply) -> None:
        """Send a refusal, then read what the client still sends for a moment: closing at once would lose it."""
        self._refusal = None
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(refusal.encoded(close=True))
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._start_timer(self._settings.linger_s_max, self._close)

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _start_timer(self, seconds: float, act: object) -> None:
        self._stop_timer()
        assert callable(act)
        self._timer = self._loop.call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
