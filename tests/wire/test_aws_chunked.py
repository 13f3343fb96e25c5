from __future__ import annotations

import hmac
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.core.errors import ServiceError
from clary.wire.aws_chunked import LINE_BYTES_MAX, TRAILERS_MAX, ChunkedBody
from clary.wire.sigv4 import EMPTY_SHA256, Signature
from clary.wire.sigv4_chunks import ChunkSignatures
from clary.wire.sigv4_keys import signing_key


class Source:
    """A body that arrives a few bytes at a time."""

    def __init__(self, data: bytes, step: int = 1 << 20) -> None:
        self.length: int | None = len(data)
        self._data = BytesIO(data)
        self._step = step

    def read(self, n: int = -1) -> bytes:
        return self._data.read(min(n, self._step) if n >= 0 else -1)


def unsigned(data: bytes, sizes: list[int], trailers: bytes = b"") -> bytes:
    told, at = b"", 0
    for size in sizes:
        piece = data[at : at + size]
        if piece:
            told += b"%x\r\n%b\r\n" % (len(piece), piece)
        at += size
    rest = data[at:]
    return told + (b"%x\r\n%b\r\n" % (len(rest), rest) if rest else b"") + b"0\r\n" + trailers + b"\r\n"


def drained(body: ChunkedBody, n: int = 1000) -> bytes:
    return b"".join(iter(lambda: body.read(n), b""))


@given(
    data=st.binary(max_size=3000),
    sizes=st.lists(st.integers(1, 900), max_size=6),
    step=st.integers(1, 5000),
    n=st.integers(1, 4000),
)
def test_a_body_is_decoded_however_it_is_cut_and_read(data: bytes, sizes: list[int], step: int, n: int) -> None:
    raw = unsigned(data, sizes, b"x-amz-checksum-crc32:AAAAAA==\r\n")
    body = ChunkedBody(Source(raw, step), len(data))
    assert drained(body, n) == data
    assert body.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}
    assert body.read(10) == b""


def test_the_whole_body_comes_in_one_read_when_asked() -> None:
    assert ChunkedBody(Source(unsigned(b"abcdef", [2])), 6).read() == b"abcdef"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b"", "IncompleteBody", id="nothing"),
        pytest.param(b"3\r\nab", "IncompleteBody", id="cut off in a chunk"),
        pytest.param(b"3\r\nabc\r\n", "IncompleteBody", id="no last chunk"),
        pytest.param(b"3\r\nabc\r\n0\r\n", "IncompleteBody", id="cut off before the end"),
        pytest.param(b"2\r\nab\r\n0\r\n\r\n", "IncompleteBody", id="less than declared"),
        pytest.param(b"4\r\nabcd\r\n0\r\n\r\n", "IncompleteBody", id="more than declared"),
        pytest.param(b"fffffffffffffff\r\nabc", "IncompleteBody", id="a chunk larger than the body"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", "InvalidRequest", id="a chunk longer than it says"),
        pytest.param(b"-3\r\nabc\r\n0\r\n\r\n", "InvalidRequest", id="a negative size"),
        pytest.param(b"xyz\r\nabc\r\n0\r\n\r\n", "InvalidRequest", id="no number"),
        pytest.param(b"3;chunk-signature=zz\r\nabc\r\n0\r\n\r\n", "InvalidRequest", id="a signature that is none"),
        pytest.param(b"0" * (LINE_BYTES_MAX * 3), "InvalidRequest", id="an endless chunk header"),
        pytest.param(b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n", "MalformedTrailerError", id="a trailer without a value"),
        pytest.param(b"3\r\nabc\r\n0\r\n\xff:a\r\n\r\n", "MalformedTrailerError", id="a trailer that is no text"),
        pytest.param(b"3\r\nabc\r\n0\r\na:" + b"b" * (3 * LINE_BYTES_MAX), "InvalidRequest", id="an endless trailer"),
        pytest.param(
            b"3\r\nabc\r\n0\r\n" + b"".join(b"a%d:b\r\n" % each for each in range(TRAILERS_MAX + 1)) + b"\r\n",
            "MalformedTrailerError",
            id="too many trailers",
        ),
    ],
)
def test_a_malformed_body_is_refused_as_the_clients_fault(raw: bytes, code: str) -> None:
    with pytest.raises(ServiceError) as refused:
        drained(ChunkedBody(Source(raw), 3))
    assert (refused.value.code, refused.value.status) == (code, 400)


