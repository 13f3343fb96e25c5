"""Log groups, streams and events of one account in one region.

A batch that came with a mark lands together with it, so that a shipper which
crashed and looks up `shipped` neither loses a line nor stores one twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.log_events import (
    Bounds,
    Found,
    LogEvent,
    Position,
    Span,
    append,
    bounded,
    merge,
    newest_arrivals,
    read,
    resize,
    sift,
)
from clary.store.log_queries import GroupQuery, Search, StreamQuery, arrived, candidates, groups_query, streams_query
from clary.store.log_tables import END_MS, GROUP, MARK, STREAM
from clary.store.marks import Mark, Marks

EVENT_BYTES_MAX = 1024 * 1024 - 26
SCAN_MAX = 100_000
DAY_MS = 24 * 3600 * 1000


class Missing(Exception):
    """There is no such log group or stream; `noun` says which of the two."""

    def __init__(self, noun: str) -> None:
        super().__init__(noun)
        self.noun = noun


class Taken(Exception):
    """A log group or stream of that name is there already."""


class Protected(Exception):
    """The log group is protected from deletion."""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; times in milliseconds."""

    id: int
    name: str
    created_ms: int
    retention_days: int | None
    storage_class: str
    protected: bool
    tags: Mapping[str, str]
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class LogStream:
    """A log stream; `last_ms` is before `first_ms` as long as it has no event."""

    id: int
    name: str
    created_ms: int
    first_ms: int
    last_ms: int
    ingested_ms: int
    next_seq: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many events came to each stream so far, the new ones by time, and their streams' names by number."""

    counts: Mapping[int, int]
    events: Sequence[LogEvent]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of one account in one region."""

    database: Database
    clock: Clock
    account: str
    region: str

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]], *, mark: Mark | None = None) -> None:
        """Store the platform's own lines as (milliseconds, text), making the group and stream where missing.

        Empty lines are dropped and overlong ones cut. With a mark, a batch that
        ends at an offset which is stored already is skipped.
        """
        lines = [(at, _cut(message)) for at, message in events if message]
        with self.database.write() as connection:
            if mark is not None and not self._marks.advance(connection, mark, marked_ms=self._now_ms()):
                return
            if lines:
                found = self._group(connection, group) or self._insert_group(connection, group)
                row = _stream(connection, found.id, stream) or self._insert_stream(connection, found.id, stream)
                append(connection, row, lines, self._now_ms())

    def shipped(self, source: str) -> int:
        """Return the offset that a source's lines are stored up to."""
        with self.database.read() as connection:
            return self._marks.offset(connection, source)

    def append(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Store events in a stream that is there, or raise Missing."""
        with self.database.write() as connection:
            row = self._stream_row(connection, group, stream)
            if events:
                append(connection, row, events, self._now_ms())

    def create_group(
        self,
        name: str,
        *,
        storage_class: str = "STANDARD",
        protected: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add a group, or raise Taken."""
        with self.database.write() as connection:
            if self._group(connection, name) is not None:
                raise Taken(name)
            self._insert_group(connection, name, storage_class=storage_class, protected=protected, tags=tags)

    def group(self, name: str) -> LogGroup:
        """Return a group, or raise Missing."""
        with self.database.read() as connection:
            return _group_of(self._group_row(connection, name))

    def groups(self, query: GroupQuery, limit: int) -> list[LogGroup]:
        """Return up to `limit` groups, by name."""
        with self.database.read() as connection:
            rows = connection.execute(
                groups_query(self.account, self.region, query).order_by(GROUP.c.name).limit(limit)
            )
            return [_group_of(row) for row in rows]

    def tag(self, name: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Replace a group's tags by what `change` makes of them, or raise Missing."""
        with self.database.write() as connection:
            row = self._group_row(connection, name)
            tags = json.dumps(dict(change(json.loads(row.tags))))
            connection.execute(update(GROUP).where(GROUP.c.id == row.id).values(tags=tags))

    def retain(self, name: str, days: int | None) -> None:
        """Let a group's events expire after some days, or never; or raise Missing."""
        with self.database.write() as connection:
            row = self._group_row(connection, name)
            connection.execute(update(GROUP).where(GROUP.c.id == row.id).values(retention_days=days))

    def protect(self, name: str, *, protected: bool) -> None:
        """Guard a group from deletion or let it go, or raise Missing."""
        with self.database.write() as connection:
            row = self._group_row(connection, name)
            connection.execute(update(GROUP).where(GROUP.c.id == row.id).values(protected=int(protected)))

    def delete_group(self, name: str) -> None:
        """Forget a group and its streams at once (the disk follows with the next trim); raise Missing or Protected."""
        with self.database.write() as connection:
            row = self._group_row(connection, name)
            if row.protected:
                raise Protected(name)
            connection.execute(update(STREAM).where(STREAM.c.group_id == row.id).values(group_id=None))
            connection.execute(delete(GROUP).where(GROUP.c.id == row.id))

    def create_stream(self, group: str, name: str) -> None:
        """Add a stream to a group; raise Missing or Taken."""
        with self.database.write() as connection:
            row = self._group_row(connection, group)
            if _stream(connection, row.id, name) is not None:
                raise Taken(name)
            self._insert_stream(connection, row.id, name)

    def stream(self, group: str, name: str) -> LogStream:
        """Return a stream, or raise Missing."""
        with self.database.read() as connection:
            return _stream_of(self._stream_row(connection, group, name))

    def streams(self, group: str, query: StreamQuery, limit: int) -> list[LogStream]:
        """Return up to `limit` streams of a group, or raise Missing."""
        with self.database.read() as connection:
            row = self._group_row(connection, group)
            rows = connection.execute(streams_query(row.id, query).limit(limit))
            return [_stream_of(each) for each in rows]

    def delete_stream(self, group: str, name: str) -> None:
        """Forget a stream at once (the disk follows with the next trim); raise Missing or Protected."""
        with self.database.write() as connection:
            if self._group_row(connection, group).protected:
                raise Protected(group)
            row = self._stream_row(connection, group, name)
            resize(connection, row, -row.stored_bytes)
            connection.execute(update(STREAM).where(STREAM.c.id == row.id).values(group_id=None))

    def events(self, group: str, stream: str, span: Span, bounds: Bounds) -> list[LogEvent]:
        """Return one page of a stream, in the order of its span, or raise Missing."""
        with self.database.read() as connection:
            span = self._unexpired(self._group_row(connection, group), span)
            return bounded(read(connection, self._stream_row(connection, group, stream).id, span), bounds)

    def search(self, group: str, search: Search, matches: Callable[[str], bool], bounds: Bounds) -> Found:
        """Return one page of matching events of a group's streams, interleaved by time; or raise Missing."""
        with self.database.read() as connection:
            row = self._group_row(connection, group)
            search = replace(search, span=self._unexpired(row, search.span))
            streams = connection.execute(candidates(row.id, search)).all()

            def opened(stream_id: int) -> Iterator[LogEvent]:
                return read(connection, stream_id, search.span_of(stream_id))

            found = sift(merge(streams, search.span, opened), matches, bounds, SCAN_MAX)
            return replace(found, names={row.id: row.name for row in streams})

    def arrivals(
        self, group: str, since: Mapping[int, int] | None, names: Sequence[str], prefixes: Sequence[str], limit: int
    ) -> Arrivals:
        """Return what came to a group's streams since they held so many events (None: as of now); raise Missing."""
        with self.database.read() as connection:
            row = self._group_row(connection, group)
            streams = connection.execute(arrived(row.id, names, prefixes)).all()
            counts = {each.id: each.next_seq for each in streams}
            known = counts if since is None else since
            fresh = [each for each in streams if each.next_seq > known.get(each.id, 0)]
            events = [
                event for each in fresh for event in newest_arrivals(connection, each.id, known.get(each.id, 0), limit)
            ]
        return Arrivals(counts, sorted(events, key=lambda event: event[1:3]), {each.id: each.name for each in fresh})

    @property
    def _marks(self) -> Marks:
        return Marks(MARK, self.account, self.region)

    def _now_ms(self) -> int:
        return int(self.clock() * 1000)

    def _unexpired(self, group: Any, span: Span) -> Span:
        """Hide what has expired, even if no trim came by yet."""
        if group.retention_days is None:
            return span
        return replace(span, start=max(span.start, Position(self._now_ms() - group.retention_days * DAY_MS)))

    def _group(self, connection: Connection, name: str) -> Row[Any] | None:
        mine = (GROUP.c.account == self.account, GROUP.c.region == self.region, GROUP.c.name == name)
        return connection.execute(select(GROUP).where(*mine)).first()

    def _group_row(self, connection: Connection, name: str) -> Row[Any]:
        row = self._group(connection, name)
        if row is None:
            raise Missing("log group")
        return row

    def _stream_row(self, connection: Connection, group: str, name: str) -> Row[Any]:
        row = _stream(connection, self._group_row(connection, group).id, name)
        if row is None:
            raise Missing("log stream")
        return row

    def _insert_group(
        self,
        connection: Connection,
        name: str,
        *,
        storage_class: str = "STANDARD",
        protected: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Row[Any]:
        row = insert(GROUP).values(
            account=self.account,
            region=self.region,
            name=name,
            created_ms=self._now_ms(),
            storage_class=storage_class,
            protected=int(protected),
            tags=json.dumps(dict(tags or {})),
            stored_bytes=0,
        )
        return connection.execute(row.returning(*GROUP.c)).one()

    def _insert_stream(self, connection: Connection, group_id: int, name: str) -> Row[Any]:
        row = insert(STREAM).values(
            group_id=group_id,
            name=name,
            created_ms=self._now_ms(),
            first_ms=END_MS,
            last_ms=0,
            ingested_ms=0,
            next_seq=0,
            stored_bytes=0,
        )
        return connection.execute(row.returning(*STREAM.c)).one()


def _stream(connection: Connection, group_id: int, name: str) -> Row[Any] | None:
    return connection.execute(select(STREAM).where(STREAM.c.group_id == group_id, STREAM.c.name == name)).first()


def _cut(message: str) -> str:
    if len(message) * 4 <= EVENT_BYTES_MAX:
        return message
    return message.encode(errors="replace")[:EVENT_BYTES_MAX].decode(errors="ignore")


def _group_of(row: Row[Any]) -> LogGroup:
    return LogGroup(
        id=row.id,
        name=row.name,
        created_ms=row.created_ms,
        retention_days=row.retention_days,
        storage_class=row.storage_class,
        protected=bool(row.protected),
        tags=json.loads(row.tags),
        stored_bytes=row.stored_bytes,
    )


def _stream_of(row: Row[Any]) -> LogStream:
    return LogStream(
        id=row.id,
        name=row.name,
        created_ms=row.created_ms,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        ingested_ms=row.ingested_ms,
        next_seq=row.next_seq,
    )
