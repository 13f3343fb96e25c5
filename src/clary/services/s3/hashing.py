"""A hash of a long body, taken in a thread of its own while the body is received and written."""

from __future__ import annotations

from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any

INLINE_BYTES_MAX = 16 * 1024 * 1024
"""Up to here a thread is not worth its while: parts of an upload come several at once anyway."""
AHEAD_MAX = 4
"""How many pieces may wait for the thread."""


class LongHash:
    """Takes the digest of pieces in their order; nothing is left running behind its `with`."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self._seen = 0
        self._pieces: Queue[bytes]
        self._thread: Thread | None = None

    def __enter__(self) -> LongHash:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._finish()

    def update(self, piece: bytes) -> None:
        """Take in the next piece, now or soon."""
        self._seen += len(piece)
        if self._seen <= INLINE_BYTES_MAX:
            self._digest.update(piece)
            return
        if self._thread is None:
            self._pieces = Queue(AHEAD_MAX)
            self._thread = Thread(target=self._run, name="hash", daemon=True)
            self._thread.start()
        self._pieces.put(piece)

    def digest(self) -> bytes:
        """Return the digest of all pieces."""
        self._finish()
        found: bytes = self._digest.digest()
        return found

    def _run(self) -> None:
        for piece in iter(self._pieces.get, b""):
            self._digest.update(piece)

    def _finish(self) -> None:
        if self._thread is not None:
            self._pieces.put(b"")
            self._thread.join()
            self._thread = None
