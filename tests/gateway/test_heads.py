"""Request heads, read strictly."""

from __future__ import annotations

import time

import pytest

from clary.gateway import heads
from clary.gateway.heads import Malformed, may_be_invocation, parse

LINE = b"POST /endpoints/churn/invocations HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"


def test_an_invocation_tells_endpoint_length_and_headers():
    head = parse(
        b"POST /endpoints/churn/invocations?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n"
        b"X-A:  one \r\nx-a: two\r\n\r\n"
    )
    assert (head.endpoint, head.path, head.query, head.length) == (
        "churn", "/endpoints/churn/invocations", "a=b", 12,
    )  # fmt: skip
    assert head.headers.get("x-a") == "one,two"
    assert head.keep_alive
    assert not head.streams
    assert not head.expects_continue


@pytest.mark.parametrize(
    ("line", "headers", "keeps"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"Connection: close\r\n", False),
        (b"HTTP/1.1", b"Connection: x, Close\r\n", False),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_the_version_and_the_connection_header_say_whether_the_connection_goes_on(line, headers, keeps):
    head = parse(b"POST /endpoints/e/invocations " + line + b"\r\n" + HOST + headers + b"\r\n")
    assert head.keep_alive is keeps


def test_a_chunked_body_has_no_length_and_a_missing_length_is_zero():
    assert parse(LINE + HOST + b"Transfer-Encoding: Chunked\r\n\r\n").length is None
    assert parse(LINE + HOST + b"\r\n").length == 0


def test_a_whole_url_is_taken_by_its_path():
    head = parse(b"POST http://h:1/endpoints/e/invocations-response-stream HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (head.endpoint, head.streams) == ("e", True)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /endpoints/churn/invocations HTTP/1.1\r\n",
        b"POST /endpoints/churn/async-invocations HTTP/1.1\r\n",
        b"POST /endpoints/churn/invocations/ HTTP/1.1\r\n",
        b"POST /endpoints/a/b/invocations HTTP/1.1\r\n",
        b"POST /endpoints//invocations HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\n",
    ],
)
def test_other_requests_are_not_the_gateways(line):
    assert parse(line + HOST + b"\r\n") is None


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /endpoints/e/invocations\r\n\r\n", 400),
        (b"POST /endpoints/e/invocations HTTP/2.0\r\n\r\n", 400),
        (b"POST  /endpoints/e/invocations HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"POST /endpoints/\x01/invocations HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (LINE + b"\r\n", 400),
        (LINE + HOST + b"A : b\r\n\r\n", 400),
        (LINE + HOST + b"A: b\r\n folded\r\n\r\n", 400),
        (LINE + HOST + b"A: b\nC: d\r\n\r\n", 400),
        (LINE + HOST + b"A: \x00\r\n\r\n", 400),
        (LINE + HOST + b": nameless\r\n\r\n", 400),
        (LINE + HOST + b"no colon\r\n\r\n", 400),
        (LINE + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (LINE + HOST + b"Content-Length: +1\r\n\r\n", 400),
        (LINE + HOST + "Content-Length: ²\r\n\r\n".encode("latin-1"), 400),
        (LINE + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (LINE + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (LINE.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n", 501),
        (LINE + HOST + b"a: b\r\n" * heads.HEADERS_MAX + b"\r\n", 431),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw, status):
    with pytest.raises(Malformed) as refused:
        parse(raw)
    assert refused.value.status == status


def test_a_hostile_head_takes_no_longer_than_its_length():
    raw = LINE + HOST + b"A:" + b" \t" * 30_000 + b"\x01\r\n\r\n"
    began = time.process_time()
    with pytest.raises(Malformed):
        parse(raw)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("begun", "may"),
    [(b"", True), (b"P", True), (b"POST /endp", True), (LINE, True), (b"PUT", False), (b"GET / HTTP/1.1\r\n", False)],
)
def test_the_first_bytes_tell_what_cannot_be_an_invocation(begun, may):
    assert may_be_invocation(bytearray(begun)) is may
