"""Connections of clients: one request after another, each within its limits and its time.

An invocation is read whole and answered here. Anything else hands the connection over to the
api, between two requests, with every byte that was read.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from enum import Enum, auto
from math import inf
from typing import cast

from clary.gateway import answers
from clary.gateway.answers import CONTINUE, Answer, Encoded, Reader
from clary.gateway.bodies import Chunks, Space, TooLarge
from clary.gateway.forms import Filled, Form
from clary.gateway.heads import HEAD_BYTES_MAX, HEAD_END, Head, Malformed, may_be_invocation, parse
from clary.gateway.house import House
from clary.gateway.intakes import Intake

IDLE_S = 75.0
"""How long a connection may stay open without a request."""
HEAD_S = 20.0
BODY_S = 60.0
"""How long a client may take for a head, and for a body."""
WRITE_S = 60.0
"""How long a client may take to read an answer."""
LINGER_S = 2.0
"""How long a connection that was refused is still read, so that the client gets to see the refusal."""
LINGER_BYTES_MAX = 64 * 1024 * 1024
LARGE_BYTES = 64 * 1024
"""A body that is larger gets room for all of it once so much of it has come, and is read there."""
NO_REQUEST_ID = "-"


class State(Enum):
    """What a connection is at."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    LINGER = auto()
    GONE = auto()


PATIENCE_S = {State.HEAD: IDLE_S, State.BODY: BODY_S, State.LINGER: LINGER_S}


