"""A body that is made piece by piece: each is sent when it is made, and the next asked for when it was taken.

The customer's code makes them, so it runs in a thread. One that fails midway leaves the body cut short, which is how
HTTP/1.1 tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from clary_runtime.logs import LOG
from clary_runtime.serving.messages import Reply


async def send(transport: asyncio.Transport, reply: Reply, taken: asyncio.Event, *, close: bool) -> bool:
    """Send a reply in pieces; return whether it went out whole. `taken` is set whenever the client is not behind."""
    assert reply.pieces is not None, "it is such a reply"
    loop = asyncio.get_running_loop()
    transport.write(reply.encoded(close=close))
    try:
        while not transport.is_closing():
            piece = await loop.run_in_executor(None, _next, reply.pieces)
            if piece is None:
                transport.write(b"0\r\n\r\n")
                return True
            transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await taken.wait()
    except Exception:  # noqa: BLE001 - the server's edge: customers' code may raise anything
        LOG.exception("Exception in a stream")
    finally:
        await loop.run_in_executor(None, _end, reply.pieces)
    return False


def _next(pieces: Iterator[bytes]) -> bytes | None:
    """Return the next piece that is not empty, None at the end."""
    return next(filter(None, pieces), None)


def _end(pieces: Iterator[bytes]) -> None:
    """Let the customer's code clean up."""
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
