from __future__ import annotations

import pytest

from clary.server.head import HEADERS_MAX, Malformed, parse_head


def head(text: str):  # type: ignore[no-untyped-def]
    return parse_head(text.replace("\n", "\r\n").encode("latin-1"))


def test_a_head_is_kept_as_it_came() -> None:
    told = head("PUT /b/k%20%2F?a=1&b HTTP/1.1\nHost: x\nX-A: 1\nx-a: 2\nContent-Length: 7\nExpect: 100-continue\n\n")
    assert (told.method, told.path, told.query) == ("PUT", "/b/k%20%2F", "a=1&b")
    assert told.headers.get("x-a") == "1,2"
    assert (told.length, told.keep_alive, told.expects_continue) == (7, True, True)


def test_a_whole_url_is_read_as_its_path() -> None:
    assert head("GET http://s3.amazonaws.com/b?x HTTP/1.1\nHost: y\n\n").path == "/b"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GARBAGE\n\n", 400),
        ("GET / HTTP/1.1\nContent-Length: -1\n\n", 400),
        ("POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n", 400),
        ("POST / HTTP/1.1\nTransfer-Encoding: gzip\n\n", 400),
        ("POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n", 400),
        ("GET / HTTP/1.1\n" + "".join(f"X-{n}: 1\n" for n in range(HEADERS_MAX + 1)) + "\n", 431),
        ("GET / HTTP/1.1\nbad header\n\n", 400),
    ],
)
def test_what_is_no_http_is_refused(text: str, status: int) -> None:
    with pytest.raises(Malformed) as caught:
        head(text)
    assert caught.value.status == status


def test_invocations_are_told_from_everything_else() -> None:
    assert head("POST /endpoints/e/invocations HTTP/1.1\nHost: x\n\n").is_invocation
    assert not head("GET /endpoints/e/invocations HTTP/1.1\nHost: x\n\n").is_invocation
    assert not head("POST /endpoints/e/async-invocations HTTP/1.1\nHost: x\n\n").is_invocation


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
    ],
)
def test_a_connection_goes_on_as_the_client_wishes(version: str, connection: str, keeps: bool) -> None:
    told = head(f"GET / HTTP/{version}\nConnection: {connection}\n\n")
    assert told.keep_alive is keeps
    assert told.knows_chunks is (version == "1.1")
