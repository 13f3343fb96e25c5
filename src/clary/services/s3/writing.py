"""How bytes become an object: read once, hashed on the way, on disk under their name before the row is written."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from clary.core.errors import ServiceError
from clary.services.operation import Call
from clary.services.s3 import checksums, faults
from clary.services.s3.checksums import Algorithm
from clary.services.s3.hashing import LongHash
from clary.store.blobs import Blob, Draft
from clary.store.objects import BucketGone
from clary.store.records import Record
from clary.store.uploads import UploadGone
from clary.wire.aws_chunked import ChunkedBody
from clary.wire.message import Body

PUT_BYTES_MAX = 5 * 1024**3
PIECE_BYTES = 1024 * 1024
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a client says of the bytes it sends: which checksum, and its value unless it comes behind them."""

    algorithm: Algorithm
    value: str = ""
    trailing: bool = False
    md5: bytes = b""


@dataclass(frozen=True, slots=True)
class Received:
    """What came; checksums in base64 by the names of their algorithms."""

    size: int
    etag: str
    checksums: Mapping[str, str]


def expected(call: Call, request: Mapping[str, Any], fallback: str = checksums.DEFAULT) -> Expected:
    """Return what the headers of a request say of its body."""
    md5 = _content_md5(request.get("ContentMD5", ""))
    given = checksums.given(request)
    if given is not None:
        return Expected(given[0], given[1], md5=md5)
    announced = checksums.trailing(call.http.headers.get("x-amz-trailer")) if call.http is not None else None
    if announced is not None:
        return Expected(announced, trailing=True, md5=md5)
    return Expected(checksums.named(request.get("ChecksumAlgorithm") or fallback), md5=md5)


def receive(draft: Draft, body: Body, wanted: Expected, *others: Algorithm) -> Received:
    """Write a request's body to a draft, or raise the ServiceError of a body that is not what it should be."""
    if not isinstance(body, bytes) and (body.length or 0) > PUT_BYTES_MAX:
        raise faults.entity_too_large(body.length or 0, PUT_BYTES_MAX)
    received = fill(draft, _pieces(body), wanted.algorithm, *others)
    if wanted.md5 and wanted.md5.hex() != received.etag:
        raise _bad_digest("The Content-MD5 you specified did not match what we received.")
    value = wanted.value
    if wanted.trailing and isinstance(body, ChunkedBody):
        value = body.trailers.get(wanted.algorithm.header, "")
        if checksums.decoded(value, wanted.algorithm.size) is None:
            raise faults.invalid_request(f"Value for {wanted.algorithm.header} trailing header is invalid.")
    if value and value != received.checksums[wanted.algorithm.name]:
        raise _bad_digest(f"The {wanted.algorithm.name} you specified did not match the calculated checksum.")
    return received


def fill(draft: Draft, pieces: Iterable[bytes], *algorithms: Algorithm) -> Received:
    """Write pieces to a draft and return what they come to; raises EntityTooLarge."""
    digests = {each.name: each.start() for each in algorithms}
    with LongHash(checksums.md5()) as md5:
        for piece in pieces:
            if draft.size + len(piece) > PUT_BYTES_MAX:
                raise faults.entity_too_large(draft.size + len(piece), PUT_BYTES_MAX)
            md5.update(piece)
            for digest in digests.values():
                digest.update(piece)
            draft.append(piece)
    told = {name: checksums.encoded(digest.digest()) for name, digest in digests.items()}
    return Received(draft.size, md5.digest().hex(), told)


def land(bucket: Record, draft: Draft, write: Callable[[Blob], T]) -> T:
    """Keep a draft and write the row that names it; what is refused leaves nothing behind."""
    blob = draft.keep()
    try:
        with refusals(bucket):
            return write(blob)
    except ServiceError:
        draft.discard()
        raise


@contextmanager
def refusals(bucket: Record) -> Iterator[None]:
    """Tell a bucket or an upload that vanished meanwhile in the words of S3."""
    try:
        yield
    except BucketGone:
        raise faults.no_such_bucket(bucket.name) from None
    except UploadGone as gone:
        raise faults.no_such_upload(str(gone)) from None


def _pieces(body: Body) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    while piece := body.read(PIECE_BYTES):
        yield piece


def _content_md5(text: str) -> bytes:
    if not text:
        return b""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16:
        raise ServiceError("The Content-MD5 you specified was invalid.", code="InvalidDigest", status=400)
    return raw


def _bad_digest(text: str) -> ServiceError:
    return ServiceError(text, code="BadDigest", status=400)
