"""Events of log streams: added in bulk, read by position, searched over many streams.

A position is a place between two events of a stream: what is at or behind it
is read forward, what is before it backward. Nothing here begins a transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, select, tuple_, update

from clary.store.log_tables import END_MS, EVENT, GROUP, STREAM

EVENT_OVERHEAD_BYTES = 26
FETCH_ROWS = 100
INSERT_EVENT = "insert into log_event (stream_id, at_ms, seq, ingested_ms, message) values (?, ?, ?, ?, ?)"


class Position(NamedTuple):
    """A place between events: before the first one of that time and number or later."""

    at_ms: int
    seq: int = 0


class LogEvent(NamedTuple):
    """One line of a log."""

    stream_id: int
    at_ms: int
    seq: int
    ingested_ms: int
    message: str

    @property
    def position(self) -> Position:
        """The place just before this event."""
        return Position(self.at_ms, self.seq)

    @property
    def behind(self) -> Position:
        """The place just behind this event."""
        return Position(self.at_ms, self.seq + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Which events of a stream: from a position on, up to before another; newest first if `backward`."""

    start: Position = Position(0)
    end: Position = Position(END_MS)
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one page may hold."""

    events_max: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, the event it stopped at (None at the end), and the streams' names by number."""

    events: Sequence[LogEvent]
    stopped_at: LogEvent | None
    names: Mapping[int, str] = field(default_factory=dict)


def size_of(message: str) -> int:
    """Return what an event counts for: its UTF-8 bytes and 26 more (API reference, PutLogEvents)."""
    length = len(message) if message.isascii() else len(message.encode(errors="surrogatepass"))
    return length + EVENT_OVERHEAD_BYTES


def append(connection: Connection, stream: Any, events: Sequence[tuple[int, str]], now_ms: int) -> None:
    """Add events to a stream (its row, read in this transaction), in any order of time."""
    rows = [
        (stream.id, at, seq, now_ms, _storable(message)) for seq, (at, message) in enumerate(events, stream.next_seq)
    ]
    connection.exec_driver_sql(INSERT_EVENT, rows)
    times = [at for at, _ in events]
    written = {
        "first_ms": min(stream.first_ms, *times),
        "last_ms": max(stream.last_ms, *times),
        "ingested_ms": now_ms,
        "next_seq": stream.next_seq + len(rows),
    }
    connection.execute(update(STREAM).where(STREAM.c.id == stream.id).values(written))
    resize(connection, stream, sum(size_of(message) for _, message in events))


def _storable(message: str) -> str:
    """Return a message without lone surrogates, which are no characters and have no UTF-8."""
    return message if message.isascii() else message.encode(errors="replace").decode()


def resize(connection: Connection, stream: Any, grown_bytes: int) -> None:
    """Count bytes as come to, or gone from, a stream and its group."""
    connection.execute(update(STREAM).where(STREAM.c.id == stream.id).values(_grown(STREAM, grown_bytes)))
    connection.execute(update(GROUP).where(GROUP.c.id == stream.group_id).values(_grown(GROUP, grown_bytes)))


def _grown(table: Table, grown_bytes: int) -> dict[str, Any]:
    return {"stored_bytes": table.c.stored_bytes + grown_bytes}


def read(connection: Connection, stream_id: int, span: Span) -> Iterator[LogEvent]:
    """Give the events of a stream in order, fetched a few at a time as they are taken."""
    while True:
        rows = connection.execute(_fetch(stream_id, span)).all()
        yield from map(LogEvent._make, rows)
        if len(rows) < FETCH_ROWS:
            return
        last = LogEvent._make(rows[-1])
        span = replace(span, end=last.position) if span.backward else replace(span, start=last.behind)


def _fetch(stream_id: int, span: Span) -> Select[Any]:
    place = tuple_(EVENT.c.at_ms, EVENT.c.seq)
    order = (EVENT.c.at_ms.desc(), EVENT.c.seq.desc()) if span.backward else (EVENT.c.at_ms, EVENT.c.seq)
    within = (EVENT.c.stream_id == stream_id, place >= tuple_(*span.start), place < tuple_(*span.end))
    return select(EVENT).where(*within).order_by(*order).limit(FETCH_ROWS)


def bounded(events: Iterable[LogEvent], bounds: Bounds) -> list[LogEvent]:
    """Return the first events that fit a page; one event always does."""
    page: list[LogEvent] = []
    size = 0
    for event in events:
        size += size_of(event.message)
        if page and size > bounds.bytes_max:
            break
        page.append(event)
        if len(page) == bounds.events_max:
            break
    return page


def newest_arrivals(connection: Connection, stream_id: int, seq: int, limit: int) -> list[LogEvent]:
    """Return events of a stream from an arrival number on, the newest by time if they are too many."""
    since = (EVENT.c.stream_id == stream_id, EVENT.c.seq >= seq)
    latest = select(EVENT).where(*since).order_by(EVENT.c.at_ms.desc(), EVENT.c.seq.desc()).limit(limit)
    return [LogEvent._make(row) for row in connection.execute(latest)]


def merge(streams: Iterable[Any], span: Span, opened: Callable[[int], Iterator[LogEvent]]) -> Iterator[LogEvent]:
    """Give the events of many streams (rows) in order of time; a stream is opened when its time has come."""
    sign = -1 if span.backward else 1
    begins = [(-each.last_ms if span.backward else max(each.first_ms, span.start.at_ms), each.id) for each in streams]
    waiting = deque(sorted(begins))
    heap: list[tuple[int, int, int, LogEvent, Iterator[LogEvent]]] = []

    def push(source: Iterator[LogEvent]) -> None:
        event = next(source, None)
        if event is not None:
            heappush(heap, (sign * event.at_ms, sign * event.stream_id, sign * event.seq, event, source))

    while waiting or heap:
        while waiting and (not heap or waiting[0][0] <= heap[0][0]):
            push(opened(waiting.popleft()[1]))
        if heap:
            *_, event, source = heappop(heap)
            yield event
            push(source)


def sift(events: Iterable[LogEvent], matches: Callable[[str], bool], bounds: Bounds, scan_max: int) -> Found:
    """Return the matching events of one page, and where looking stopped if it did before the end."""
    found: list[LogEvent] = []
    size = 0
    before: LogEvent | None = None
    for scanned, event in enumerate(events):
        if len(found) == bounds.events_max or size >= bounds.bytes_max or scanned == scan_max:
            return Found(found, before)
        if matches(event.message):
            found.append(event)
            size += size_of(event.message)
        before = event
    return Found(found, None)
