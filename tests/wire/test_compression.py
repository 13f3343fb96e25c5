"""Compressed bodies are read, within their limit."""

from __future__ import annotations

import gzip

import pytest

from clary.core.errors import ServiceError
from clary.wire.compression import inflated

BODY = b'{"a": 1}' * 100


def test_a_compressed_body_is_read_and_another_left_alone() -> None:
    assert inflated(gzip.compress(BODY), "gzip", 1000) == BODY
    assert inflated(BODY, "", 10) == BODY
    assert inflated(BODY, "identity", 10) == BODY


@pytest.mark.parametrize(
    ("body", "limit", "status"),
    [
        (BODY, 1000, 400),
        (gzip.compress(BODY)[:-4], 1000, 400),
        (gzip.compress(BODY), len(BODY) - 1, 413),
        (gzip.compress(bytes(10_000_000)), 1000, 413),
    ],
    ids=["plain", "cut short", "one byte too long", "a bomb"],
)
def test_what_is_not_gzip_or_grows_too_large_is_refused(body: bytes, limit: int, status: int) -> None:
    with pytest.raises(ServiceError) as caught:
        inflated(body, "gzip", limit)
    assert caught.value.status == status
