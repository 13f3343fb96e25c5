"""Request bodies that came compressed, as SDKs send large ones of PutMetricData (the trait `requestCompression`)."""

from __future__ import annotations

import zlib

from clary.core.errors import ServiceError
from clary.wire.malformed import SerializationError

GZIP = "gzip"
WITH_HEADER = 16 + zlib.MAX_WBITS


def inflated(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """Return the body as it was before it was compressed; raise a ServiceError if it is not, or too large."""
    if encoding.strip().lower() != GZIP:
        return body
    reader = zlib.decompressobj(WITH_HEADER)
    try:
        plain = reader.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise SerializationError(f"The request body is not gzip: {error}") from None
    if len(plain) > bytes_max:
        raise ServiceError("The request body is too large.", code="RequestEntityTooLargeException", status=413)
    if not reader.eof:
        raise SerializationError("The request body is not gzip: it ends too early")
    return plain
