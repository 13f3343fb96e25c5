"""Heads of HTTP/2 as those of HTTP/1.1, and back (RFC 9113, section 8.3). Pure.

What could mean something else once it is written as lines of text is refused here.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from itertools import takewhile

from clary.gateway.heads import TEXT, TOKEN, Malformed

METHOD = re.compile(rb"[A-Z]{1,32}")
PATH = re.compile(rb"/[!-~]*")
AUTHORITY = re.compile(rb"[!-~]+")
NAME = TOKEN.translate(None, string.ascii_uppercase.encode())
"""What a header's name is made of (section 8.2.1)."""
PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
OF_THE_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Header fields that HTTP/2 has other means for."""
LEFT_OUT = frozenset((b"host", b"te"))

Fields = Sequence[tuple[bytes, bytes]]


def method_of(fields: Fields) -> bytes:
    """Return the method of a request."""
    return next((value for name, value in fields if name == b":method"), b"")


def request_head(fields: Fields, *, chunked: bool) -> bytes:
    """Return the head of a request as HTTP/1.1 has it, or raise Malformed; `chunked` if its body says no length."""
    pseudo = list(takewhile(lambda each: each[0].startswith(b":"), fields))
    regular = fields[len(pseudo) :]
    _check(regular)
    lines = [b"%b: %b\r\n" % each for each in regular if each[0] not in LEFT_OUT]
    if chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    told = _told(pseudo)
    host = _host(told, regular)
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (told[b":method"], told[b":path"], host, b"".join(lines))


def says_length(fields: Fields) -> bool:
    """Say whether a request tells the length of its body."""
    return any(name == b"content-length" for name, _ in fields)


def answer_fields(status: int, fields: Fields) -> list[tuple[bytes, bytes]]:
    """Return the head of an answer, whose names are in lower case, as HTTP/2 has it."""
    return [(b":status", b"%d" % status), *(each for each in fields if each[0] not in OF_THE_CONNECTION)]


def _told(pseudo: Fields) -> dict[bytes, bytes]:
    told = dict(pseudo)
    if len(told) != len(pseudo) or not told.keys() <= PSEUDO or not told.get(b":scheme"):
        raise Malformed("The pseudo-header fields are malformed.")
    if not METHOD.fullmatch(told.get(b":method", b"")) or not PATH.fullmatch(told.get(b":path", b"")):
        raise Malformed("The request line is malformed.")
    return told


def _host(told: dict[bytes, bytes], regular: Fields) -> bytes:
    hosts = {value for name, value in regular if name == b"host"}
    if b":authority" in told:
        hosts.add(told[b":authority"])
    host = hosts.pop() if hosts else b""
    if hosts or not AUTHORITY.fullmatch(host):
        raise Malformed("The Host header is malformed.")
    return host


def _check(regular: Fields) -> None:
    names = [name for name, _ in regular]
    if not all(names) or b"".join(names).translate(None, NAME):
        raise Malformed("The name of a header is malformed.")
    if not OF_THE_CONNECTION.isdisjoint(names):
        raise Malformed("A header belongs to connections of HTTP/1.1.")
    if b"".join([value for _, value in regular]).translate(None, TEXT):
        raise Malformed("The request head has a control character.")
