"""HTTP/2 to clients, after TLS agreed on it or by its preface: every stream is served like a connection of HTTP/1.1.

Bounded are streams, header lists, what may be in flight, resets, control frames, and the time without a request.
On shutdown a client is told so (GOAWAY), and what it has asked for is answered.
"""

from __future__ import annotations

import asyncio
import json
from math import inf
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from clary.gateway.guests import Gate
from clary.gateway.heads import Malformed
from clary.gateway.http2_streams import Stream
from clary.gateway.lines import Line

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STREAMS_MAX = 100
"""Requests at once on one connection."""
HEADER_BYTES_MAX = 64 * 1024
STREAM_WINDOW_BYTES = 2 * 1024 * 1024
CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024
"""What a client may send before its request, and its requests together, are taken further."""
FIRST_WINDOW_BYTES = 65_535
FRAME_BYTES_MAX = 1024 * 1024
"""What a client may send in one frame: a frame costs both sides as much as many kilobytes."""
UNCLEAR_BYTES_MAX = 2 * FRAME_BYTES_MAX
"""What a client may send without anything coming of it: one frame, or one header list in pieces."""
WRITE_BYTES_MAX = 256 * 1024
IDLE_S = 75.0
"""How long a connection may stay open without a request."""
SMALL_WINDOW_BYTES = 1024
"""A window that is widened by less is counted as a frame that carries nothing."""
LINES_IDLE_MAX = 16
LINES_IDLE_S = 30.0
"""Lines that are kept for further requests, and for how long: less than the api waits for one."""
RESETS_MAX = 200
"""Requests that a client may take back; half of them are forgiven each second (CVE-2023-44487)."""
FRAMES_MAX = 2_000
"""Frames that carry no request, forgiven as resets are."""


