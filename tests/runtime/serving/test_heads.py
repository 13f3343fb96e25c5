"""Usual requests are told from their bytes; everything else is left to the parser."""

from __future__ import annotations

import pytest

from clary_runtime.serving.heads import HEAD_BYTES_MAX, read_usual

START = b"POST /invocations HTTP/1.1\r\nhost: a\r\n"


def test_a_whole_request_of_a_stated_length_is_read():
    request = read_usual(START + b"Content-Type: text/csv \r\nX-A:\tb c\r\ncontent-length: 3\r\n\r\n1,2")
    assert request is not None
    assert request == (
        "POST",
        "/invocations",
        {"host": "a", "content-type": "text/csv", "x-a": "b c", "content-length": "3"},
        b"1,2",
    )


def test_a_query_is_no_part_of_the_path_and_no_length_is_no_body():
    request = read_usual(b"GET /ping?now HTTP/1.1\r\nhost: a\r\n\r\n")
    assert request is not None
    assert (request.method, request.path, request.body) == ("GET", "/ping", b"")


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"content-length: 3\r\n\r\n1,", id="the body has not come whole"),
        pytest.param(b"content-length: 1\r\n\r\n1,", id="more than the body has come"),
        pytest.param(b"content-length: 1\r\n", id="the head has not come whole"),
        pytest.param(b"content-length: +1\r\n\r\n1", id="a length that is no number"),
        pytest.param(b"content-length: 1\r\ncontent-length: 1\r\n\r\n1", id="a field twice"),
        pytest.param(b"content-length: 1\r\nconnection: close\r\n\r\n1", id="a connection to be closed"),
        pytest.param(b"content-length: 1\r\nexpect: 100-continue\r\n\r\n1", id="a client that waits"),
        pytest.param(b"transfer-encoding: chunked\r\n\r\n", id="chunks"),
        pytest.param(b"upgrade: h2c\r\n\r\n", id="another protocol"),
        pytest.param(b"a b: c\r\n\r\n", id="a name with a space"),
        pytest.param(b" a: b\r\n\r\n", id="a folded line"),
        pytest.param(b"a: b\x00\r\n\r\n", id="a control character"),
        pytest.param(b"a: b\nc: d\r\n\r\n", id="a bare line end"),
        pytest.param(b"a: " + b"b" * HEAD_BYTES_MAX + b"\r\n\r\n", id="a long head"),
    ],
)
def test_what_is_not_usual_is_left_to_the_parser(rest):
    assert read_usual(START + rest) is None


@pytest.mark.parametrize("start", [b"POST invocations HTTP/1.1", b"POST /invocations HTTP/1.0", b"post / HTTP/1.1"])
def test_an_unusual_request_line_is_left_to_the_parser(start):
    assert read_usual(start + b"\r\nhost: a\r\n\r\n") is None
