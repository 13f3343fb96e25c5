"""What HTTP/2 may say is said in HTTP/1.1 so that it means the same, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.gateway.heads import Malformed
from clary.gateway.http2_heads import answer_fields, method_of, request_head, says_length

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/b/k?x=1"), (b":authority", b"localhost:1")]


def test_a_request_is_the_same_in_lines_of_text():
    fields = [*GET, (b"x-a", b"1"), (b"x-a", b"2"), (b"te", b"trailers"), (b"cookie", b"caf\xe9")]
    assert request_head(fields, chunked=False) == (
        b"GET /b/k?x=1 HTTP/1.1\r\nhost: localhost:1\r\nx-a: 1\r\nx-a: 2\r\ncookie: caf\xe9\r\n\r\n"
    )


def test_a_body_of_unknown_length_comes_in_chunks():
    assert b"\r\ntransfer-encoding: chunked\r\n" in request_head(GET, chunked=True)
    assert not says_length(GET)
    assert says_length([*GET, (b"content-length", b"3")])


def test_a_host_field_will_do_where_there_is_no_authority():
    assert b"\r\nhost: h\r\n" in request_head([*GET[:3], (b"host", b"h")], chunked=False)


@pytest.mark.parametrize(
    "changed",
    [
        (b":method", b"GET /x HTTP/1.1\r\nx:"), (b":method", b""), (b":path", b"/a b"), (b":path", b"/\r\nx: y"),
        (b":path", b"b"), (b":path", b""), (b":authority", b"h\r\nx: y"), (b":authority", b""), (b"host", b"other"),
        (b":protocol", b"websocket"), (b":scheme", b""), (b"connection", b"x-a"),
        (b"transfer-encoding", b"chunked"), (b"X-A", b"1"), (b"x", b"1\r\ny: 2"),
        (b"x", b"\0"), (b"x y", b"1"), (b"x:y", b"1"), (b"", b"1"), (b"x\r\ny", b"1"),
    ],
)  # fmt: skip
def test_what_would_mean_something_else_in_lines_is_refused(changed):
    fields = [changed, *(each for each in GET if each[0] != changed[0])]
    if not changed[0].startswith(b":"):
        fields = [*GET, changed]
    with pytest.raises(Malformed):
        request_head(fields, chunked=False)


@pytest.mark.parametrize("fields", [[*GET, GET[2]], [GET[0], (b"x-a", b"1"), *GET[1:]], GET[:3], GET[1:], []])
def test_pseudo_fields_come_once_each_and_first(fields):
    with pytest.raises(Malformed):
        request_head(fields, chunked=False)


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=3))
def test_no_field_can_add_a_line(fields):
    try:
        head = request_head([*GET, *fields], chunked=False)
    except Malformed:
        return
    told = [each for each in fields if not each[0].startswith(b":") and each[0] not in (b"host", b"te")]
    assert head.count(b"\r\n") == head.count(b"\n") <= 3 + len(told)


def test_an_answer_loses_what_only_a_connection_of_text_needs():
    fields = [(b"content-type", b"a/b"), (b"connection", b"close"), (b"transfer-encoding", b"chunked")]
    assert answer_fields(200, fields) == [(b":status", b"200"), (b"content-type", b"a/b")]


def test_the_method_is_found():
    assert method_of(GET) == b"GET"
