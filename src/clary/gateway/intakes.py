"""Large bodies of clients, read straight to where they stay instead of through the connection's buffer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from clary.gateway.bodies import Space


class Intake(asyncio.BufferedProtocol):
    """Stands in for a connection while the body of its request comes."""

    def __init__(self, connection: asyncio.Protocol, space: Space, whole: Callable[[], None]) -> None:
        self._connection = connection
        self._space = space
        self._whole = whole

    def get_buffer(self, _: int) -> memoryview:
        """Return where the rest of the body belongs."""
        return self._space.missing

    def buffer_updated(self, nbytes: int) -> None:
        """Note what has come."""
        self._space.fill(nbytes)
        if not self._space.missing:
            self._whole()

    def eof_received(self) -> bool | None:
        """Tell the connection."""
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        """Tell the connection."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Tell the connection."""
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection."""
        self._connection.connection_lost(exc)
