"""Plain connections inside others: what carries one is a TLS session or a stream of HTTP/2.

Whoever serves a line takes it for the transport of a socket. A line that is handed over becomes one: the api gets
an end of a pair of sockets, and what comes at the other is passed on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from clary.core import origins

PUMPED_BYTES_MAX = 256 * 1024
"""What one side of a line that was handed over may have sent and the other not taken yet."""
QUIET_S = 1.0
"""After so long without a byte an answer is held to be over, when the worker is to end."""


NOTHING = memoryview(b"")


class Carrier(Protocol):
    """What a line's bytes travel in."""

    @property
    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet."""

    def send(self, data: bytes) -> None:
        """Send to the client."""

    def send_end(self) -> None:
        """Tell the client that no more will be sent."""

    def pause(self) -> None:
        """Bring nothing more of the client's."""

    def resume(self) -> None:
        """Go on bringing what the client sends."""

    def let_go(self, *, whole: bool) -> None:
        """Hear that the line is closed; `whole` if what it sent is to be delivered."""


class Line(asyncio.Transport):
    """One plain connection, begun with `begin` and ended with `lost`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, carrier: Carrier | None, *, secure: bool) -> None:
        super().__init__()
        self.carrier: Carrier | None = carrier  # None while it waits for its next request
        self.pump: Pump | None = None
        self._loop = loop
        self._secure = secure
        self._protocol: asyncio.Protocol | asyncio.BufferedProtocol
        self._room = NOTHING
        self._given: socket.socket | None = None
        self._closed = False

    def begin(self, protocol: asyncio.Protocol) -> None:
        """Be served by `protocol`."""
        self._protocol = protocol
        protocol.connection_made(self)

    # What the carrier says.

    def received(self, data: bytes) -> None:
        """Take what the client sent."""
        while data and not self._closed:
            if isinstance(self._protocol, asyncio.BufferedProtocol):
                room = self.room(len(data))
                room[:], data = data[: len(room)], data[len(room) :]
                self.filled(len(room))
            else:
                self._protocol.data_received(data)
                return

    def room(self, most: int) -> memoryview:
        """Return where to put some of what the client sent, up to so many bytes; `filled` tells how many they were."""
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            self._room = memoryview(self._protocol.get_buffer(most))[:most]
        else:
            self._room = memoryview(bytearray(most))
        return self._room

    def filled(self, count: int) -> None:
        """Take what is in the room that was given out last."""
        room, self._room = self._room, NOTHING
        if self._closed or not count:
            return
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.buffer_updated(count)
        else:
            self._protocol.data_received(bytes(room[:count]))

    def ended(self) -> None:
        """Hear that the client sends no more."""
        if not self._closed and not self._protocol.eof_received():
            self.close()

    def hold(self) -> None:
        """Hear that the client takes nothing more for now."""
        self._protocol.pause_writing()

    def go_on(self) -> None:
        """Hear that everything was sent."""
        self._protocol.resume_writing()

    def lost(self) -> None:
        """Hear that the client has gone."""
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    # What the server of the line does, as with any transport.

    def write(self, data: Any) -> None:
        """Send to the client."""
        if not self._closed and self.carrier is not None:
            self.carrier.send(data)

    def write_eof(self) -> None:
        """Send no more."""
        if self.carrier is None:
            self.close()
        elif not self._closed:
            self.carrier.send_end()

    def pause_reading(self) -> None:
        """Take nothing for now."""
        if self.carrier is not None:
            self.carrier.pause()

    def resume_reading(self) -> None:
        """Go on taking."""
        if self.carrier is not None:
            self.carrier.resume()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Be served by another from now on."""
        assert isinstance(protocol, (asyncio.Protocol, asyncio.BufferedProtocol)), "it takes bytes"
        self._protocol = protocol

    def is_closing(self) -> bool:
        """Say whether the line is closed."""
        return self._closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Leave it at none: `hold` is said whenever something is not sent yet."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the client has not taken yet."""
        return 0 if self.carrier is None else self.carrier.unsent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the socket, which takes the line from its server as soon as that calls `abort`."""
        if name != "socket":
            return default
        ours, self._given = origins.pair(secure=self._secure)
        self.pump = Pump(self._loop, ours, self)
        return self._given

    def close(self) -> None:
        """End the line once what was written is sent."""
        self._close(whole=True)

    def abort(self) -> None:
        """End the line, or leave it to whoever got its socket."""
        given, self._given = self._given, None
        if given is None:
            self._close(whole=False)
            return
        given.close()
        assert self.pump is not None, "it was made with the socket"
        self._loop.call_soon(self._protocol.connection_lost, None)
        self.begin(self.pump.outer)

    def _close(self, *, whole: bool) -> None:
        if not self._closed:
            self._closed = True
            if self.carrier is not None:
                self.carrier.let_go(whole=whole)
            self._loop.call_soon(self._protocol.connection_lost, None)


class Relay(asyncio.Protocol):
    """Passes what comes on its own transport on to the other's."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Relay
        self.ended = False  # nothing more comes here
        self._moved = moved
        self._unsent: list[bytes] = []  # what came before the other had a transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with what came meanwhile."""
        self.transport = cast(asyncio.Transport, transport)
        for data in self.other.taken():
            self.transport.write(data)
        if self.other.ended:
            self.transport.write_eof()

    def taken(self) -> list[bytes]:
        """Return what waits for the other, once."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._moved()
        if self.other.transport is None:
            self._unsent.append(data)
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; the other direction goes on until it has ended too."""
        self.ended = True
        if self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return not self.other.ended

    def pause_writing(self) -> None:
        """Let the other side wait."""
        if self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other side go on."""
        if self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """End the other side too, once it has what was sent."""
        if self.other.transport is not None:
            self.other.transport.close()


class Pump:
    """Joins a line, `outer`, with our end of a pair of sockets, `inner`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ours: socket.socket, line: Line) -> None:
        self.outer = Relay(self._asked)
        self.inner = Relay(self._told)
        self.outer.other, self.inner.other = self.inner, self.outer
        self._loop = loop
        self._line = line
        self._waits = True  # an answer is due
        self._moved_at = loop.time()
        self._joining = loop.create_task(self._join(ours))

    def busy(self, now: float) -> bool:
        """Say whether a request seems to be under way."""
        return self._waits or now < self._moved_at + QUIET_S

    async def _join(self, ours: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(lambda: self.inner, ours)
        except OSError:
            ours.close()
            self._line.abort()
            return
        transport.set_write_buffer_limits(PUMPED_BYTES_MAX)
        if self._line.is_closing():
            transport.close()
        self._line.resume_reading()

    def _asked(self) -> None:
        self._waits, self._moved_at = True, self._loop.time()

    def _told(self) -> None:
        self._waits, self._moved_at = False, self._loop.time()
