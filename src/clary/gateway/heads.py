"""Request heads: which requests are the gateway's own, and what they say. Pure.

Only invocations are parsed here; all else goes to the api as it came. What is parsed
is parsed strictly (RFC 9112), so that no two readers see different requests in the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clary.wire.message import Headers

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 100
HEAD_END = b"\r\n\r\n"
START = b"POST /endpoints/"
INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?")
REQUEST_LINE = re.compile(r"([A-Z]+) ([!-~]+) HTTP/1\.([01])\r\n")
FIELD = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
FIELDS = re.compile(rf"(?:{FIELD.pattern})*\r\n")


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


def parse(raw: bytes) -> Head | None:
    """Return the head that ends with the empty line of `raw`, None if it is no invocation's, or raise Malformed."""
    text = raw.decode("latin-1")
    line = REQUEST_LINE.match(text)
    if line is None:
        raise Malformed("The request line is malformed.")
    method, target, minor = line.groups()
    path, _, query = _origin_form(target).partition("?")
    invocation = INVOCATION.fullmatch(path)
    if method != "POST" or invocation is None:
        return None
    headers = _fields(text, line.end())
    if minor == "1" and headers.get("host") == "":
        raise Malformed("The Host header is missing.")
    return Head(
        path=path,
        query=query,
        headers=headers,
        length=_length(headers, minor),
        keep_alive=_keep_alive(headers, minor),
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


def _fields(text: str, start: int) -> Headers:
    """Return the fields between the request line and the empty line, each of which must be whole and valid."""
    if FIELDS.fullmatch(text, start) is None:
        raise Malformed("A header is malformed.")
    found = FIELD.findall(text, start)
    if len(found) > HEADERS_MAX:
        raise Malformed("The request has too many headers.", 431)
    return Headers((name, value.strip(" \t")) for name, value in found)


def _length(headers: Headers, minor: str) -> int | None:
    if "transfer-encoding" in headers:
        if headers.get("transfer-encoding").lower() != "chunked" or minor == "0":
            raise Malformed("The transfer encoding is not understood.", 501)
        if "content-length" in headers:
            raise Malformed("A request has either a length or chunks.")
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise Malformed("The content length is not a number.")
    return int(text)


def _keep_alive(headers: Headers, minor: str) -> bool:
    asked = {token.strip() for token in headers.get("connection").lower().split(",")}
    return "keep-alive" in asked if minor == "0" else "close" not in asked
