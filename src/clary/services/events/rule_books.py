"""The rules and archives of each bus, compiled, and kept until the feed says that one of its account changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from clary.resources.event_patterns import compile_pattern
from clary.resources.event_rules import ARCHIVE, DISABLED, RULE, Rule
from clary.store.changes import Behind
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Kind, Record, Records
from clary.store.store import Store

Wants = Callable[[Mapping[str, Any]], bool]
PREFIX = "events/"
BOOKS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Book:
    """What listens to one bus."""

    rules: tuple[tuple[Rule, Wants], ...]
    archives: tuple[tuple[Record, Wants], ...]


class RuleBooks:
    """Finds the book of a bus; what it answers is never older than the question."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._kept: dict[tuple[str, str, str], Book] = {}
        self._seen = store.feed.newest()

    def of(self, account: str, region: str, bus: str) -> Book:
        """Return what listens to a bus."""
        seen = self._catch_up()
        key = (account, region, bus)
        book = self._kept.get(key)
        if book is None:
            book = _read(self._store.records(account, region), bus)
            with self._lock:
                if seen == self._seen:  # else something changed while it was read: the next question reads again
                    self._kept = self._kept if len(self._kept) < BOOKS_MAX else {}
                    self._kept[key] = book
        return book

    def _catch_up(self) -> int:
        with self._lock:
            try:
                while changes := self._store.feed.since(self._seen):
                    self._forget(each.account for each in changes if each.kind.startswith(PREFIX))
                    self._seen = changes[-1].seq
            except Behind:
                self._kept = {}
                self._seen = self._store.feed.newest()
            return self._seen

    def _forget(self, accounts: Iterable[str]) -> None:
        gone = set(accounts)
        if gone:
            self._kept = {key: each for key, each in self._kept.items() if key[0] not in gone}


def _read(records: Records, bus: str) -> Book:
    rules = (Rule.read(each) for each in _all(records, RULE, Query(limit=PAGE_MAX, name_prefix=f"{bus}/")))
    archives = _all(records, ARCHIVE, Query(limit=PAGE_MAX, attributes={"bus": bus}))
    return Book(
        tuple((rule, compile_pattern(rule.pattern)) for rule in rules if rule.enabled and rule.pattern),
        tuple((archive, _wants(archive)) for archive in archives if archive.spec.get("State") != DISABLED),
    )


def _all(records: Records, kind: Kind, query: Query) -> Iterable[Record]:
    """Return all records of a query: the quotas of rules and archives are far below a page."""
    return records.page(kind, query).items


def _wants(archive: Record) -> Wants:
    pattern = archive.spec.get("EventPattern")
    return compile_pattern(pattern) if pattern else lambda event: True
