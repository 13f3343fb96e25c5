"""The program's log: what comes out of its standard output and error, in a file of bounded size on disk.

Offsets in the file never change: when it outgrows its limit the oldest bytes become a hole, which takes no space and
which readers skip with SEEK_DATA. Where the file system knows no holes the log ends at its limit.
"""

from __future__ import annotations

import os

from clary.compute.keeper import kernel
from clary.compute.keeper.loop import IN, Loop

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

CHUNK_BYTES: Final = 65536
HOLE_BYTES: Final = 1024 * 1024
FULL: Final = b"\n[clary] The log has reached its limit of %d bytes; the rest of it is dropped.\n"


class Output:
    """Copies a pipe into the log file."""

    def __init__(self, loop: Loop, pipe: int, path: str, bytes_max: int, grew: Callable[[], None]) -> None:
        self._loop = loop
        self._pipe = pipe
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._bytes_max = bytes_max
        self._grew = grew
        self._size = os.fstat(self._file).st_size
        self._holed = 0
        self._dropping = False
        self.ended = False
        os.set_blocking(pipe, False)
        loop.watch(pipe, IN, self._read)

    def say(self, text: str) -> None:
        """Add a line of the keeper's own."""
        self._write(text.encode() + b"\n")

    def _read(self, events: int) -> None:
        try:
            chunk = os.read(self._pipe, CHUNK_BYTES)
        except BlockingIOError:
            return
        if chunk:
            self._write(chunk)
            self._grew()
        else:
            self.ended = True
            self._loop.forget(self._pipe)
            os.close(self._pipe)

    def _write(self, chunk: bytes) -> None:
        if self._dropping:
            return
        try:
            self._size += os.write(self._file, chunk)
        except OSError:
            return  # a full disk costs log lines, not the program
        if self._size - self._holed > self._bytes_max:
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        length = max(HOLE_BYTES, self._bytes_max // 8 // HOLE_BYTES * HOLE_BYTES)
        try:
            kernel.punch_hole(self._file, self._holed, length)
        except OSError:
            self._dropping = True
            os.write(self._file, FULL % self._bytes_max)
        self._holed += length
