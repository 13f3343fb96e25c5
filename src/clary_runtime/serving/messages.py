"""A request and a reply as models see them, and what a model must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One call of `/invocations`; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; `headers` are further ones, `Content-Length` is added on the way out.

    `pieces` is a body that is made as it is sent, in place of `body`.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None

    @classmethod
    def text(cls, status: int, text: str) -> Reply:
        """Return a reply for a person to read."""
        return cls(status, text.encode())

    def encoded(self, *, close: bool) -> bytes:
        """Return the bytes of an HTTP/1.1 response; its head alone if the body comes in pieces."""
        further = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in self.headers.items())
        ending = "Connection: close\r\n" if close else ""
        length = f"Content-Length: {len(self.body)}" if self.pieces is None else "Transfer-Encoding: chunked"
        content = f"Content-Type: {_one_line(self.content_type)}\r\n{length}\r\n"
        if self.status == HTTPStatus.NO_CONTENT:
            content = ""  # RFC 9110, 8.6: a 204 carries no Content-Length.
        head = f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n{content}{further}{ending}\r\n"
        return head.encode("latin-1", "replace") + self.body


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