class Http2(asyncio.Protocol):
    """One connection of HTTP/2."""

    def __init__(self, gate: Gate, begun: bytes = b"", *, secure: bool) -> None:
        self.loop = gate.loop
        self.state = _state()
        self.full = False
        self._gate = gate
        self._begun = begun
        self._secure = secure
        self._streams: dict[int, Stream] = {}
        self._idle: list[tuple[float, Line]] = []
        self._idle_since = gate.loop.time()
        self._receiving = False
        self._draining = False
        self._refused_above = inf  # requests after the one that the client was told is the last
        self._resets = 0
        self._frames = 0
        self._unclear = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with what was read before."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(WRITE_BYTES_MAX)
        self._gate.opened(self)
        self.state.initiate_connection()
        self.state.increment_flow_control_window(CONNECTION_WINDOW_BYTES - FIRST_WINDOW_BYTES)
        self.flush()
        if self._begun:
            self.data_received(self._begun)
            self._begun = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        self._receiving = True
        try:
            events = self.state.receive_data(data)
            for event in events:
                self._act(event)
        except ProtocolError:
            self._close()  # the state has the GOAWAY that says why
            return
        finally:
            self._receiving = False
        self._unclear = 0 if events else self._unclear + len(data)
        if self._resets > RESETS_MAX or self._frames > FRAMES_MAX or self._unclear > UNCLEAR_BYTES_MAX:
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)
        self.flush()

    def eof_received(self) -> bool:
        """Close the connection: a client that sends no more takes no answer either."""
        return False

    def pause_writing(self) -> None:
        """Let answers wait."""
        self.full = True

    def resume_writing(self) -> None:
        """Send on, whoever waited longest first."""
        self.full = False
        self._push_all()

    def connection_lost(self, _: Exception | None) -> None:
        """End every stream and line."""
        self._gate.closed(self)
        self.full = True
        for stream in list(self._streams.values()):
            stream.cancelled()
        for _since, line in self._idle:
            line.lost()
        self._idle.clear()

    def sweep(self, now: float) -> None:
        """Close what was idle for long, and forgive what was much."""
        self._resets //= 2
        self._frames //= 2
        kept = []
        for since, line in self._idle:
            if now < since + LINES_IDLE_S and not line.is_closing():
                kept.append((since, line))
            else:
                line.lost()
        self._idle = kept
        if not self._streams and (self._draining or now >= self._idle_since + IDLE_S):
            self._close(ErrorCodes.NO_ERROR)

    def busy(self, _: float) -> bool:
        """Say whether a request is under way."""
        return bool(self._streams)

    def close_if_idle(self, now: float) -> None:
        """Take no further request; close the connection once those under way are answered."""
        if not self._draining and not self._transport.is_closing():
            self._draining = True
            last = max(self.state.highest_inbound_stream_id, 0)
            self._refused_above = last
            self.flush()
            self._transport.write(GoAwayFrame(0, last_stream_id=last).serialize())
        self.sweep(now)

    # What a stream does; see http2_streams.Link.

    def flush(self) -> None:
        """Send what is ready, all that one reading led to together."""
        if not self._receiving and (data := self.state.data_to_send()) and not self._transport.is_closing():
            self._transport.write(data)

    def finished(self, number: int, line: Line, *, reusable: bool) -> None:
        """Forget a stream, and keep its line if it can serve another."""
        self._streams.pop(number, None)
        self._idle_since = self.loop.time()
        if reusable and not line.is_closing() and len(self._idle) < LINES_IDLE_MAX:
            line.carrier = None
            self._idle.append((self._idle_since, line))
        else:
            line.lost()

    def _act(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event)
            case DataReceived():
                self._frames += not event.data
                self._receive(event)
            case StreamEnded():
                if stream := self._streams.get(event.stream_id):
                    stream.ended()
            case StreamReset():
                self._resets += 1
                if stream := self._streams.get(event.stream_id):
                    stream.cancelled()
            case WindowUpdated():
                self._frames += (event.delta or 0) < SMALL_WINDOW_BYTES
                self._widen(event.stream_id)
            case _:
                self._frames += 1

    def _begin(self, event: RequestReceived) -> None:
        number = event.stream_id
        if number > self._refused_above:
            self.state.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        self._frames = max(0, self._frames - 4)  # a request brings frames with it
        line = self._line()
        stream = self._streams[number] = Stream(self, number, line)
        line.carrier = stream
        try:
            stream.ask(event.headers, ended=event.stream_ended is not None)
        except Malformed as error:
            stream.refuse(error.status, json.dumps({"message": error.message}).encode())

    def _receive(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        else:
            stream.received(event.data, event.flow_controlled_length, last=event.stream_ended is not None)

    def _line(self) -> Line:
        """Return a line that waits for a request, or a new one."""
        while self._idle:
            _, line = self._idle.pop()
            if not line.is_closing():
                return line
        line = Line(self.loop, None, secure=self._secure)
        line.begin(self._gate.plain_server(secure=self._secure))
        return line

    def _widen(self, number: int | None) -> None:
        """Send what has room now; 0 is room for all."""
        if not number:
            self._push_all()
        elif stream := self._streams.get(number):
            stream.push()

    def _push_all(self) -> None:
        for number in list(self._streams):
            if self.full:
                return
            stream = self._streams[number] = self._streams.pop(number)  # the last to be served next time
            stream.push()

    def _close(self, code: ErrorCodes | None = None) -> None:
        if not self._transport.is_closing():
            if code is not None:
                self.state.close_connection(code)
            self._receiving = False
            self.flush()
            self._transport.close()


class Frames(FrameBuffer):
    """Frames as they come. The library writes each out in full, in hexadecimal, for a log that nobody keeps."""

    def __next__(self) -> Frame:
        """Return the next one that is whole."""
        frame = super().__next__()
        frame._body_repr = str  # type: ignore[method-assign] # noqa: SLF001 - nothing else costs as much of a frame
        return frame


def _state() -> H2Connection:
    state = H2Connection(
        H2Configuration(
            client_side=False,
            validate_inbound_headers=False,  # http2_heads does
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
    )
    state.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
            SettingCodes.MAX_FRAME_SIZE: FRAME_BYTES_MAX,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_BYTES_MAX,
        },
    )
    state.incoming_buffer = Frames(server=True)
    state.max_inbound_frame_size = FRAME_BYTES_MAX
    return state
