"""TLS sessions of clients: they end here, and what is in them is served like any other connection.

Versions from 1.2 on. What a client sent before it was known to speak TLS is where the session begins.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import cast

from clary.gateway.guests import Gate
from clary.gateway.lines import Line

HANDSHAKE_S = 10.0
"""How long a client may take to agree on a session."""
ENDED_S = 60.0
"""How long a client may go on after it was told that nothing more will be sent."""
WRITE_BYTES = 256 * 1024
"""What is encrypted at once: the session's memory keeps the size that it once had."""
HTTP_1, HTTP_2 = "http/1.1", "h2"


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what sessions are made from, or raise OSError (an SSLError is one)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([HTTP_2, HTTP_1])
    context.load_cert_chain(certificate, key)
    return context


class Session(asyncio.Protocol):
    """One TLS session; carries one line."""

    def __init__(self, gate: Gate, context: ssl.SSLContext, begun: bytes) -> None:
        self._gate = gate
        self._begun = begun
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._line: Line | None = None  # once the session is agreed on
        self._deadline = inf
        self._paused = False
        self._reading = False
        self._ended = False  # the client sends no more
        self._said_end = False  # the client was told the same
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with what was read before."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        self._deadline = self._gate.loop.time() + HANDSHAKE_S
        self._gate.opened(self)
        self.data_received(self._begun)
        self._begun = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._said_end:
            return  # what came after it is read so that closing does not destroy what was sent
        self._incoming.write(data)
        try:
            self._advance()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._end_line()
        except ssl.SSLError:
            self._flush()  # the alert that says why
            self._transport.close()

    def eof_received(self) -> bool:
        """Tell the line that the client sends no more."""
        if self._line is None:
            return False
        self._end_line()
        return not self._transport.is_closing()

    def pause_writing(self) -> None:
        """Let the line wait."""
        if self._line is not None:
            self._line.hold()

    def resume_writing(self) -> None:
        """Let the line go on."""
        if self._line is not None:
            self._line.go_on()

    def connection_lost(self, _: Exception | None) -> None:
        """End the line."""
        self._gate.closed(self)
        if self._line is not None:
            self._line.lost()

    def sweep(self, now: float) -> None:
        """Close the session if its time is over."""
        if now >= self._deadline:
            self._transport.abort()

    def busy(self, now: float) -> bool:
        """Say whether something is under way that nobody else knows of."""
        return self._line is not None and self._line.pump is not None and self._line.pump.busy(now)

    def close_if_idle(self, now: float) -> None:
        """Close a session that was handed over, unless a request is under way."""
        handed_over = self._line is not None and self._line.pump is not None
        if self._line is None or (handed_over and not self.busy(now)):
            self._transport.close()

    # What the line does; see lines.Carrier.

    @property
    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        """Send to the client."""
        if self._transport.is_closing():
            return
        left = memoryview(data)
        try:
            while left:
                left = left[self._tls.write(left[:WRITE_BYTES]) :]
                self._flush()
        except ssl.SSLError:
            self._transport.abort()

    def send_end(self) -> None:
        """Tell the client that no more will be sent."""
        self._said_end = True
        self._deadline = self._gate.loop.time() + ENDED_S
        self._say_goodbye()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def pause(self) -> None:
        """Read nothing more for now."""
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on reading, first what was received already."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
            self._gate.loop.call_soon(self._read_on)

    def let_go(self, *, whole: bool) -> None:
        """End the session."""
        if whole:
            self._say_goodbye()
            self._transport.close()
        else:
            self._transport.abort()

    def _advance(self) -> None:
        if self._line is None:
            self._shake_hands()
        self._read()
        self._flush()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._flush()
        self._deadline = inf
        self._line = Line(self._gate.loop, self, secure=True)
        self._line.begin(self._gate.server_of(self._tls.selected_alpn_protocol()))

    def _read(self) -> None:
        """Give the line what there is for it, until it wants no more."""
        if self._reading:
            return  # it is asked from within: the loop below goes on
        assert self._line is not None, "a session that is agreed on has a line"
        self._reading = True
        try:
            while not (self._paused or self._said_end) and (most := self._incoming.pending + self._tls.pending()):
                count, ended = self._decrypt(self._line.room(most))
                self._line.filled(count)
                if ended:
                    self._end_line()
                elif not count:
                    break
        finally:
            self._reading = False

    def _decrypt(self, room: memoryview) -> tuple[int, bool]:
        """Return how many bytes there were, of many records together, and whether the client sends no more."""
        count = 0
        with suppress(ssl.SSLWantReadError):
            while count < len(room):
                read = cast(int, self._tls.read(len(room) - count, room[count:]))
                if not read:
                    return count, True
                count += read
        return count, False

    def _end_line(self) -> None:
        if self._line is not None and not self._ended:
            self._ended = True
            self._line.ended()

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self.data_received(b"")

    def _flush(self) -> None:
        if self._outgoing.pending and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    def _say_goodbye(self) -> None:
        with suppress(ssl.SSLError):  # the client has not said it yet, which is no matter
            self._tls.unwrap()
        self._flush()
