"""Where a worker's connections come in, and where those go that are not for it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from clary.core import handoff
from clary.core.settings import Settings
from clary.gateway import answers
from clary.gateway.connections import LINGER_S, Connection
from clary.gateway.forms import Forms
from clary.gateway.hall import Hall, context_of
from clary.gateway.invocations import Plane
from clary.gateway.streams import Streams

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 8_192
"""Of clients, in one worker; more wait in the listener's backlog."""
UNREAD_BYTES_MAX = {5.0: 64 * 1024 * 1024, 0.0: 128 * 1024 * 1024}
"""Of answers, in one worker, that clients have left unread for so many seconds."""
HANDOFFS_WAITING_MAX = 1_024
"""Connections that wait for the api while it restarts; one more is answered 503."""
API_PATIENCE_S = handoff.PATIENCE_S
BREATH_S = 0.1
"""Pause before accepting again when the process has no descriptor left."""
DRAIN_POLL_S = 0.02
DISCARD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sockets:
    """Listening sockets, inherited: the port, the one for code inside instances, the one the api hands back to."""

    tcp: socket.socket
    platform: socket.socket
    invocations: socket.socket


class Desk:
    """Accepts connections, and gives away those that the api is to serve."""

    def __init__(self, loop: asyncio.AbstractEventLoop, plane: Plane, settings: Settings, sockets: Sockets) -> None:
        self.loop = loop
        self.body_bytes_max = settings.invocation_bytes_max
        self.draining = False
        self.forms = Forms()
        self.invoke = plane.invoke
        self._streams = Streams(plane)
        self.stream = self._streams.begin
        self.stopwatch = plane.stopwatch
        self._api = settings.handoff_socket
        self._entrances = (sockets.tcp, sockets.platform)
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handing_over = 0
        self._hall = Hall(self, context_of(settings))
        self._accepting = False
        self._stop_taking_back = handoff.accept(sockets.invocations, self._take_back)
        for listener in self._entrances:
            listener.settimeout(0)
        self._accept_more()

    def opened(self, connection: Connection) -> None:
        """Take note of a connection."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        if not self._accepting and len(self._connections) < CONNECTIONS_MAX:
            self._accept_more()

    def hand_over(self, connection: socket.socket, pending: bytes) -> None:
        """Give a connection to the api, or answer 503 in its stead; one that does not speak plainly to the hall."""
        if self._hall.takes(pending):
            self._spawn(self._hall.let_in(connection, pending))
        elif self._handing_over >= HANDOFFS_WAITING_MAX or len(pending) > handoff.PENDING_BYTES_MAX:
            self._spawn(_turn_away(connection, pending, "Too many connections wait for the API."))
        else:
            self._handing_over += 1
            self._spawn(self._hand_over(connection, pending))

    def sweep(self) -> None:
        """Close connections whose time is over."""
        now = self.loop.time()
        for connection in list(self._connections):
            connection.sweep(now)
        self._hall.sweep(now)
        self._make_room()

    async def drain(self, patience_s: float) -> None:
        """Accept nothing more, and return when everything under way is done, or the time is over."""
        self.draining = True
        self._stop_accepting()
        self._stop_taking_back()
        ends = self.loop.time() + patience_s
        for connection in list(self._connections):
            connection.close_if_idle()
        while (now := self.loop.time()) < ends and self._working(now):  # noqa: ASYNC110 - many things end
            await asyncio.sleep(DRAIN_POLL_S)
        self._streams.break_off()

    def _make_room(self) -> None:
        """Let clients go that do not read, the slowest first, where their answers take too much memory."""
        for patience_s, bytes_max in UNREAD_BYTES_MAX.items():
            unread = {connection: connection.unread(patience_s) for connection in self._connections}
            total = sum(unread.values())
            if total > bytes_max:
                for connection in sorted(self._connections, key=lambda each: each.deadline):
                    if total > bytes_max and unread[connection]:
                        total -= unread[connection]
                        connection.drop()

    def _working(self, now: float) -> bool:
        self._hall.drain(now)
        return bool(self._tasks) or any(each.busy for each in self._connections) or self._hall.busy(now)

    def _accept_more(self) -> None:
        if not self.draining:
            self._accepting = True
            for listener in self._entrances:
                self.loop.add_reader(listener, self._accept, listener)

    def _stop_accepting(self) -> None:
        self._accepting = False
        for listener in self._entrances:
            self.loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        """Accept one connection, so that the other workers get their share."""
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            log.error("no connection can be accepted for the moment: %s", error)
            self._stop_accepting()
            self.loop.call_later(BREATH_S, self._accept_more)
            return
        self._adopt(client, partial(Connection, self))

    def _take_back(self, client: socket.socket, pending: bytes) -> None:
        self._adopt(client, self._hall.handed_back(client, pending))

    def _adopt(self, client: socket.socket, make: Callable[[], Connection]) -> None:
        client.settimeout(0)
        self._spawn(self._converse(client, make))
        if len(self._connections) >= CONNECTIONS_MAX:
            self._stop_accepting()

    async def _converse(self, client: socket.socket, make: Callable[[], Connection]) -> None:
        try:
            await self.loop.connect_accepted_socket(make, client)
        except OSError:
            client.close()

    async def _hand_over(self, connection: socket.socket, pending: bytes) -> None:
        try:
            await handoff.hand_over(self._api, connection, pending, patience_s=API_PATIENCE_S)
            connection.close()
        except handoff.NotTaken:
            log.warning("the api took no connection for %s s", API_PATIENCE_S)
            await _turn_away(connection, pending, "The API is not available at the moment.")
        finally:
            self._handing_over -= 1

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _turn_away(connection: socket.socket, pending: bytes, message: str) -> None:
    """Answer 503 and read on for a while, so that closing does not destroy the answer."""
    loop = asyncio.get_running_loop()
    with connection, suppress(OSError):  # a TimeoutError too
        connection.settimeout(0)
        connection.send(answers.unavailable(message, pending))
        connection.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_S):
            while await loop.sock_recv(connection, DISCARD_BYTES):
                pass
