"""Hands an open connection to another process, with the bytes that were already read from it.

A channel is a Unix stream socket; a message on it is a length, the descriptor beside
it, and the bytes. The receiver acknowledges a message before it acts on it. Until then
the sender owns the connection: one that nobody took is offered again, or refused by its
sender, and none is served twice.
"""

from __future__ import annotations

import array
import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PENDING_BYTES_MAX = 512 * 1024
PATIENCE_S = 10.0
"""How long a connection may wait for a receiver that is down."""
RETRY_S = 0.05
HEADER = struct.Struct("!I")
TAKEN = b"\x06"
DESCRIPTOR_BYTES = array.array("i").itemsize

Taken = Callable[[socket.socket, bytes], None]
"""Receives a connection, which does not block, and what was read from it before."""


class NotTaken(Exception):
    """Nobody took the connection in time; it still belongs to the caller."""


def send(path: Path, connection: socket.socket, pending: bytes, *, patience_s: float = PATIENCE_S) -> None:
    """Give a connection to whoever listens at `path`, or raise NotTaken; the caller closes its own copy."""
    deadline = time.monotonic() + patience_s
    while not _offer(path, connection, pending, deadline):
        if time.monotonic() + RETRY_S >= deadline:
            raise NotTaken(str(path))
        time.sleep(RETRY_S)


async def hand_over(path: Path, connection: socket.socket, pending: bytes, *, patience_s: float = PATIENCE_S) -> None:
    """Do as `send` does, without blocking the running event loop."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while not await _offer_softly(path, connection, pending, deadline):
        if loop.time() + RETRY_S >= deadline:
            raise NotTaken(str(path))
        await asyncio.sleep(RETRY_S)


def accept(listener: socket.socket, taken: Taken) -> Callable[[], None]:
    """Take what arrives at a listener, on the running event loop, until the callable that is returned is called."""
    loop = asyncio.get_running_loop()
    listener.settimeout(0)
    inboxes: set[Inbox] = set()

    def welcome() -> None:
        with suppress(BlockingIOError, ConnectionError):
            channel, _ = listener.accept()
            inbox = Inbox(channel)
            inboxes.add(inbox)
            loop.add_reader(channel, read, inbox)

    def read(inbox: Inbox) -> None:
        try:
            for connection, pending in inbox.take():
                taken(connection, pending)
        except (EOFError, OSError):
            close(inbox)

    def close(inbox: Inbox) -> None:
        inboxes.discard(inbox)
        loop.remove_reader(inbox.channel)
        inbox.close()

    def stop() -> None:
        """Take nothing more; what was not acknowledged is offered again, by its sender."""
        loop.remove_reader(listener)
        for inbox in list(inboxes):
            close(inbox)

    loop.add_reader(listener, welcome)
    return stop


class Inbox:
    """The receiving end of a channel."""

    def __init__(self, channel: socket.socket) -> None:
        channel.settimeout(0)
        self.channel = channel
        self._message = bytearray()
        self._connection: socket.socket | None = None

    def take(self) -> Iterator[tuple[socket.socket, bytes]]:
        """Give every connection that has arrived whole; raise EOFError once the channel has ended."""
        while self._read():
            if self._missing() == 0 and (connection := self._connection) is not None:
                pending = bytes(self._message[HEADER.size :])
                self._connection, self._message = None, bytearray()
                if self._acknowledge(connection):
                    yield connection, pending

    def close(self) -> None:
        """Close the channel, and a connection that did not arrive whole."""
        self.channel.close()
        if self._connection is not None:
            self._connection.close()

    def _read(self) -> bool:
        """Read on in the current message, never beyond it; return False when nothing is there."""
        try:
            data, ancillary, _, _ = self.channel.recvmsg(
                self._missing(), socket.CMSG_SPACE(DESCRIPTOR_BYTES), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return False
        if not data:
            raise EOFError
        for level, sort, content in ancillary:
            if level == socket.SOL_SOCKET and sort == socket.SCM_RIGHTS:
                self._connection = _connection_of(content)
        if self._connection is None:
            raise EOFError("a message without a connection: this process has too many open files")
        self._message += data
        return True

    def _missing(self) -> int:
        if len(self._message) < HEADER.size:
            return HEADER.size - len(self._message)
        (length,) = HEADER.unpack_from(self._message)
        if length > PENDING_BYTES_MAX:
            raise EOFError("the channel does not speak this protocol")
        return HEADER.size + int(length) - len(self._message)

    def _acknowledge(self, connection: socket.socket) -> bool:
        """Tell the sender that the connection is ours; if it has withdrawn it, let go."""
        try:
            return self.channel.send(TAKEN) == len(TAKEN)
        except OSError:
            connection.close()
            return False


def _offer(path: Path, connection: socket.socket, pending: bytes, deadline: float) -> bool:
    with socket.socket(socket.AF_UNIX) as channel:
        with suppress(OSError):  # a TimeoutError too
            channel.settimeout(max(RETRY_S, deadline - time.monotonic()))
            channel.connect(str(path))
            channel.sendall(_begin(channel, connection, pending))
            if channel.recv(1) == TAKEN:
                return True
        return _was_taken_after_all(channel)


async def _offer_softly(path: Path, connection: socket.socket, pending: bytes, deadline: float) -> bool:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(0)
        with suppress(OSError):  # a TimeoutError too
            async with asyncio.timeout_at(deadline):
                channel.connect(str(path))  # a Unix socket connects at once, or fails
                await loop.sock_sendall(channel, _begin(channel, connection, pending))
                if await loop.sock_recv(channel, 1) == TAKEN:
                    return True
        return _was_taken_after_all(channel)


def _begin(channel: socket.socket, connection: socket.socket, pending: bytes) -> bytes:
    """Send the start of a message, with which the descriptor travels, and return the rest of it."""
    assert len(pending) <= PENDING_BYTES_MAX, "whoever reads ahead does so within bounds"
    message = HEADER.pack(len(pending)) + pending
    return message[socket.send_fds(channel, [message], [connection.fileno()]) :]


def _was_taken_after_all(channel: socket.socket) -> bool:
    """Withdraw an offer: from here on an acknowledgement fails, so one that is not here yet never comes."""
    with suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)
        channel.settimeout(0)
        return channel.recv(1) == TAKEN
    return False


def _connection_of(content: bytes) -> socket.socket:
    connection = socket.socket(fileno=array.array("i", content[:DESCRIPTOR_BYTES])[0])
    connection.settimeout(0)
    return connection
