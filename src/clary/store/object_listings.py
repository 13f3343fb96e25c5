"""Lists keys in the order of their UTF-8 bytes, with common prefixes, page by page.

A common prefix costs one seek however many keys lie under it. Pure: the caller brings the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

T = TypeVar("T")
LIST_MAX = 1000
"""Entries of one page."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which entries are asked for: behind the key `after` (and, in it, behind `after_id`), at most `limit`."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    after_id: str = ""
    limit: int = LIST_MAX


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page: items, common prefixes, whether there is more, and the last entry, a key or a common prefix."""

    items: list[T]
    prefixes: list[str]
    truncated: bool
    last: str


Fetch = Callable[[bytes, bytes], Iterator[Any]]
"""Gives the rows from a key (inclusive) to a key (exclusive, b"" for no end), lazily, in order."""


def walk(asked: Slice, fetch: Fetch, read: Callable[[Any], T], rest: Iterable[Any] = ()) -> Listing[T]:
    """Return one page; `rest` are the rows left of the key `asked.after` itself."""
    limit = min(asked.limit, LIST_MAX)
    if limit <= 0:
        return Listing([], [], truncated=False, last="")
    items: list[T] = []
    prefixes: list[str] = []
    last = ""
    for group, row in _entries(asked, fetch, rest):
        if len(items) + len(prefixes) == limit:
            return Listing(items, prefixes, truncated=True, last=last)
        if group:
            prefixes.append(group)
        else:
            items.append(read(row))
        last = group or row.key.decode()
    return Listing(items, prefixes, truncated=False, last=last)


def _entries(asked: Slice, fetch: Fetch, rest: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Give each entry: a common prefix, or "" and a row."""
    prefix, delimiter, after = (each.encode() for each in (asked.prefix, asked.delimiter, asked.after))
    low = max(prefix, after + b"\0" if after else b"")
    high = following(prefix)
    rows: Iterator[Any] = chain(rest, fetch(low, high))
    while True:
        group = b""
        for row in rows:
            group = common_prefix(row.key, prefix, delimiter)
            if not group:
                yield "", row
            elif group != after:
                yield group.decode(), None
            if group:
                break
        if not group:
            return
        rows = fetch(max(following(group), low), high)


def common_prefix(key: bytes, prefix: bytes, delimiter: bytes) -> bytes:
    """Return what a key is rolled up into, b"" if it stands for itself."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return b"" if end < 0 else key[: end + len(delimiter)]


def following(prefix: bytes) -> bytes:
    """Return the least key that is above every key with this prefix, b"" for none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else b""


def lazily(result: Any) -> Iterator[Any]:
    """Give the rows of a database result one by one, so that a seek elsewhere reads no more of them."""
    with closing(result):
        yield from result
