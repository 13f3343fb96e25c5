"""Large bodies and chunked ones, put together as they arrive. Pure (RFC 9112, section 7.1)."""

from __future__ import annotations

import re
from io import BytesIO

from clary.gateway.heads import Malformed

LINE_BYTES_MAX = 4096
TRAILER_BYTES_MAX = 8192
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t -~]*)?")
TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*")


class TooLarge(Exception):
    """The body has more bytes than it may."""


class Space:
    """Where a body of a stated length is read to, so that a large one is not copied again; `begun` has come before."""

    def __init__(self, length: int, begun: bytes | bytearray) -> None:
        self._held = BytesIO(bytes(length))
        self.missing = self._held.getbuffer()
        self.missing[: len(begun)] = begun
        self.fill(len(begun))

    def fill(self, count: int) -> None:
        """Note that the next so many bytes have come."""
        self.missing = self.missing[count:]

    def body(self) -> bytes:
        """Return the body, which is whole; it is copied if somebody still holds what `missing` was."""
        self.missing.release()
        return self._held.getvalue()


class Chunks:
    """A chunked body of at most `bytes_max` bytes."""

    def __init__(self, bytes_max: int) -> None:
        self.whole = False
        self._body = bytearray()
        self._bytes_max = bytes_max
        self._left = 0  # of the chunk that is being read, its line end included
        self._trailers = False
        self._trailer_bytes = 0

    def feed(self, buffer: bytearray) -> None:
        """Take what belongs to the body off the buffer; raise Malformed or TooLarge."""
        while buffer and not self.whole:
            taken = self._take_data(buffer) if self._left else self._take_line(buffer)
            if not taken:
                return

    def body(self) -> bytes:
        """Return the bytes of the body so far."""
        return bytes(self._body)

    def _take_data(self, buffer: bytearray) -> bool:
        data = min(len(buffer), self._left - 2)
        if data > 0:
            self._body += memoryview(buffer)[:data]
            del buffer[:data]
            self._left -= data
            return True
        if len(buffer) < 2:
            return False
        if not buffer.startswith(b"\r\n"):
            raise Malformed("A chunk is longer than it says.")
        del buffer[:2]
        self._left = 0
        return True

    def _take_line(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n", 0, LINE_BYTES_MAX)
        if end < 0:
            if len(buffer) >= LINE_BYTES_MAX:
                raise Malformed("A line of the chunked body is too long.")
            return False
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        if self._trailers:
            self._end_or_trailer(line)
        else:
            self._begin_chunk(line)
        return True

    def _begin_chunk(self, line: bytes) -> None:
        size = SIZE_LINE.fullmatch(line)
        if size is None:
            raise Malformed("The size of a chunk is malformed.")
        length = int(size[1], 16)
        if len(self._body) + length > self._bytes_max:
            raise TooLarge
        self._trailers = length == 0
        self._left = length + 2 if length else 0

    def _end_or_trailer(self, line: bytes) -> None:
        self.whole = not line
        self._trailer_bytes += len(line)
        if line and (TRAILER_LINE.fullmatch(line) is None or self._trailer_bytes > TRAILER_BYTES_MAX):
            raise Malformed("The trailer of the chunked body is malformed.")
