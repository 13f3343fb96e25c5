"""Heads of HTTP/2 as those of HTTP/1.1, and back (RFC 9113, section 8.3). Pure.

What could mean something else once it is written as lines of text is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from clary.gateway.heads import TEXT, TOKEN, Malformed

METHOD = re.compile(rb"[A-Z]{1,32}")
PATH = re.compile(rb"/[!-~]*")
AUTHORITY = re.compile(rb"[!-~]+")
OF_THE_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Header fields that HTTP/2 has other means for."""
LEFT_OUT = OF_THE_CONNECTION | {b"host", b"te"}

Fields = Iterable[tuple[bytes, bytes]]


def method_of(fields: Fields) -> bytes:
    """Return the method of a request."""
    return next((value for name, value in fields if name == b":method"), b"")


def request_head(fields: Fields, *, chunked: bool) -> bytes:
    """Return the head of a request as HTTP/1.1 has it, or raise Malformed; `chunked` if its body says no length."""
    told: dict[bytes, bytes] = {}
    lines = []
    for name, value in fields:
        if name.startswith(b":") or name == b"host":
            told[name] = value
        elif name not in LEFT_OUT:
            lines.append(_line(name, value))
    if chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (*_start(told), b"".join(lines))


def says_length(fields: Fields) -> bool:
    """Say whether a request tells the length of its body."""
    return any(name == b"content-length" for name, _ in fields)


def answer_fields(status: int, fields: Fields) -> list[tuple[bytes, bytes]]:
    """Return the head of an answer as HTTP/2 has it."""
    kept = [(name.lower(), value) for name, value in fields if name.lower() not in OF_THE_CONNECTION]
    return [(b":status", b"%d" % status), *kept]


def _start(told: dict[bytes, bytes]) -> tuple[bytes, bytes, bytes]:
    method, path = told.get(b":method", b""), told.get(b":path", b"")
    host = told.get(b"host", b"")
    authority = told.get(b":authority", host)
    if not METHOD.fullmatch(method) or not PATH.fullmatch(path):
        raise Malformed("The request line is malformed.")
    if not AUTHORITY.fullmatch(authority) or (host and host != authority):
        raise Malformed("The Host header is malformed.")
    return method, path, authority


def _line(name: bytes, value: bytes) -> bytes:
    if not name or name.translate(None, TOKEN):
        raise Malformed("The name of a header is malformed.")
    if value.translate(None, TEXT):
        raise Malformed("The request head has a control character.")
    return b"%b: %b\r\n" % (name, value)
