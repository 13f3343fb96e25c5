from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.bodies import BytesBody, wrap
from clary.wire.aws_chunked import ChunkedBody
from clary.wire.message import Headers, Request
from clary.wire.sigv4 import UNSIGNED, Signature


class Sent:
    """A body that is read as it arrives."""

    def __init__(self, data: bytes) -> None:
        self.length: int | None = len(data)
        self.read = BytesIO(data).read


def wrapped(body: Any, payload: str, **headers: str) -> Any:
    signature = Signature(
        access_key="A", date="20130524", region="us-east-1", service="s3", signed_headers="host", signature="0" * 64,
        timestamp="20130524T000000Z", at=0.0, payload=payload, session_token="", presigned=False, expires_s=0,
        dialect="s3",
    )  # fmt: skip
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return wrap(Request("PUT", "/b/k", "", named, body), signature, b"key")


def drained(body: Any, n: int = 3) -> bytes:
    return b"".join(iter(lambda: body.read(n), b""))


def test_a_stream_is_held_against_the_hash_that_was_signed() -> None:
    right = sha256(b"hello world").hexdigest()
    assert drained(wrapped(Sent(b"hello world"), right)) == b"hello world"
    assert wrapped(Sent(b"hello world"), right).read() == b"hello world"
    for read in (drained, lambda body: body.read()):
        with pytest.raises(ServiceError) as refused:
            read(wrapped(Sent(b"hello worlx"), right))
        assert (refused.value.code, refused.value.status) == ("XAmzContentSHA256Mismatch", 400)


def test_a_stream_without_a_signed_hash_is_taken_as_it_is() -> None:
    for payload in (UNSIGNED, ""):
        body = Sent(b"hello")
        assert wrapped(body, payload) is body
    assert wrapped(b"hello", sha256(b"hello").hexdigest()) == b"hello"


def test_chunks_are_decoded_whether_they_are_in_memory_or_not() -> None:
    raw = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    for sent in (raw, Sent(raw)):
        body = wrapped(sent, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_decoded_content_length="5")
        assert isinstance(body, ChunkedBody)
        assert (body.length, drained(body)) == (5, b"hello")
        assert body.trailers == {"x-amz-checksum-crc32": "NhCmhg=="}


@pytest.mark.parametrize("length", ["", "-1", "five", "٥"])
def test_chunks_without_a_decoded_length_are_refused(length: str) -> None:
    with pytest.raises(ServiceError) as refused:
        wrapped(b"0\r\n\r\n", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_decoded_content_length=length)
    assert (refused.value.code, refused.value.status) == ("MissingContentLength", 411)


def test_bytes_are_read_like_a_stream() -> None:
    body = BytesBody(b"hello")
    assert [body.read(2), body.read(), body.read(2)] == [b"he", b"llo", b""]
