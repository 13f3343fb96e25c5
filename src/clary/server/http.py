"""HTTP for the api: connections come from the gateways, and each request is worked on by one thread from end to end.

An idle or slow connection holds no thread: it is watched until more of its request is there. All threads watch all
connections, so that the one that learns of a request is the one that answers it. A large body is read, and a stream
written, by a thread for that, straight from and to the socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clary.core import handoff
from clary.server.body import SocketBody
from clary.server.connection import Connection, answer, says_length
from clary.server.head import Head, Malformed
from clary.server.waits import Pending, Waits
from clary.wire.message import Request, Response

log = logging.getLogger(__name__)

DRAIN_S = 10.0
"""How long requests under way may go on after SIGTERM."""
DRAIN_LOOK_S = 0.01
SWEEP_S = 1.0
HANDLERS_MAX = 32
ASKERS_MAX = 8
STREAMS_MAX = 64
WAITING_MAX = 2_000
"""Requests under way; one more is answered 503."""
SHORT_BYTES = 64 * 1024
READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
AT_ONCE = select.EPOLLOUT | select.EPOLLONESHOT
"""For a connection of which something was read already: it can be written to."""
Handle = Callable[[Request], Response | Pending]


@dataclass(frozen=True, slots=True)
class Doors:
    """How connections come in from the gateways, and where invocations go back to."""

    handoffs: socket.socket
    invocations: Path


class Server:
    """Serves the connections that gateways hand over, until SIGTERM.

    The kernel wakes one thread for each request, the one that rested last, and no word passes between threads. The
    event loop takes connections in, sees to waits and closes what took too long.
    """

    def __init__(self, handle: Handle, doors: Doors, waits: Waits) -> None:
        self._handle = handle
        self._doors = doors
        self._waits = waits
        self._handlers = [
            threading.Thread(target=self._work, name=f"handler-{number}", daemon=True) for number in range(HANDLERS_MAX)
        ]
        self._askers = ThreadPoolExecutor(ASKERS_MAX, "asker")
        self._streams = ThreadPoolExecutor(STREAMS_MAX, "stream")
        self._poll = select.epoll()
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._watched: dict[int, Connection] = {}  # by descriptor; whoever takes one out owns it
        self._busy: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop

    def run(self) -> None:
        """Serve until SIGTERM; requests under way are finished."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, stop.set)
        close = handoff.accept(self._doors.handoffs, self._adopt)
        end_waits = self._waits.open()
        self._poll.register(self._end, select.EPOLLIN)
        for handler in self._handlers:
            handler.start()
        self._sweep()
        await stop.wait()
        close()
        os.eventfd_write(self._end, 1)  # and nobody reads it, so that every handler sees it
        end_waits()
        deadline = self._loop.time() + DRAIN_S
        while self._is_at_work() and self._loop.time() < deadline:  # noqa: ASYNC110 - what ends does so in threads
            await asyncio.sleep(DRAIN_LOOK_S)
        for pool in (self._askers, self._streams):
            pool.shutdown(wait=False, cancel_futures=True)

    def _is_at_work(self) -> bool:
        return bool(self._busy) or any(handler.is_alive() for handler in self._handlers)

    # Called on the event loop.

    def _adopt(self, sock: socket.socket, pending: bytes) -> None:
        connection = Connection(sock, pending)
        connection.deadline = connection.patience()
        self._watched[sock.fileno()] = connection
        self._poll.register(sock.fileno(), AT_ONCE)

    def _sweep(self) -> None:
        """Close the connections whose clients took too long."""
        now = time.monotonic()
        for descriptor, connection in list(self._watched.items()):
            if connection.deadline < now and self._watched.pop(descriptor, None) is connection:
                self._close(connection)
        self._loop.call_later(SWEEP_S, self._sweep)

    async def _give_back(self, connection: Connection, head: Head) -> None:
        """Hand a connection whose next request is an invocation to the gateways."""
        try:
            await handoff.hand_over(self._doors.invocations, connection.sock, head.raw + connection.rest())
        except handoff.NotTaken:
            self._refuse(connection, 503, "No gateway takes invocations now.")
        finally:
            self._close(connection)

    async def _settle(self, connection: Connection, asked: _Asked, pending: Pending) -> None:
        """Wait for an answer that is not there yet, and have a thread send it."""
        ask = lambda question: self._loop.run_in_executor(self._askers, question)  # noqa: E731 - a line, not a name
        try:
            response = await self._waits.settle(pending, ask, connection.is_gone)
        except (OSError, EOFError):
            self._close(connection)
            return
        self._askers.submit(self._guarded, connection, lambda: self._finish(connection, asked, response))

    # Called in threads, each of which owns its connection until it is watched or closed.

    def _work(self) -> None:
        """Serve whichever connection has something to say, until the end."""
        while True:
            for descriptor, _ in self._poll.poll(maxevents=1):
                if descriptor == self._end:
                    return
                connection = self._watched.pop(descriptor, None)
                if connection is not None:
                    self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        if len(self._busy) >= WAITING_MAX:
            self._refuse(connection, 503, "Too many requests are under way. Reduce your request rate.")
            return
        self._busy.add(connection)
        self._guarded(connection, lambda: self._exchange(connection))

    def _guarded(self, connection: Connection, step: Callable[[], bool]) -> None:
        """Take a step, and further ones while requests are there; whatever goes wrong ends the connection."""
        try:
            goes_on = step()
            while goes_on and connection.has_more:
                goes_on = self._exchange(connection)
            if goes_on:
                self._watch(connection)
        except Malformed as error:
            self._refuse(connection, error.status, str(error))
        except (OSError, EOFError):
            log.debug("connection ended", exc_info=True)
            self._close(connection)
        except Exception:
            log.exception("an answer could not be sent whole")
            self._close(connection)

    def _exchange(self, connection: Connection) -> bool:
        """Answer one request, or leave it to another; return whether the connection still is this thread's."""
        received = connection.request()
        if received is None:
            self._watch(connection)
            return False
        head, body = received
        if head.is_invocation:
            self._begin(self._give_back(connection, head))
            return False
        asked = _Asked(head, body)
        if isinstance(body, SocketBody):
            self._streams.submit(self._guarded, connection, lambda: self._answer(connection, asked, streams=True))
            return False
        return self._answer(connection, asked)

    def _answer(self, connection: Connection, asked: _Asked, *, streams: bool = False) -> bool:
        response = self._handle(asked.head.request(asked.body, secure=connection.secure))
        if isinstance(response, Pending):
            self._begin(self._settle(connection, asked, response))
            return False
        return self._finish(connection, asked, response, streams=streams)

    def _finish(self, connection: Connection, asked: _Asked, response: Response, *, streams: bool = False) -> bool:
        """Send an answer; what may take long is sent by a thread for that."""
        if connection.sock.gettimeout() != 0:  # as reading the body leaves it behind
            connection.sock.settimeout(0)
        keep = asked.keeps(response)
        if isinstance(response.body, bytes):
            rest = connection.send(answer(response, keep=keep, bodiless=asked.head.method == "HEAD"))
            send = partial(connection.send_all, rest)
            here = streams or not rest
        else:
            send = partial(connection.send_stream, response, keep=keep, chunks=asked.head.knows_chunks)
            here = streams or _is_short(response)
        if here:
            return self._sent(connection, send, keep=keep)
        self._streams.submit(self._guarded, connection, lambda: self._sent(connection, send, keep=keep))
        return False

    def _sent(self, connection: Connection, send: Callable[[], None], *, keep: bool) -> bool:
        send()
        if not keep:
            self._close(connection)
        return keep

    def _watch(self, connection: Connection) -> None:
        connection.deadline = connection.patience()
        self._busy.discard(connection)
        descriptor = connection.sock.fileno()
        self._watched[descriptor] = connection  # from here on it belongs to whoever takes it out
        self._poll.modify(descriptor, READABLE)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the event loop do something."""

        def start() -> None:
            task = self._loop.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(start)

    def _refuse(self, connection: Connection, status: int, text: str) -> None:
        response = Response(status, [("content-type", "text/plain; charset=utf-8")], text.encode())
        with suppress(OSError):
            connection.send(answer(response, keep=False))
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if connection.sock.fileno() >= 0:
            self._poll.unregister(connection.sock)
            connection.sock.close()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is being answered."""

    head: Head
    body: bytes | SocketBody

    def keeps(self, response: Response) -> bool:
        """Say whether the connection goes on after an answer: not if only its end tells where the body ends."""
        ends = self.head.knows_chunks or isinstance(response.body, bytes) or says_length(response)
        return self.head.keep_alive and ends and (isinstance(self.body, bytes) or self.body.finished)


def _is_short(response: Response) -> bool:
    """Say whether a stream is known to be so short that sending it takes no time."""
    return any(name.lower() == "content-length" and int(text) <= SHORT_BYTES for name, text in response.headers)
