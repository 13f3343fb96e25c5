"""Bridges between sockets on the two sides of an instance's network namespace.

A door listens on one side; each connection to it becomes a bridge to the other side, which copies bytes both ways
in constant memory and passes a half-close on. The keeper can do this because it lives in the instance's network
namespace and in the machine's file system at the same time.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from clary.compute.keeper.loop import ENDED, IN, OUT, Loop

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    Connect = Callable[[], socket.socket]

CHUNK_BYTES: Final = 65536
BACKLOG: Final = 1024
BUSY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Flow:
    """Bytes on their way from one socket to another, one chunk at a time."""

    __slots__ = ("broken", "done", "ended", "pending", "sink", "source")

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.pending = memoryview(b"")
        self.ended = False  # the source sends no more
        self.broken = False  # the sink takes no more; what still comes is dropped
        self.done = False  # nothing more will come, and nothing waits

    @property
    def reading(self) -> bool:
        """Whether the next chunk is wanted."""
        return not (self.ended or self.pending)

    def read(self) -> None:
        """Take a chunk and try at once to pass it on."""
        try:
            self.pending = memoryview(self.source.recv(CHUNK_BYTES))
        except BlockingIOError:
            return
        except OSError:
            self.ended = True
        self.ended = self.ended or not self.pending
        self.write()

    def write(self) -> None:
        """Pass on what the sink takes now, and the end after the last byte."""
        try:
            if self.pending and not self.broken:
                self.pending = self.pending[self.sink.send(self.pending) :]
            if self.ended and not self.pending:
                self.done = True
                self.sink.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self.broken = True
        if self.broken:
            self.pending, self.done = memoryview(b""), self.ended


class Bridge:
    """Two connected sockets, each the other's echo, until both directions have ended."""

    def __init__(self, loop: Loop, near: socket.socket, far: socket.socket, closed: Callable[[], None]) -> None:
        self._loop = loop
        self._there, self._back = Flow(near, far), Flow(far, near)
        self._closed = closed
        loop.watch(far.fileno(), OUT, self._connected)  # a non-blocking connect ends with an event

    def _connected(self, events: int) -> None:
        if self._there.sink.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._close()
        else:
            self._settle()

    def _near(self, events: int) -> None:
        self._act(self._there, self._back, events)

    def _far(self, events: int) -> None:
        self._act(self._back, self._there, events)

    def _act(self, outgoing: Flow, incoming: Flow, events: int) -> None:
        if outgoing.reading and events & (IN | ENDED):
            outgoing.read()
        if incoming.pending and events & (OUT | ENDED):
            incoming.write()
        self._settle()

    def _settle(self) -> None:
        # A server that answers early and goes must not cost its answer, so the client is heard out; a client that
        # went is owed nothing.
        if self._back.broken or (self._there.done and self._back.done):
            self._close()
            return
        near, far = self._there.source, self._back.source
        self._loop.watch(near.fileno(), self._wanted(self._there, self._back), self._near)
        self._loop.watch(far.fileno(), self._wanted(self._back, self._there), self._far)

    @staticmethod
    def _wanted(outgoing: Flow, incoming: Flow) -> int:
        return (IN if outgoing.reading else 0) | (OUT if incoming.pending else 0)

    def _close(self) -> None:
        for each in (self._there.source, self._there.sink):
            self._loop.forget(each.fileno())
            each.close()
        self._closed()


class Door:
    """A listener whose connections become bridges, no more than `bridges_max` at once; others wait in its backlog."""

    def __init__(self, loop: Loop, listener: socket.socket, connect: Connect, *, bridges_max: int) -> None:
        self._loop = loop
        self._listener = listener
        self._connect = connect
        self._bridges_max = bridges_max
        self._bridges = 0
        loop.watch(listener.fileno(), IN, self._accept)

    def _accept(self, events: int) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError as error:
            if error.errno in BUSY:
                self._loop.forget(self._listener.fileno())  # until a bridge of ours is closed
            return
        try:
            near.settimeout(0)
            far = self._connect()
        except OSError:
            near.close()
            return
        self._bridges += 1
        if self._bridges >= self._bridges_max:
            self._loop.forget(self._listener.fileno())
        Bridge(self._loop, near, far, self._one_less)

    def _one_less(self) -> None:
        self._bridges -= 1
        self._loop.watch(self._listener.fileno(), IN, self._accept)


def listen_on_path(path: str) -> socket.socket:
    """Return a listener on a Unix socket, replacing what is there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.settimeout(0)
    if os.path.lexists(path):
        os.unlink(path)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener


def listen_on_port(port: int) -> socket.socket:
    """Return a listener on a port of loopback; on any free one if `port` is 0."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.settimeout(0)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    return listener


def connect_to_path(path: str) -> socket.socket:
    """Return a connection to a Unix socket, or raise OSError."""
    far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    far.settimeout(0)
    return _connect(far, path)


def connect_to_port(port: int) -> socket.socket:
    """Return a connection, perhaps not established yet, to a port of loopback."""
    far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    far.settimeout(0)
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _connect(far, ("127.0.0.1", port))


def _connect(far: socket.socket, address: str | tuple[str, int]) -> socket.socket:
    try:
        far.connect(address)
    except BlockingIOError as error:
        if error.errno != errno.EINPROGRESS:
            far.close()
            raise
    except OSError:
        far.close()
        raise
    return far


def take_over(direct: str, door: str) -> bool:
    """Put the socket that the program made in place of the keeper's own door; say whether there was one.

    The program owns the folder of `direct`, so whatever lies there is linked first and looked at afterwards: a
    symbolic link to somebody else's socket must never stand where the gateway connects.
    """
    taken = f"{door}.new"
    try:
        os.link(direct, taken, follow_symlinks=False)
    except OSError:
        return False
    if not stat.S_ISSOCK(os.lstat(taken).st_mode):
        os.unlink(taken)
        return False
    os.rename(taken, door)
    return True
