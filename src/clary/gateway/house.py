"""What a connection needs of its worker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, TypeVar

from clary.gateway.forms import Filled, Form, Forms
from clary.gateway.heads import Head
from clary.gateway.invocations import Respond

C = TypeVar("C", contravariant=True)


class House(Protocol[C]):
    """A worker; its connections are of kind C."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""

    @property
    def stopwatch(self) -> Callable[[], float]:
        """Return what tells seconds to the microsecond, which the event loop's own time does not."""

    @property
    def body_bytes_max(self) -> int:
        """Return the largest body of an invocation."""

    @property
    def draining(self) -> bool:
        """Say whether no further request is taken."""

    @property
    def forms(self) -> Forms:
        """Return the forms of requests."""

    def invoke(self, head: Head | Filled, form: Form | None, body: bytes, began: float, respond: Respond) -> None:
        """Answer an invocation."""

    def stream(self, head: Head, body: bytes, began: float, outlet: C) -> None:
        """Answer an invocation as the answer comes."""

    def hand_over(self, connection: socket.socket, pending: bytes) -> None:
        """Give a connection to the api."""

    def opened(self, connection: C) -> None:
        """Take note of a connection."""

    def closed(self, connection: C) -> None:
        """Forget a connection."""
