"""What a TLS session, or a connection of HTTP/2, and whoever lets it in know of each other."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Guest(Protocol):
    """A TLS session, or a connection of HTTP/2."""

    def sweep(self, now: float) -> None:
        """Close it if its time is over."""

    def busy(self, now: float, /) -> bool:
        """Say whether something is under way that nobody else knows of."""

    def close_if_idle(self, now: float) -> None:
        """Begin nothing more, and close it if nothing is under way."""


class Gate(Protocol):
    """Who lets guests in, and serves what they carry."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""

    def opened(self, guest: Guest) -> None:
        """Take note of a guest."""

    def closed(self, guest: Guest) -> None:
        """Forget a guest."""

    def server_of(self, agreed: str | None) -> asyncio.Protocol:
        """Return what serves a session whose protocol was agreed on so."""

    def plain_server(self, *, secure: bool) -> asyncio.Protocol:
        """Return what serves a line."""
