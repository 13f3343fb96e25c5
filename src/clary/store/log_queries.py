"""What may be asked of log groups, and the statements that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from clary.store.log_events import Position, Span
from clary.store.log_tables import GROUP, STREAM


@dataclass(frozen=True, slots=True)
class GroupQuery:
    """Which groups, by name; `after` is the last name of the page before."""

    prefix: str = ""
    contains: str = ""
    storage_class: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which streams of a group, in which order; `after` is the last stream's (time, name) of the page before."""

    prefix: str = ""
    by_time: bool = False
    descending: bool = False
    after: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which events of a group; `after` is the event that the page before stopped at: its time, stream and number."""

    span: Span = Span()
    names: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    after: tuple[int, int, int] | None = None

    def span_of(self, stream_id: int) -> Span:
        """Return what is left to search in a stream; of one moment, streams come by number."""
        if self.after is None:
            return self.span
        at_ms, last, seq = self.after
        if stream_id == last:
            place = Position(at_ms, seq + (not self.span.backward))
        else:
            place = Position(at_ms + (stream_id < last))
        if self.span.backward:
            return replace(self.span, end=min(self.span.end, place))
        return replace(self.span, start=max(self.span.start, place))


def groups_query(account: str, region: str, query: GroupQuery) -> Select[Any]:
    """Return the statement that selects groups."""
    wheres = [GROUP.c.account == account, GROUP.c.region == region, GROUP.c.name > query.after]
    if query.prefix:
        wheres.append(_starts(GROUP.c.name, query.prefix))
    if query.contains:
        wheres.append(func.instr(GROUP.c.name, query.contains) > 0)
    if query.storage_class:
        wheres.append(GROUP.c.storage_class == query.storage_class)
    return select(GROUP).where(*wheres)


def streams_query(group_id: int, query: StreamQuery) -> Select[Any]:
    """Return the statement that selects streams of a group, in order."""
    columns = (STREAM.c.last_ms, STREAM.c.name) if query.by_time else (STREAM.c.name,)
    wheres = [STREAM.c.group_id == group_id]
    if query.prefix:
        wheres.append(_starts(STREAM.c.name, query.prefix))
    if query.after is not None:
        place, after = tuple_(*columns), tuple_(*query.after[-len(columns) :])
        wheres.append(place < after if query.descending else place > after)
    order = [column.desc() if query.descending else column for column in columns]
    return select(STREAM).where(*wheres).order_by(*order)


def candidates(group_id: int, search: Search) -> Select[Any]:
    """Return the statement that selects the streams which may hold events of a search."""
    wheres = [STREAM.c.group_id == group_id]
    wheres += [STREAM.c.last_ms >= search.span.start.at_ms, STREAM.c.first_ms <= search.span.end.at_ms]
    wheres += _named(search.names, search.prefixes)
    return select(STREAM.c.id, STREAM.c.name, STREAM.c.first_ms, STREAM.c.last_ms).where(*wheres)


def arrived(group_id: int, names: Sequence[str], prefixes: Sequence[str]) -> Select[Any]:
    """Return the statement that selects how many events came to each stream so far."""
    wheres = [STREAM.c.group_id == group_id, *_named(names, prefixes)]
    return select(STREAM.c.id, STREAM.c.name, STREAM.c.next_seq).where(*wheres)


def _named(names: Sequence[str], prefixes: Sequence[str]) -> list[ColumnElement[bool]]:
    wheres: list[ColumnElement[bool]] = []
    if names:
        wheres.append(STREAM.c.name.in_(names))
    if prefixes:
        wheres.append(or_(*(_starts(STREAM.c.name, prefix) for prefix in prefixes)))
    return wheres


def _starts(column: Any, prefix: str) -> ColumnElement[bool]:
    """Say that a name starts so, as a range of the index; no name holds the last code point."""
    return and_(column >= prefix, column < prefix + chr(0x10FFFF))