class Connection(asyncio.Protocol):
    """One client; `pending` is what was read before, by whoever handed the connection over."""

    def __init__(self, house: House[Connection], pending: bytes = b"", *, handed_back: bool = False) -> None:
        self._house = house
        self._buffer = bytearray(pending)
        self._handed_back = handed_back
        self._state = State.HEAD
        self._deadline = inf
        self._writable = True
        self._reading = True
        self._ended = False  # the client sends no more
        self._stepping = False
        self._searched = 0
        self._lingered = 0
        self._held_bytes = 0
        self._began = 0.0
        self._head: Head | Filled | None = None
        self._form: Form | None = None  # of the request before
        self._chunks: Chunks | None = None
        self._reader: Reader | None = None
        self._space: Space | None = None  # of a large body, while it is read

    @property
    def busy(self) -> bool:
        """Say whether a request is under way or an answer not sent yet."""
        return self._state in (State.BODY, State.ANSWER) or not self._writable or bool(self._buffer)

    def unread(self, patience_s: float) -> int:
        """Return how many bytes are held for a client that has left some of them unread for so long already."""
        patient = self._writable or self._house.loop.time() < self._deadline - WRITE_S + patience_s
        return 0 if patient else self._held_bytes

    @property
    def deadline(self) -> float:
        """Return when the client's time is over."""
        return self._deadline

    def drop(self) -> None:
        """End the connection at once, whatever is under way."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with what was read before."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # so that `_writable` means that everything is sent
        self._house.opened(self)
        self._wait(IDLE_S)
        if self._buffer:
            self._advance()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._state is State.LINGER:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES_MAX:
                self._transport.abort()
            return
        if self._form is not None and self._take_alike(self._form, data):
            return
        self._buffer += data
        if self._state is State.ANSWER:
            self._pause()
        else:
            self._advance()

    def eof_received(self) -> bool:
        """Keep the connection for the answer if one is due; close it otherwise."""
        self._ended = True
        self._advance()  # with a body whose last bytes came just before
        return self._state is State.ANSWER or (self._state is not State.LINGER and not self._writable)

    def pause_writing(self) -> None:
        """Note that an answer is on its way."""
        self._writable = False
        self._wait(WRITE_S)

    def resume_writing(self) -> None:
        """Go on once an answer is sent."""
        self._writable = True
        self._wait(PATIENCE_S.get(self._state, inf))
        if self._reader is not None:
            self._reader.go_on()
        self._advance()
        if self._ended and self._state is State.HEAD:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection."""
        self._state = State.GONE
        self._house.closed(self)
        if self._reader is not None:
            self._reader.gone()

    def sweep(self, now: float) -> None:
        """Close the connection if its time is over."""
        if now < self._deadline:
            return
        if not self._writable or self._state is State.LINGER:
            self._transport.abort()
        elif self._state is State.BODY or self._buffer:
            self._refuse(answers.bare(408, "The request did not arrive in time."))
        else:
            self._transport.close()

    def close_if_idle(self) -> None:
        """Close the connection unless a request is under way."""
        if not self.busy:
            self._transport.close()

    def _take_alike(self, form: Form, data: bytes) -> bool:
        """Take a whole request that is like the one before; return whether `data` is one."""
        if self._state is not State.HEAD or self._buffer or not self._writable:
            return False
        end = data.find(HEAD_END) + len(HEAD_END)
        filled = form.fill(data[:end])
        if filled is None or len(data) != end + filled.length or filled.length > self._house.body_bytes_max:
            return False
        self._head, self._began = filled, self._house.stopwatch()
        self._ask(filled, data[end:])
        return True

    def _wait(self, seconds: float) -> None:
        self._deadline = self._house.loop.time() + seconds

    def _advance(self) -> None:
        """Do all that can be done with what was read."""
        if self._stepping:
            return  # an answer that came at once: the loop below goes on
        self._stepping = True
        try:
            while self._writable:
                if self._state is State.HEAD:
                    if not self._read_head():
                        break
                elif self._state is not State.BODY or not self._read_body():
                    break
        except Malformed as error:
            self._refuse(answers.bare(error.status, error.message))
        except TooLarge:
            self._refuse(answers.too_large(self._house.body_bytes_max))
        finally:
            self._stepping = False

    def _read_head(self) -> bool:
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112, section 2.2: a stray empty line is passed over
            del buffer[:2]
        if not buffer or buffer == b"\r":
            return False
        if not self._handed_back and not may_be_invocation(buffer):
            self._hand_over()
            return False
        end = buffer.find(HEAD_END, self._searched, HEAD_BYTES_MAX)
        if end < 0:
            self._await_head()
            return False
        self._searched = 0
        return self._begin(bytes(buffer[: end + len(HEAD_END)]))

    def _await_head(self) -> None:
        if len(self._buffer) >= HEAD_BYTES_MAX:
            raise Malformed("The request head is too large.", 431)
        if self._searched == 0:
            self._wait(HEAD_S)
        self._searched = max(1, len(self._buffer) - len(HEAD_END))

    def _begin(self, raw: bytes) -> bool:
        head = self._read(raw)
        if head is None:
            if self._handed_back:
                raise Malformed("The api took this for an invocation, which it is not.")
            self._hand_over()
            return False
        self._handed_back = False
        del self._buffer[: len(raw)]
        self._head = head
        self._began = self._house.stopwatch()
        if head.length is not None and head.length > self._house.body_bytes_max:
            raise TooLarge
        self._chunks = Chunks(self._house.body_bytes_max) if head.length is None else None
        self._state = State.BODY
        if self._read_body():
            return True
        self._wait(BODY_S)
        if head.expects_continue:
            self._transport.write(CONTINUE)
        return False

    def _read(self, raw: bytes) -> Head | Filled | None:
        """Return a head, None if it is no invocation's; raise Malformed."""
        filled = None if self._form is None else self._form.fill(raw)
        if filled is None:
            self._form = self._house.forms.of(raw)
            filled = None if self._form is None else self._form.fill(raw)
        if filled is not None:
            return filled
        head = parse(raw)
        if head is not None and self._form is None:
            self._house.forms.note(head, raw)
        return head

    def _read_body(self) -> bool:
        assert self._head is not None, "a body follows a head"
        if self._chunks is not None:
            self._chunks.feed(self._buffer)
            if not self._chunks.whole:
                return False
            body = self._chunks.body()
        elif self._space is not None:
            if self._space.missing:
                return False
            body, self._space = self._space.body(), None
        else:
            length = self._head.length or 0
            if len(self._buffer) < length:
                if len(self._buffer) >= LARGE_BYTES:
                    self._begin_intake(length)
                return False
            body = bytes(memoryview(self._buffer)[:length])
            del self._buffer[:length]
        self._ask(self._head, body)
        return True

    def _begin_intake(self, length: int) -> None:
        self._space = Space(length, self._buffer)
        self._buffer.clear()
        self._transport.set_protocol(Intake(self, self._space, self._end_intake))

    def _end_intake(self) -> None:
        self._transport.set_protocol(self)
        self._house.loop.call_soon(self._advance)  # by then the transport has let go of the space

    def _ask(self, head: Head | Filled, body: bytes) -> None:
        """Ask for the answer to a whole request."""
        self._state = State.ANSWER
        self._deadline = inf
        if self._buffer:
            self._pause()
        if isinstance(head, Head) and head.streams:
            self._house.stream(head, body, self._began, self)
        else:
            self._house.invoke(head, self._form, body, self._began, self.respond)

    # What an answer in pieces needs; see streams.Outlet.

    def attach(self, reader: Reader | None) -> None:
        """Tell `reader` when everything is sent, or the client has gone; None if nobody is to be told."""
        self._reader = reader
        if reader is not None and self._state is not State.ANSWER:
            reader.gone()

    def send_piece(self, data: bytes) -> bool:
        """Send a piece of an answer; return whether the client has taken everything."""
        if self._state is State.ANSWER:
            self._write(data)
        return self._writable

    def respond(self, answer: Encoded, request_id: str) -> None:
        """Send an answer, or the end of one that was sent in pieces."""
        if self._state is not State.ANSWER:
            return  # the client has gone
        assert self._head is not None, "an answer follows a request"
        close = (self._ended and not self._buffer) or not self._head.keep_alive or self._house.draining
        self._state = State.HEAD
        self._wait(IDLE_S)
        self._write(answer.encode(request_id, close=close))
        if close:
            self._linger()
            return
        if self._buffer:
            self._advance()
        if self._state in (State.HEAD, State.BODY):
            self._resume()

    def _write(self, data: bytes) -> None:
        self._held_bytes = len(data)  # all of it until the last byte is sent
        self._transport.write(data)

    def _refuse(self, answer: Answer) -> None:
        """Answer what is no whole request, and end the connection."""
        self._state = State.HEAD
        self._space = None
        self._transport.set_protocol(self)
        self._transport.write(answer.encode(NO_REQUEST_ID, close=True))
        self._linger()

    def _linger(self) -> None:
        """Send the end after the answer, and read on for a while: closing at once could destroy the answer."""
        self._state = State.LINGER
        self._buffer.clear()
        if self._ended or self._transport.is_closing():
            self._transport.close()
            return
        self._wait(LINGER_S if self._writable else WRITE_S)
        with suppress(OSError):  # the client has gone: the end is about to be read
            self._transport.write_eof()
        self._resume()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        self._pause()
        connection = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))
        pending = bytes(self._buffer)
        self._buffer.clear()
        self._state = State.GONE
        self._transport.abort()  # closes this descriptor of the connection, not the connection
        self._house.hand_over(connection, pending)