# The example of the S3 API reference, «Signature calculations for the Authorization header: transferring payload
# in multiple chunks»: 65 KiB of "a" in chunks of 64 KiB and 1 KiB.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]


def signatures(**changes: Any) -> ChunkSignatures:
    fields = {
        "access_key": "AKIAIOSFODNN7EXAMPLE", "date": "20130524", "region": "us-east-1", "service": "s3",
        "signed_headers": "host", "signature": SEED, "timestamp": "20130524T000000Z", "at": 1369353600.0,
        "payload": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "session_token": "", "presigned": False, "expires_s": 0,
        "dialect": "s3", **changes,
    }  # fmt: skip
    return ChunkSignatures(Signature(**fields), signing_key(SECRET, "20130524", "us-east-1", "s3"))


def signed(chunks: list[tuple[bytes, str]]) -> bytes:
    return b"".join(b"%x;chunk-signature=%b\r\n%b\r\n" % (len(data), each.encode(), data) for data, each in chunks)


def test_the_signed_chunks_of_awss_example_are_verified() -> None:
    body = ChunkedBody(Source(signed(CHUNKS), 7000), 66560, signatures())
    assert drained(body, 3000) == b"a" * 66560


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_chunk_whose_signature_is_wrong_is_refused(broken: int) -> None:
    chunks = [(data, "0" * 64 if at == broken else each) for at, (data, each) in enumerate(CHUNKS)]
    with pytest.raises(ServiceError) as refused:
        drained(ChunkedBody(Source(signed(chunks)), 66560, signatures()))
    assert (refused.value.code, refused.value.status) == ("SignatureDoesNotMatch", 403)


def test_a_changed_byte_in_a_signed_chunk_is_refused() -> None:
    raw = signed(CHUNKS).replace(b"aaa\r\n", b"aab\r\n", 1)
    with pytest.raises(ServiceError, match="signature"):
        drained(ChunkedBody(Source(raw), 66560, signatures()))


def test_a_chunk_without_a_signature_is_refused_where_chunks_are_signed() -> None:
    with pytest.raises(ServiceError) as refused:
        drained(ChunkedBody(Source(unsigned(b"abc", [])), 3, signatures()))
    assert refused.value.code == "InvalidRequest"


def signed_with_trailer(value: bytes, claimed: bytes) -> bytes:
    """Return a body of three bytes whose chunks are rightly signed, and whose trailer says `claimed`."""
    key = signing_key(SECRET, "20130524", "us-east-1", "s3")
    scope = "20130524T000000Z\n20130524/us-east-1/s3/aws4_request"
    previous = SEED
    raw = b""
    for data in (b"abc", b""):
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{scope}\n{previous}\n{EMPTY_SHA256}\n{sha256(data).hexdigest()}"
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        raw += b"%x;chunk-signature=%b\r\n" % (len(data), previous.encode()) + (data + b"\r\n" if data else b"")
    told = sha256(b"x-amz-checksum-crc32:" + value + b"\n").hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{scope}\n{previous}\n{told}"
    signature = hmac.digest(key, text.encode(), "sha256").hex().encode()
    return raw + b"x-amz-checksum-crc32:" + claimed + b"\r\nx-amz-trailer-signature:" + signature + b"\r\n\r\n"


def test_signed_trailers_are_verified_and_told() -> None:
    body = ChunkedBody(Source(signed_with_trailer(b"NSRBwg==", b"NSRBwg==")), 3, signatures())
    assert drained(body) == b"abc"
    assert body.trailers == {"x-amz-checksum-crc32": "NSRBwg=="}


def test_a_changed_trailer_is_refused() -> None:
    with pytest.raises(ServiceError) as refused:
        drained(ChunkedBody(Source(signed_with_trailer(b"NSRBwg==", b"AAAAAA==")), 3, signatures()))
    assert refused.value.code == "SignatureDoesNotMatch"
