"""Connections to model servers: a bounded pool an instance, over its Unix socket.

A request whose first byte could not be sent raises Unreachable. Once a byte was sent it ends as a
Reply or a Broken, or is given up. An instance that fails is set aside for a while, by its lanes' leave.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httptools

from clary.gateway.health import Health
from clary.gateway.replies import Broken, Reply, read_usual

IDLE_S = 10.0
HEAD_BYTES_MAX = 64 * 1024
READ_BYTES = 64 * 1024
NOTHING = memoryview(b"")
KEPT_HEADERS = frozenset((b"content-type", b"x-amzn-sagemaker-custom-attributes"))


class Unreachable(Exception):
    """The instance takes no connection; no byte of the request reached it."""


class Asker(Protocol):
    """Whoever waits for a model's answer."""

    def begun(self) -> None:
        """Hear that the request goes to the model now; said anew where it has to go by another connection."""

    def answered(self, outcome: Reply | Broken) -> None:
        """Hear what became of it; not called after `Pool.give_up`."""


class Taker(Protocol):
    """Whoever wants an answer as it comes."""

    def parted(self, reply: Reply) -> None:
        """Take what has come of a good answer since the last time; its end is `Asker.answered`."""


class Sender(Protocol):
    """Whoever sends requests to an instance."""

    @property
    def waiting(self) -> Collection[Asker]:
        """Return who waits for room at an instance."""

    def review(self) -> None:
        """Hear that it was set aside, or is back."""

    def can_spare(self) -> bool:
        """Say whether enough others are left if it is set aside."""

    def freed(self) -> None:
        """Hear that it has room for one more request."""


Parts = tuple[bytes] | tuple[bytes, bytes]
"""A request in one piece, or its head and a body that is too large to be copied without need."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request to a model."""

    asker: Asker
    request: Parts
    carrier: Carrier | None = None
    taker: Taker | None = None


