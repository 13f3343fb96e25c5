"""The head of an HTTP/1.1 request, parsed once and kept as received."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httptools

from clary.wire.message import Body, Headers, Request

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200
INVOCATION = re.compile(r"/endpoints/[^/]+/invocations(-response-stream)?")


class Malformed(Exception):
    """The bytes are not HTTP/1.1, or not within limits."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """What came before the body; `length` is None for a chunked one, which an answer may have if `knows_chunks`."""

    raw: bytes
    method: str
    path: str
    query: str
    headers: Headers
    length: int | None
    keep_alive: bool
    knows_chunks: bool
    expects_continue: bool

    @property
    def is_invocation(self) -> bool:
        """Say whether the gateways answer this request."""
        return self.method == "POST" and INVOCATION.fullmatch(self.path) is not None

    def request(self, body: Body, *, secure: bool = False) -> Request:
        """Return the request that this head begins; `secure` if it came over TLS."""
        return Request(self.method, self.path, self.query, self.headers, body, secure)


class _Events:
    """What httptools calls as it parses."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))


def parse_head(raw: bytes) -> Head:
    """Return the head that ends with the empty line of `raw`, or raise Malformed."""
    events = _Events()
    parser = httptools.HttpRequestParser(events)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        raise Malformed("This server speaks HTTP/1.1 only.") from None
    except httptools.HttpParserError as error:
        raise Malformed(f"The request is not valid HTTP: {error}") from None
    if len(events.headers) > HEADERS_MAX:
        raise Malformed("The request has too many headers.", 431)
    headers = Headers(events.headers)
    version = parser.get_http_version()
    path, _, query = _origin_form(events.url.decode("latin-1")).partition("?")
    return Head(
        raw=raw,
        method=parser.get_method().decode(),
        path=path,
        query=query,
        headers=headers,
        length=_length(headers),
        keep_alive=_keeps_alive(version, headers.get("connection").lower()),
        knows_chunks=version != "1.0",
        expects_continue=headers.get("expect").lower() == "100-continue",
    )


def _keeps_alive(version: str, connection: str) -> bool:
    wishes = {wish.strip() for wish in connection.split(",")}
    return "close" not in wishes and (version == "1.1" or "keep-alive" in wishes)


def _origin_form(url: str) -> str:
    """Return path and query of a request target; clients behind a proxy send the whole URL."""
    if url.startswith(("http://", "https://")):
        rest = url.split("//", 1)[1]
        return rest[rest.index("/") :] if "/" in rest else "/"
    return url


def _length(headers: Headers) -> int | None:
    if "transfer-encoding" in headers:
        if headers.get("transfer-encoding").lower() != "chunked" or "content-length" in headers:
            raise Malformed("The transfer encoding is not understood.", 501)
        return None
    text = headers.get("content-length", "0")
    if not text.isdecimal():
        raise Malformed("The content length is not a number.")
    return int(text)
