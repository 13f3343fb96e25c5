"""Request heads: which requests are the gateway's own, and what they say. Pure.

Only invocations are parsed here; all else goes to the api as it came. What is parsed
is parsed strictly (RFC 9112), so that no two readers see different requests in the same bytes.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

from clary.wire.message import Headers

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 100
HEAD_END = b"\r\n\r\n"
START = b"POST /endpoints/"
LINE_END = b"\r\n"
INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?")
REQUEST_LINE = re.compile(r"([A-Z]+) ([!-~]+) HTTP/(1\.[01])")
TEXT = bytes([ord("\t"), *range(0x20, 0x7F), *range(0x80, 0x100)])
"""What a line may hold (RFC 9110, section 5.5)."""
TOKEN = b"!#$%&'*+-.^_`|~" + string.ascii_letters.encode() + string.digits.encode()
"""What a header's name is made of (RFC 9110, section 5.6.2)."""
FOR_THE_MODEL = ("content-type", "accept")
PREFIX = "x-amzn-sagemaker-"
"""Of header fields that say what is asked for."""


class Malformed(Exception):
    """The bytes are not HTTP/1.1, or not within limits."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Head(NamedTuple):
    """What came before the body of an invocation; `length` is None for a chunked body."""

    path: str
    query: str
    headers: Headers
    length: int | None
    keep_alive: bool
    expects_continue: bool
    endpoint: str
    streams: bool
    asked: tuple[tuple[str, str], ...]  # the header fields that say what is asked for
    secure: bool = False  # it came over TLS
    chunks: bool = True  # the client knows the chunks of HTTP/1.1


def may_be_invocation(begun: bytearray) -> bool:
    """Say whether a request that begins so may turn out to be an invocation."""
    return begun.startswith(START) or START.startswith(begun)


def parse(raw: bytes) -> Head | None:
    """Return the head that ends with the empty line of `raw`, None if it is no invocation's, or raise Malformed."""
    lines = raw[: -len(HEAD_END)].decode("latin-1").split("\r\n")
    if raw.translate(None, TEXT) != LINE_END * (len(lines) + 1):
        raise Malformed("The request head has a control character.")
    return _read(lines)


def _read(lines: list[str]) -> Head | None:
    line, *fields = lines
    request_line = REQUEST_LINE.fullmatch(line)
    if request_line is None:
        raise Malformed("The request line is malformed.")
    method, target, version = request_line.groups()
    path, _, query = _origin_form(target).partition("?")
    invocation = INVOCATION.fullmatch(path)
    if method != "POST" or invocation is None:
        return None
    return _head(path, query, invocation, _headers(fields), version)


def _headers(fields: list[str]) -> Headers:
    if len(fields) > HEADERS_MAX:
        raise Malformed("The request has too many headers.", 431)
    items = []
    for field in fields:
        name, colon, value = field.partition(":")
        if not name or not colon:
            raise Malformed("A header has no name.")
        items.append((name, value.strip(" \t")))
    if "".join([name for name, _ in items]).encode("latin-1").translate(None, TOKEN):
        raise Malformed("The name of a header is malformed.")
    return Headers(items)


def _head(path: str, query: str, invocation: re.Match[str], headers: Headers, version: str) -> Head:
    if version == "1.1" and not headers.get("host"):
        raise Malformed("The Host header is missing.")
    streams, chunks = invocation[2] is not None, version != "1.0"
    return Head(
        path=path,
        query=query,
        headers=headers,
        length=_length(headers, version),
        keep_alive=_keep_alive(headers, version) and (chunks or not streams),  # the end of a stream must be told
        expects_continue=headers.get("expect").lower() == "100-continue",
        endpoint=invocation[1],
        streams=streams,
        asked=tuple(
            (name, value) for name, value in headers.items() if name in FOR_THE_MODEL or name.startswith(PREFIX)
        ),
        chunks=chunks,
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
    return _number(headers)


def _number(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise Malformed("The content length is not a number.")
    return int(text)


def _keep_alive(headers: Headers, version: str) -> bool:
    asked = {token.strip() for token in headers.get("connection").lower().split(",")}
    return "keep-alive" in asked if version == "1.0" else "close" not in asked
