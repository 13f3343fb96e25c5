"""Request bodies as S3 sends them: decoded from aws-chunked and held against what was signed, as they are read."""

from __future__ import annotations

from hashlib import sha256

from clary.core.errors import ServiceError
from clary.wire import sigv4
from clary.wire.aws_chunked import READ_BYTES, ChunkedBody
from clary.wire.message import Body, BodyStream, Request
from clary.wire.sigv4 import Signature
from clary.wire.sigv4_chunks import ChunkSignatures

UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED_CHUNKS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


class BytesBody:
    """A body that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self.length: int | None = len(data)
        self._data = memoryview(data)

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes, all that are left if negative."""
        end = len(self._data) if n < 0 else n
        data, self._data = bytes(self._data[:end]), self._data[end:]
        return data


class VerifiedBody:
    """Gives a body as it is, and raises XAmzContentSHA256Mismatch at its end if it is not what was signed."""

    def __init__(self, source: BodyStream, signature: Signature) -> None:
        self.length = source.length
        self._source = source
        self._signature = signature
        self._digest = sha256()
        self._seen = 0

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes (all there is to come if negative), b'' at the end."""
        if n < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        data = self._source.read(n)
        self._digest.update(data)
        self._seen += len(data)
        if self._seen == self.length or (n > 0 and not data):
            sigv4.check_digest(self._signature, self._digest.hexdigest())
        return data


def wrap(http: Request, signature: Signature, key: bytes) -> Body:
    """Return the body that a handler reads; it raises ServiceErrors where it is not what its headers say."""
    payload = signature.payload
    if payload == UNSIGNED_CHUNKS or payload in SIGNED_CHUNKS:
        source = BytesBody(http.body) if isinstance(http.body, bytes) else http.body
        signatures = ChunkSignatures(signature, key) if payload in SIGNED_CHUNKS else None
        return ChunkedBody(source, _decoded_length(http), signatures)
    if isinstance(http.body, bytes) or payload in ("", sigv4.UNSIGNED):
        return http.body  # The signature covers bytes in memory already.
    return VerifiedBody(http.body, signature)


def _decoded_length(http: Request) -> int:
    text = http.headers.get("x-amz-decoded-content-length")
    if not text.isascii() or not text.isdigit():
        raise ServiceError("You must provide the Content-Length HTTP header.", code="MissingContentLength", status=411)
    return int(text)
