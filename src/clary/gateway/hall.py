"""Where connections go that speak more than plain HTTP/1.1: TLS, told by its first byte, and HTTP/2, by its preface.

Both come in by the same port as everything else; a plain invocation never gets here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial

from clary.core import origins
from clary.core.settings import Settings
from clary.gateway import tls
from clary.gateway.connections import Connection
from clary.gateway.forms import Filled, Form
from clary.gateway.guests import Guest
from clary.gateway.heads import Head
from clary.gateway.house import House
from clary.gateway.http2 import PREFACE, Http2
from clary.gateway.invocations import Respond

HANDSHAKE = b"\x16"
"""What every TLS session begins with (RFC 8446, section 5.1)."""
GUESTS_MAX = 8_192
"""Sessions and connections of HTTP/2 in one worker; one more is closed at once."""


class Hall:
    """Lets guests in, and serves what they carry; belongs to one event loop."""

    def __init__(self, house: House[Connection], context: ssl.SSLContext | None) -> None:
        self.loop = house.loop
        self._context = context
        self._plain = house
        self._secure = SecureHouse(house)
        self._guests: set[Guest] = set()
        self._draining = False

    def takes(self, begun: bytes) -> bool:
        """Say whether a connection that begins so comes here."""
        if begun.startswith(HANDSHAKE):
            return self._context is not None
        return begun.startswith(PREFACE) or PREFACE.startswith(begun)

    async def let_in(self, connection: socket.socket, begun: bytes) -> None:
        """Serve a connection of which `begun` was read."""
        guest = self._guest(begun, secure=origins.is_secure(connection))
        if guest is None or self._draining or len(self._guests) >= GUESTS_MAX:
            connection.close()
            return
        connection.settimeout(0)
        try:
            await self.loop.connect_accepted_socket(lambda: guest, connection)
        except OSError:
            connection.close()

    def opened(self, guest: Guest) -> None:
        """Take note of a guest."""
        self._guests.add(guest)

    def closed(self, guest: Guest) -> None:
        """Forget a guest."""
        self._guests.discard(guest)

    def server_of(self, agreed: str | None) -> asyncio.Protocol:
        """Return what serves a session whose protocol was agreed on so."""
        return Http2(self, secure=True) if agreed == tls.HTTP_2 else self.plain_server(secure=True)

    def plain_server(self, *, secure: bool) -> asyncio.Protocol:
        """Return what serves a line."""
        return Connection(self._secure if secure else self._plain)

    def handed_back(self, connection: socket.socket, pending: bytes) -> Callable[[], Connection]:
        """Return what serves a connection that the api gives back, with what it has read."""
        house = self._secure if origins.is_secure(connection) else self._plain
        return partial(Connection, house, pending, handed_back=True)

    def sweep(self, now: float) -> None:
        """Close those whose time is over."""
        for guest in list(self._guests):
            guest.sweep(now)

    def drain(self, now: float) -> None:
        """Let nobody in any more, and end those that have nothing under way; to be called again until none has."""
        self._draining = True
        for guest in list(self._guests):
            guest.close_if_idle(now)

    def busy(self, now: float) -> bool:
        """Say whether something is under way that only guests know of."""
        return any(guest.busy(now) for guest in self._guests)

    def _guest(self, begun: bytes, *, secure: bool) -> Http2 | tls.Session | None:
        if not begun.startswith(HANDSHAKE):
            return Http2(self, begun, secure=secure)
        return None if secure or self._context is None else tls.Session(self, self._context, begun)


class SecureHouse:
    """The house as it is seen by connections that came over TLS."""

    def __init__(self, house: House[Connection]) -> None:
        self.loop = house.loop
        self.stopwatch = house.stopwatch
        self.body_bytes_max = house.body_bytes_max
        self.forms = house.forms
        self.hand_over = house.hand_over
        self.opened = house.opened
        self.closed = house.closed
        self._house = house

    @property
    def draining(self) -> bool:
        """Say whether no further request is taken."""
        return self._house.draining

    def invoke(self, head: Head | Filled, form: Form | None, body: bytes, began: float, respond: Respond) -> None:
        """Answer an invocation, which is known to be secure."""
        self._house.invoke(head._replace(secure=True), form, body, began, respond)

    def stream(self, head: Head, body: bytes, began: float, outlet: Connection) -> None:
        """Answer an invocation, which is known to be secure, as the answer comes."""
        self._house.stream(head._replace(secure=True), body, began, outlet)


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what TLS sessions are made from, None if there are to be none; raise OSError."""
    return None if settings.tls_files is None else tls.server_context(*settings.tls_files)
