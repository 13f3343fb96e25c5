"""A body that is made piece by piece: each is sent when it is made, and the next asked for when it was taken.

The customer's code makes them, so it runs in a thread; so many at once, whatever predictions do. One that fails midway
leaves the body cut short, which is how HTTP/1.1 tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from clary_runtime.logs import LOG
from clary_runtime.serving.messages import Reply

STREAMS_MAX = 64
"""At once; one more is refused."""


class Streams:
    """The streams of a server, each of which has a thread while a piece of it is made."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._threads = ThreadPoolExecutor(STREAMS_MAX + 1, thread_name_prefix="stream")  # one ends what is refused
        self._going = 0

    async def send(self, transport: asyncio.Transport, reply: Reply, taken: asyncio.Event, *, close: bool) -> bool:
        """Send a reply in pieces, or 503; return whether it went out. `taken` is set while the client keeps up."""
        assert reply.pieces is not None, "it is such a reply"
        self._going += 1
        try:
            if self._going > STREAMS_MAX:
                LOG.warning("%d streams are under way: one more is refused", STREAMS_MAX)
                transport.write(Reply.text(503, "Too many streams are under way").encoded(close=close))
                return True
            return await self._send(transport, reply, reply.pieces, taken, close=close)
        finally:
            self._going -= 1
            await self._loop.run_in_executor(self._threads, _end, reply.pieces)

    async def _send(
        self, transport: asyncio.Transport, reply: Reply, pieces: Iterator[bytes], taken: asyncio.Event, *, close: bool
    ) -> bool:
        transport.write(reply.encoded(close=close))
        try:
            while not transport.is_closing():
                piece = await self._loop.run_in_executor(self._threads, _next, pieces)
                if piece is None:
                    transport.write(b"0\r\n\r\n")
                    return True
                transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await taken.wait()
        except Exception:  # noqa: BLE001 - the server's edge: customers' code may raise anything
            LOG.exception("Exception in a stream")
        return False


def _next(pieces: Iterator[bytes]) -> bytes | None:
    """Return the next piece that is not empty, None at the end."""
    return next(filter(None, pieces), None)


def _end(pieces: Iterator[bytes]) -> None:
    """Let the customer's code clean up."""
    try:
        getattr(pieces, "close", lambda: None)()
    except Exception:  # noqa: BLE001 - as above
        LOG.exception("Exception at the end of a stream")
