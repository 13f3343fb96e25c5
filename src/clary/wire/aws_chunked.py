"""The aws-chunked encoding of S3 bodies: signed chunks, unsigned ones, and trailing headers.

Amazon S3 API reference, «Authenticating Requests: Using the Authorization Header (Transferring
Payload in Multiple Chunks)». Constant memory whatever size the client gives its chunks.
"""

from __future__ import annotations

import re
from hashlib import sha256

from clary.core.errors import ServiceError
from clary.wire.message import BodyStream
from clary.wire.sigv4_chunks import ChunkSignatures

LINE_BYTES_MAX = 4096
"""A chunk's header, or one trailing header."""
TRAILERS_MAX = 16
READ_BYTES = 1024 * 1024
SIGNATURE_TRAILER = "x-amz-trailer-signature"
_CHUNK_HEADER = re.compile(rb"([0-9a-fA-F]{1,15})(?:;chunk-signature=([0-9a-f]{64}))?")


class ChunkedBody:
    """Gives the decoded bytes; `trailers` holds the trailing headers once the body has ended.

    Raises ServiceError: IncompleteBody when less or more comes than `length` says,
    InvalidRequest or MalformedTrailerError when it is not aws-chunked, and what
    the signatures raise when one is wrong.
    """

    def __init__(self, source: BodyStream, length: int, signatures: ChunkSignatures | None = None) -> None:
        self.length: int | None = length
        self.trailers: dict[str, str] = {}
        self._source = source
        self._signatures = signatures
        self._left_in_body = length
        self._left_in_chunk = 0
        self._ended = False
        self._ahead = b""  # read, not yet given
        self._signature = ""
        self._digest = sha256()

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes (all there is to come if negative), b'' at the end."""
        if n < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        if self._left_in_chunk == 0 and not self._ended:
            self._begin_chunk()
        if self._ended or n == 0:
            return b""
        data = self._take(min(n, self._left_in_chunk))
        self._left_in_chunk -= len(data)
        self._left_in_body -= len(data)
        if self._signatures is not None:
            self._digest.update(data)
        if self._left_in_chunk == 0:
            self._end_chunk()
        return data

    def _begin_chunk(self) -> None:
        match = _CHUNK_HEADER.fullmatch(self._line())
        if match is None or (self._signatures is not None and match[2] is None):
            raise ServiceError("A chunk of the body has a malformed header.", code="InvalidRequest", status=400)
        self._left_in_chunk = int(match[1], 16)
        self._signature = (match[2] or b"").decode()
        self._digest = sha256()
        if self._left_in_chunk > self._left_in_body:
            raise _incomplete()
        if self._left_in_chunk == 0:
            self._verify_chunk()
            self._end()

    def _end_chunk(self) -> None:
        if self._line():
            raise ServiceError("A chunk of the body is longer than it says.", code="InvalidRequest", status=400)
        self._verify_chunk()

    def _verify_chunk(self) -> None:
        if self._signatures is not None:
            self._signatures.verify_digest(self._signature, self._digest.hexdigest())

    def _end(self) -> None:
        if self._left_in_body:
            raise _incomplete()
        told = b""
        for line in iter(self._line, b""):
            name, value = _trailer(line)
            if len(self.trailers) == TRAILERS_MAX:
                raise _malformed_trailer()
            self.trailers[name] = value
            if name != SIGNATURE_TRAILER:
                told += f"{name}:{value}\n".encode()
        self._verify_trailers(told)
        self._ended = True

    def _verify_trailers(self, told: bytes) -> None:
        signature = self.trailers.pop(SIGNATURE_TRAILER, "")
        if self._signatures is not None and (told or signature):
            self._signatures.verify_trailer(signature, told)

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\r\n")) < 0:
            if len(self._ahead) > LINE_BYTES_MAX:
                raise ServiceError("A header of a chunk is too long.", code="InvalidRequest", status=400)
            self._ahead += self._from_source(LINE_BYTES_MAX)
        line, self._ahead = self._ahead[:end], self._ahead[end + 2 :]
        return line

    def _take(self, n: int) -> bytes:
        if not self._ahead:
            return self._from_source(n)
        data, self._ahead = self._ahead[:n], self._ahead[n:]
        return data

    def _from_source(self, n: int) -> bytes:
        data = self._source.read(n)
        if not data:
            raise _incomplete()
        return data


def _trailer(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    try:
        text = name.decode("ascii").strip().lower(), value.decode("ascii").strip()
    except UnicodeDecodeError:
        raise _malformed_trailer() from None
    if not colon or not text[0]:
        raise _malformed_trailer()
    return text


def _incomplete() -> ServiceError:
    text = "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header."
    return ServiceError(text, code="IncompleteBody", status=400)


def _malformed_trailer() -> ServiceError:
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return ServiceError(text, code="MalformedTrailerError", status=400)
