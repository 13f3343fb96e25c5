"""Request heads: which requests are the gateway's own, and what they say. Pure.

Only invocations are parsed here; all else goes to the api as it came. What is parsed
is parsed strictly (RFC 9112), so that no two readers see different requests in the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httptools

from clary.wire.message import Headers

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 100
HEAD_END = b"\r\n\r\n"
START = b"POST /endpoints/"
INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?")
REQUEST_LINE = re.compile(rb"[A-Z]+ [!-~]+ HTTP/1\.[01]\r\n")
"""Stricter than httptools, which lets other versions pass, and spaces."""


class Malformed(Exception):
    """The bytes are not HTTP/1.1, or not within limits."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """What came before the body of an invocation; `length` is None for a chunked body."""

    path: str
    query: str
    headers: Headers
    length: int | None
    keep_alive: bool
    expects_continue: bool
    endpoint: str
    streams: bool


def may_be_invocation(begun: bytearray) -> bool:
    """Say whether a request that begins so may turn out to be an invocation."""
    return begun.startswith(START) or START.startswith(begun)


class _Events:
    """What httptools calls as it parses."""

    __slots__ = ("items", "url")

    def __init__(self) -> None:
        self.url = b""
        self.items: list[tuple[str, str]] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.items.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))


def parse(raw: bytes) -> Head | None:
    """Return the head that ends with the empty line of `raw`, None if it is no invocation's, or raise Malformed."""
    if REQUEST_LINE.match(raw) is None:
        raise Malformed("The request line is malformed.")
    events = _Events()
    parser = httptools.HttpRequestParser(events)
    try:
        parser.feed_data(raw)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise Malformed(f"The request is not valid HTTP: {error}") from None
    path, _, query = _origin_form(events.url.decode("latin-1")).partition("?")
    invocation = INVOCATION.fullmatch(path)
    if parser.get_method() != b"POST" or invocation is None:
        return None
    return _head(path, query, invocation, _headers(events.items), parser.get_http_version())


def _headers(items: list[tuple[str, str]]) -> Headers:
    if len(items) > HEADERS_MAX:
        raise Malformed("The request has too many headers.", 431)
    return Headers(items)


def _head(path: str, query: str, invocation: re.Match[str], headers: Headers, version: str) -> Head:
    if version == "1.1" and not headers.get("host"):
        raise Malformed("The Host header is missing.")
    return Head(
        path=path,
        query=query,
        headers=headers,
        length=_length(headers, version),
        keep_alive=_keep_alive(headers, version),
        expects_continue=headers.get("expect").lower() == "100-continue",
        endpoint=invocation[1],
        streams=invocation[2] is not None,
    )


def _origin_form(target: str) -> str:
    """Return path and query of a request target; clients behind a proxy send the whole URL."""
    if target.startswith(("http://", "https://")):
        slash = target.find("/", len("https://"))
        return target[slash:] if slash >= 0 else "/"
    return target


def _length(headers: Headers, version: str) -> int | None:
    if "transfer-encoding" in headers:
        if headers.get("transfer-encoding").lower() != "chunked" or version == "1.0":
            raise Malformed("The transfer encoding is not understood.", 501)
        if "content-length" in headers:
            raise Malformed("A request has either a length or chunks.")
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise Malformed("The content length is not a number.")
    return int(text)


def _keep_alive(headers: Headers, version: str) -> bool:
    asked = {token.strip() for token in headers.get("connection").lower().split(",")}
    return "keep-alive" in asked if version == "1.0" else "close" not in asked
