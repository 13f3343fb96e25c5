"""One stream of HTTP/2: a request that becomes one of HTTP/1.1 on a line of its own, and its answer that comes back.

Both directions wait for each other: what the server of the line has not taken is not acknowledged to the client,
and what the client has not taken holds the server up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

import httptools
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from clary.gateway import http2_heads
from clary.gateway.http2_heads import Fields
from clary.gateway.lines import Line

BODILESS = frozenset((204, 304))


class Link(Protocol):
    """The connection that a stream belongs to."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""

    @property
    def state(self) -> H2Connection:
        """Return what is known of the connection."""

    @property
    def full(self) -> bool:
        """Say whether the client takes nothing for now."""

    def flush(self) -> None:
        """Send what is ready."""

    def finished(self, number: int, line: Line, *, reusable: bool) -> None:
        """Hear that a stream is over."""


class Stream:
    """A request and its answer; implements lines.Carrier."""

    def __init__(self, link: Link, number: int, line: Line) -> None:
        self._link = link
        self._number = number
        self._line = line
        self._method = b""
        self._chunked = False
        self._asked = False  # the request is whole
        self._paused = False
        self._untaken: list[tuple[bytes, int]] = []  # of the request: bytes, and what they count for the client
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._begun = False  # the head of the answer is sent
        self._unsent: deque[memoryview] = deque()
        self._whole = False  # the answer has come whole
        self._keep_alive = False
        self._held = False
        self._over = False

    # What the client sends.

    def ask(self, fields: Fields, *, ended: bool) -> None:
        """Begin the request, or raise Malformed."""
        self._method = http2_heads.method_of(fields)
        self._chunked = not ended and not http2_heads.says_length(fields)
        self._asked = ended
        self._line.received(http2_heads.request_head(fields, chunked=self._chunked))

    def received(self, data: bytes, counted: int, *, last: bool) -> None:
        """Take a piece of the request's body."""
        self._asked = last
        self._untaken.append((data, counted))
        if not self._paused:
            self._take()

    def ended(self) -> None:
        """Hear that the request is whole."""
        self._asked = True
        if not self._paused:
            self._take()
        self._settle()

    def cancelled(self) -> None:
        """Hear that the client wants no answer any more."""
        self._finish(reusable=False)

    def refuse(self, status: int, body: bytes) -> None:
        """Answer what is no request that could be passed on."""
        head = b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.send(head % (status, len(body)) + body)

    # What the line does; see lines.Carrier.

    @property
    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet."""
        return sum(map(len, self._unsent))

    def send(self, data: bytes) -> None:
        """Take a piece of the answer as HTTP/1.1 has it."""
        if self._over or self._whole:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reset(ErrorCodes.INTERNAL_ERROR)
            return
        self.push()

    def send_end(self) -> None:
        """Hear that the line sends no more: its answer is whole, or never will be."""
        if not self._whole:
            self._reset(ErrorCodes.INTERNAL_ERROR)

    def pause(self) -> None:
        """Keep back what the client sends."""
        self._paused = True

    def resume(self) -> None:
        """Go on with what was kept back."""
        if self._paused:
            self._paused = False
            self._link.loop.call_soon(self._take)

    def let_go(self, *, whole: bool) -> None:
        """Hear that the line is closed."""
        if not self._whole or not whole:
            self._reset(ErrorCodes.INTERNAL_ERROR if self._begun else ErrorCodes.REFUSED_STREAM)

    def push(self) -> None:
        """Send what the client takes of the answer."""
        if self._over:
            return
        while self._unsent and not self._link.full:
            room = min(
                self._link.state.local_flow_control_window(self._number), self._link.state.max_outbound_frame_size
            )
            if room <= 0:
                break
            self._send_some(room)
        self._link.flush()
        self._hold_or_go_on()
        self._settle()

    def _send_some(self, room: int) -> None:
        piece = self._unsent.popleft()
        if len(piece) > room:
            self._unsent.appendleft(piece[room:])
        last = self._whole and not self._unsent
        self._link.state.send_data(self._number, bytes(piece[:room]), end_stream=last)
        if last:
            self._finish_sending()
        elif self._unsent:
            self._link.flush()

    def _hold_or_go_on(self) -> None:
        if self._unsent and not self._held:
            self._held = True
            self._line.hold()
        elif self._held and not self._unsent:
            self._held = False
            self._line.go_on()

    def _take(self) -> None:
        """Pass on what was kept back, and let the client send as much more."""
        while self._untaken and not self._paused and not self._over:
            data, counted = self._untaken.pop(0)
            self._link.state.acknowledge_received_data(counted, self._number)
            if data:
                self._line.received(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        if self._chunked and self._asked and not self._untaken and not self._over:
            self._chunked = False
            self._line.received(b"0\r\n\r\n")
        self._link.flush()

    # What the parser of the answer calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field (called by the parser)."""
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Send the head of the answer (called by the parser)."""
        status = self._parser.get_status_code()
        fields, self._fields = http2_heads.answer_fields(status, self._fields), []
        bodiless = status >= 200 and (self._method == b"HEAD" or status in BODILESS)
        self._link.state.send_headers(self._number, fields, end_stream=bodiless)
        self._begun = status >= 200
        if bodiless:
            self._whole, self._keep_alive = True, self._parser.should_keep_alive()
            self._finish_sending()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body until the client takes it (called by the parser)."""
        if not self._over:
            self._unsent.append(memoryview(body))

    def on_message_complete(self) -> None:
        """Note that the answer is whole, unless it only announces another (called by the parser)."""
        if self._begun and not self._whole:
            self._whole, self._keep_alive = True, self._parser.should_keep_alive()
            if not self._unsent:
                self._link.state.end_stream(self._number)
                self._finish_sending()

    def _finish_sending(self) -> None:
        """Tell a client that is still sending that it may stop (RFC 9113, section 8.1)."""
        if not self._asked:
            self._link.state.reset_stream(self._number, ErrorCodes.NO_ERROR)

    def _settle(self) -> None:
        """End the stream once both sides have all."""
        if self._whole and not self._unsent and not self._over:
            self._finish(reusable=self._keep_alive and self._asked and not self._untaken)

    def _reset(self, code: ErrorCodes) -> None:
        if not self._over:
            self._link.state.reset_stream(self._number, code)
            self._finish(reusable=False)
            self._link.flush()

    def _finish(self, *, reusable: bool) -> None:
        self._over = True
        for _, counted in self._untaken:
            self._link.state.acknowledge_received_data(counted, self._number)
        self._untaken.clear()
        self._unsent.clear()
        self._link.finished(self._number, self._line, reusable=reusable)
