"""The rules and archives of each bus, compiled, and kept until the feed says that one of its account changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from clary.resources.event_patterns import compile_pattern, sources_of
from clary.resources.event_rules import ARCHIVE, RULE, Rule
from clary.store.changes import Behind
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Kind, Record, Records
from clary.store.store import Store

Wants = Callable[[Mapping[str, Any]], bool]
PREFIX = "events/"
BOOKS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Book:
    """What listens to one bus: rules that can want events of some sources alone are found by these."""

    by_source: Mapping[str, Sequence[tuple[Rule, Wants]]]
    of_any: Sequence[tuple[Rule, Wants]]
    archives: Sequence[tuple[Record, Wants]]

    def wanting(self, event: Mapping[str, Any]) -> Iterator[Rule]:
        """Give the rules that want an event."""
        for rule, wants in (*self.by_source.get(event["source"], ()), *self.of_any):
            if wants(event):
                yield rule

    def keeping(self, event: Mapping[str, Any]) -> Iterator[Record]:
        """Give the archives that want an event."""
        return (archive for archive, wants in self.archives if wants(event))


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
    by_source: dict[str, list[tuple[Rule, Wants]]] = defaultdict(list)
    of_any: list[tuple[Rule, Wants]] = []
    for rule in rules:
        if rule.enabled and rule.pattern:
            entry, sources = (rule, compile_pattern(rule.pattern)), sources_of(rule.pattern)
            for shelf in [of_any] if sources is None else [by_source[source] for source in sources]:
                shelf.append(entry)
    archives = _all(records, ARCHIVE, Query(limit=PAGE_MAX, attributes={"bus": bus}))
    return Book(dict(by_source), of_any, [(archive, _wants(archive)) for archive in archives])


def _all(records: Records, kind: Kind, query: Query) -> Iterable[Record]:
    """Return all records of a query: the quotas of rules and archives are far below a page."""
    return records.page(kind, query).items


def _wants(archive: Record) -> Wants:
    pattern = archive.spec.get("EventPattern")
    return compile_pattern(pattern) if pattern else lambda event: True
