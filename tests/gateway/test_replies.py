"""The usual answer of a model is read at a glance; anything else is left to a parser."""

from __future__ import annotations

from uuid import UUID

import pytest

from clary.gateway.invocations import request_ids
from clary.gateway.replies import Reply, read_usual

USUAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv \r\nContent-Length: 4\r\n\r\n0.5\n"


def test_the_usual_reply_is_read():
    assert read_usual(USUAL) == Reply(200, {"content-type": "text/csv", "content-length": "4"}, b"0.5\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        USUAL[:10],
        USUAL[:-1],
        USUAL + b"x",
        USUAL.replace(b"200 OK", b"500 Internal Server Error"),
        USUAL.replace(b"1.1", b"1.0"),
        USUAL.replace(b"Content-Length: 4\r\n", b""),
        USUAL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        USUAL.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked"),
        USUAL.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n"),
        USUAL.replace(b"text/csv", b"text/csv\nX-Smuggled: yes"),
        USUAL.replace(b"text/csv", b"text\x00csv"),
    ],
)
def test_what_is_not_usual_needs_a_parser(data):
    assert read_usual(data) is None


def test_request_identifiers_are_uuids_and_differ_at_every_bit_of_the_start():
    ids = request_ids(2**128 - 1)
    told = [next(ids) for _ in range(3)]
    assert len(set(told)) == 3
    assert [str(UUID(each)) for each in told] == told
    assert next(request_ids(0)) != next(request_ids(1 << 100))
