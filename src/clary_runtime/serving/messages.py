"""A request and a reply as models see them, and what a model must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple, Protocol

CONTENT_TYPES_MAX = 256
"""Kinds of replies whose heads are remembered."""
LATIN = ("latin-1", "replace")
NONE: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """One call of `/invocations`; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """What goes back; `headers` are further ones, `Content-Length` is added on the way out.

    `pieces` is a body that is made as it is sent, in place of `body`.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = NONE
    pieces: Iterator[bytes] | None = None

    @classmethod
    def text(cls, status: int, text: str) -> Reply:
        """Return a reply for a person to read."""
        return cls(status, text.encode())

    def encoded(self, *, close: bool) -> bytes:
        """Return the bytes of an HTTP/1.1 response; its head alone if the body comes in pieces."""
        status, body, content_type, headers, pieces = self
        head = _head(status, content_type)
        if status != HTTPStatus.NO_CONTENT:  # RFC 9110, 8.6: a 204 carries no Content-Length.
            head += b"Content-Length: %d\r\n" % len(body) if pieces is None else b"Transfer-Encoding: chunked\r\n"
        if headers:
            head += "".join(f"{name}: {_one_line(value)}\r\n" for name, value in headers.items()).encode(*LATIN)
        return b"%bConnection: close\r\n\r\n%b" % (head, body) if close else b"%b\r\n%b" % (head, body)


@lru_cache(CONTENT_TYPES_MAX)
def _head(status: int, content_type: str) -> bytes:
    """Return the status line of a reply and what it says of its kind."""
    content = "" if status == HTTPStatus.NO_CONTENT else f"Content-Type: {_one_line(content_type)}\r\n"
    return f"HTTP/1.1 {status} {_phrase(status)}\r\n{content}".encode(*LATIN)


def _one_line(value: str) -> str:
    """Keep a script's own header values from beginning another header."""
    return value.replace("\r", " ").replace("\n", " ")


_PHRASES = {int(status): status.phrase for status in HTTPStatus}


def _phrase(status: int) -> str:
    return _PHRASES.get(status, "Status")


class Model(Protocol):
    """What a server serves."""

    @property
    def together_max(self) -> int:
        """How many requests `answer_together` may be given; 1 where a request is answered alone."""

    def quick(self, request: Request) -> bool:
        """Whether `answer` takes so little time that it may run on the event loop."""

    def answer(self, request: Request) -> Reply:
        """Return the reply to one request; exceptions become 500."""

    def answer_together(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the replies to several requests, in their order; on an exception each is answered alone."""