class Pool:
    """The connections of this worker to one instance, one for each request that it has there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path, most: int, answer_bytes_max: int) -> None:
        self.outstanding = 0
        self.most = most  # requests at once
        self.turn = 0  # when it was last chosen, as a number that grows
        self.on_idle: Callable[[], None] | None = None
        self.senders: list[Sender] = []
        self.health = Health()
        self._loop = loop
        self._path = path
        self._answer_bytes_max = answer_bytes_max
        self._idle: list[Carrier] = []

    def ask(self, asker: Asker, request: Parts) -> Exchange:
        """Send a request, which takes that there is room; raise Unreachable."""
        exchange = Exchange(asker, request)
        try:
            self._send(exchange)
        except Unreachable:
            self._set_aside()
            raise
        self.outstanding += 1
        return exchange

    def give_up(self, exchange: Exchange, *, at_fault: bool = True) -> None:
        """Stop waiting for an answer; `at_fault` is whether the instance is to blame."""
        assert exchange.carrier is not None, "it was sent"
        exchange.carrier.close()
        if at_fault:
            self._erred()
        self._settled()
        self._tell_senders()

    def sweep(self) -> None:
        """Close connections that were idle for long."""
        oldest = self._loop.time() - IDLE_S
        for carrier in [each for each in self._idle if each.idle_since < oldest]:
            self._idle.remove(carrier)
            self.dropped(carrier)

    def close(self) -> None:
        """Close every idle connection; those at work close when they are done."""
        for carrier in self._idle:
            self.dropped(carrier)
        self._idle.clear()

    def done(self, carrier: Carrier, exchange: Exchange, outcome: Reply | Broken, *, reusable: bool) -> None:
        """Take a carrier back, and tell the asker."""
        if reusable:
            carrier.idle_since = self._loop.time()
            self._idle.append(carrier)
        else:
            self.dropped(carrier)
        self._judge(outcome)
        self._settled()
        exchange.asker.answered(outcome)
        self._tell_senders()

    def dropped(self, carrier: Carrier) -> None:
        """Forget a carrier whose connection is over."""
        if carrier in self._idle:
            self._idle.remove(carrier)
        carrier.close()

    def _send(self, exchange: Exchange) -> None:
        """Send on an idle connection or a new one."""
        while self._idle:
            carrier = self._idle.pop()
            if carrier.send(exchange):
                return
            self.dropped(carrier)
        carrier = self._connect()
        if not carrier.send(exchange):
            self.dropped(carrier)
            raise Unreachable(str(self._path))

    def _connect(self) -> Carrier:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(0)
        try:
            connection.connect(str(self._path))  # a Unix socket connects at once, or fails
        except OSError as error:
            connection.close()
            raise Unreachable(str(self._path)) from error
        return Carrier(self._loop, connection, self, self._answer_bytes_max)

    def _judge(self, outcome: Reply | Broken) -> None:
        if isinstance(outcome, Reply) and outcome.status < 500:
            if self.health.errors:
                self.health.well()
        elif isinstance(outcome, Reply) or outcome.malformed:
            self._erred()
        elif not outcome.stale:
            self._set_aside()

    def _erred(self) -> None:
        if self.health.erred() and all(each.can_spare() for each in self.senders):
            self._set_aside()

    def _set_aside(self) -> None:
        if not self.health.aside:
            self._loop.call_later(self.health.put_aside(), self._take_back)
            self._review()

    def _take_back(self) -> None:
        self.health.take_back()
        self._review()
        self._tell_senders()

    def _review(self) -> None:
        for each in self.senders:
            each.review()

    def _settled(self) -> None:
        self.outstanding -= 1
        if self.outstanding == 0 and self.on_idle is not None:
            self.on_idle()

    def _tell_senders(self) -> None:
        for each in self.senders:
            if each.waiting:
                each.freed()


class Carrier:
    """One connection to a model server; carries one exchange at a time."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connection: socket.socket, pool: Pool, answer_bytes_max: int
    ) -> None:
        self.idle_since = 0.0
        self._loop = loop
        self._connection = connection
        self._pool = pool
        self._answer_bytes_max = answer_bytes_max
        self._exchange: Exchange | None = None
        self._unsent = NOTHING
        self._parser: httptools.HttpResponseParser | None = None  # of an answer that needs one
        loop.add_reader(connection, self._readable)

    def send(self, exchange: Exchange) -> bool:
        """Send a request; return False if the other side is gone and no byte was sent."""
        parts = exchange.request
        exchange.asker.begun()
        try:
            sent = self._connection.send(parts[0]) if len(parts) == 1 else self._connection.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        self._exchange, exchange.carrier = exchange, self
        if sent < len(parts[0]) or len(parts) > 1:
            self._unsent = _rest(parts, sent)
        if self._unsent:
            self._loop.add_writer(self._connection, self._writable)
        return True

    def close(self) -> None:
        """Close the connection."""
        self._exchange = None
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()

    def pause(self) -> None:
        """Read nothing more of the answer for now."""
        self._loop.remove_reader(self._connection)

    def resume(self) -> None:
        """Read on."""
        if self._connection.fileno() >= 0:
            self._loop.add_reader(self._connection, self._readable)

    def _begin_parsing(self) -> httptools.HttpResponseParser:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._status = 0
        self._head_done = False
        self._framed = False
        self._pieces: list[bytes] = []
        self._body_bytes = 0
        self._whole = False
        self._keep_alive = False
        self._surplus = False  # the model says more than it was asked
        return self._parser

    def _writable(self) -> None:
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = self._unsent[:0]  # the answer, or the end, is about to be read
        if not self._unsent:
            self._unsent = NOTHING  # a part of the request, even an empty one, would hold all of it
            self._loop.remove_writer(self._connection)

    def _readable(self) -> None:
        try:
            data = self._connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._exchange is None:  # the end of an idle connection, or bytes that nobody asked for
            self._pool.dropped(self)
        elif not data:
            self._ended()
        elif self._parser is None and not self._unsent and (reply := read_usual(data)) is not None:
            self._finish(reply, reusable=True)
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        parser = self._parser or self._begin_parsing()
        if not self._head_done:
            self._head_bytes += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._finish(Broken(f"the model's answer is not valid HTTP: {error}", malformed=True))
            return
        if self._body_bytes > self._answer_bytes_max:
            self._finish(Broken(f"the model's answer exceeds {self._answer_bytes_max} bytes", malformed=True))
        elif self._whole:
            self._finish(self._reply(), reusable=self._keep_alive and not self._unsent and not self._surplus)
        elif not self._head_done and self._head_bytes > HEAD_BYTES_MAX:
            self._finish(Broken(f"the head of the model's answer exceeds {HEAD_BYTES_MAX} bytes", malformed=True))
        elif self._pieces and (taker := self._taker()) is not None:
            taker.parted(self._reply())

    def _taker(self) -> Taker | None:
        """Return who wants a good answer as it comes."""
        return self._exchange.taker if self._exchange is not None and 200 <= self._status < 300 else None

    def _ended(self) -> None:
        until_the_end = self._parser is not None and self._head_done and not self._framed
        stale = self._parser is None and self.idle_since > 0  # perhaps it was closed before the request came
        broken = Broken("the model closed the connection before it answered", stale=stale)
        self._finish(self._reply() if until_the_end else broken)

    def _reply(self) -> Reply:
        """Return what has come, which is kept here no longer."""
        pieces, self._pieces, self._body_bytes = self._pieces, [], 0
        return Reply(self._status, self._headers, b"".join(pieces))

    def _finish(self, outcome: Reply | Broken, *, reusable: bool = False) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None, "an answer belongs to a request"
        self._parser = None
        self._pool.done(self, exchange, outcome, reusable=reusable)

    def on_message_begin(self) -> None:
        """Note an answer that nobody asked for (called by the parser)."""
        self._surplus = self._whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what the client is told (called by the parser)."""
        name = name.lower()
        if self._whole:
            return
        if name in KEPT_HEADERS:
            self._headers[name.decode("latin-1")] = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        """Note that the body begins (called by the parser)."""
        if not self._whole:
            assert self._parser is not None, "it calls this"
            self._head_done = True
            self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, within the limit (called by the parser)."""
        self._body_bytes += len(body)
        if self._body_bytes <= self._answer_bytes_max and not self._whole:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Note that the answer is whole, unless it only announces another (called by the parser)."""
        assert self._parser is not None, "it calls this"
        if self._status >= 200:
            self._whole = True
            self._keep_alive = self._parser.should_keep_alive()  # known now only: the parser forgets it
        else:
            self._headers, self._head_done, self._framed = {}, False, False


def _rest(parts: Parts, sent: int) -> memoryview:
    """Return what is left of a request of which some bytes were sent."""
    head, body = len(parts[0]), parts[-1]
    whole = sent >= head and len(parts) > 1
    return memoryview(body)[sent - head :] if whole else memoryview(b"".join(parts))[sent:]
