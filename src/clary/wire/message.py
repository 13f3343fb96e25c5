"""HTTP as plain values: the wire layer does no I/O and knows no web framework."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class BodyStream(Protocol):
    """A request body that is read as it arrives; `length` is None when the client did not say."""

    length: int | None

    def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes, at least one unless the body has ended; blocks."""


Body = bytes | BodyStream


class Headers:
    """Header fields in the order received; names are lower-case, a name may come twice."""

    __slots__ = ("_items", "_joined")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str]] | None = [(name.lower(), value) for name, value in items]
        self._joined = dict(self._items)
        if len(self._joined) < len(self._items):
            self._joined = _joined(self._items)

    def replaced(self, values: Mapping[str, str]) -> Headers:
        """Return the same fields, some of them with other values; no name may have come twice."""
        found = Headers.__new__(Headers)
        found._joined, found._items = {**self._joined, **values}, None  # noqa: SLF001 - of its own kind
        return found

    @property
    def fields(self) -> Mapping[str, str]:
        """Return the values by lower-case name, several joined by commas; not to be changed."""
        return self._joined

    def get(self, name: str, default: str = "") -> str:
        """Return the value of a header, several joined by commas as RFC 9110 says."""
        return self._joined.get(name.lower(), default)

    def items(self) -> list[tuple[str, str]]:
        """Return every field as received."""
        return list(self._joined.items() if self._items is None else self._items)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._joined

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined)

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"


def _joined(items: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in items:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` and `query` are the raw text as received, percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: Body
    secure: bool = False  # it came over TLS


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; a body that is not bytes is sent piece by piece."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Iterable[bytes] = b""
