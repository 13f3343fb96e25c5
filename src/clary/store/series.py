"""Metrics of one account in one region: named series of values, kept as summaries.

A value is stored at a second's resolution if it asks for it, else at a
minute's. A batch that came with a mark lands together with it, so that a
shipper which crashed neither loses a value nor counts one twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, exists, select, tuple_, update

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.marks import Mark, Marks
from clary.store.points import MINUTE_S, SECOND_S, UNITS, Datapoint, Place, Range, read, read_many, store
from clary.store.series_tables import DIMENSION, MARK, METRIC
from clary.store.statements import driver_of, execute
from clary.store.summaries import Summary, merged

SEEN_STEP_S = 60.0
_QUOTE = json.encoder.encode_basestring  # which leaves characters beyond ASCII as they are
Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str]
"""A metric's name and its dimensions as text."""
Moment = tuple[int, int, int]
"""Width, time and unit of a point."""
SELECT_METRIC = """
select id, seen from metric where account = ? and region = ? and namespace = ? and name = ? and dimensions = ?
"""
INSERT_METRICS = "insert into metric (account, region, namespace, name, dimensions, seen) values (?, ?, ?, ?, ?, ?)"
INSERT_DIMENSIONS = "insert into dimension (metric, name, value) values (?, ?, ?)"


class Datum(NamedTuple):  # see Summary
    """Some values of a metric at one time: counted values, or a statistic set as `totals`."""

    name: str
    dimensions: Dimensions
    at: float
    values: Sequence[float] = ()
    counts: Sequence[float] = ()
    totals: Summary | None = None
    unit: str = "None"
    high_resolution: bool = False

    def summary(self) -> Summary:
        """Return what the values add up to."""
        return self.totals or Summary.of(self.values, self.counts)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a series is known by; dimensions are sorted by name."""

    namespace: str
    name: str
    dimensions: Dimensions = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Iterable[tuple[str, str]]) -> Metric:
        """Return the metric of these dimensions, in whatever order they came."""
        return cls(namespace, name, tuple(sorted(dimensions)))


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Which metrics; a dimension's value None is any; `after` is the last metric of the page before."""

    namespace: str = ""
    name: str = ""
    dimensions: Sequence[tuple[str, str | None]] = ()
    seen_after: float = 0.0
    after: Metric | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The metrics of one account in one region."""

    database: Database
    clock: Clock
    account: str
    region: str

    def put(self, namespace: str, data: Sequence[Datum], *, mark: Mark | None = None) -> None:
        """Add values; with a mark, a batch that ends at an offset which is stored already is skipped."""
        folded = _folded(data)
        with self.database.write() as connection:
            if mark is not None and not self._marks.advance(connection, mark, marked=self.clock()):
                return
            ids = self._ids(connection, namespace, {key for key, _ in folded})
            store(connection, {Place(ids[key], *place): summary for (key, place), summary in folded.items()})

    def shipped(self, source: str) -> int:
        """Return the offset that a source's values are stored up to."""
        with self.database.read() as connection:
            return self._marks.offset(connection, source)

    def read(self, metric: Metric, wanted: Range) -> list[Datapoint]:
        """Return a metric's datapoints in order of time; none if there is no such metric."""
        with self.database.read() as connection:
            found = connection.execute(select(METRIC.c.id).where(*self._named(metric))).scalar()
            return [] if found is None else read(connection, found, wanted)

    def read_many(self, metrics: Sequence[Metric], wanted: Range) -> dict[Metric, list[Datapoint]]:
        """Return the datapoints of several metrics in one go, in order of time; `wanted` asks for no spread."""
        assert not wanted.spread, "the spread of values is read metric by metric"
        names = {(each.namespace, each.name, _text(each.dimensions)): each for each in metrics}
        with self.database.read() as connection:
            found = read_many(connection, self.account, self.region, list(names), wanted)
        return {metric: found.get(name, []) for name, metric in names.items()}

    def metrics(self, query: MetricQuery, limit: int) -> list[Metric]:
        """Return up to `limit` metrics, by namespace, name and dimensions."""
        place = (METRIC.c.namespace, METRIC.c.name, METRIC.c.dimensions)
        statement = select(*place).where(*self._wanted(query)).order_by(*place).limit(limit)
        with self.database.read() as connection:
            return [Metric(namespace, name, _parsed(text)) for namespace, name, text in connection.execute(statement)]

    def _wanted(self, query: MetricQuery) -> list[Any]:
        wheres = [*self._mine(), METRIC.c.seen >= query.seen_after]
        if query.namespace:
            wheres.append(METRIC.c.namespace == query.namespace)
        if query.name:
            wheres.append(METRIC.c.name == query.name)
        for name, value in query.dimensions:
            match = [DIMENSION.c.metric == METRIC.c.id, DIMENSION.c.name == name]
            wheres.append(exists().where(*match, *([DIMENSION.c.value == value] if value is not None else [])))
        if query.after is not None:
            after = (query.after.namespace, query.after.name, _text(query.after.dimensions))
            wheres.append(tuple_(METRIC.c.namespace, METRIC.c.name, METRIC.c.dimensions) > tuple_(*after))
        return wheres

    def _mine(self) -> tuple[Any, ...]:
        return METRIC.c.account == self.account, METRIC.c.region == self.region

    def _named(self, metric: Metric) -> tuple[Any, ...]:
        named = (METRIC.c.name == metric.name, METRIC.c.dimensions == _text(metric.dimensions))
        return *self._mine(), METRIC.c.namespace == metric.namespace, *named

    def _ids(self, connection: Connection, namespace: str, keys: set[Key]) -> dict[Key, int]:
        """Return the row of each metric, made where missing."""
        now = self.clock()
        ids: dict[Key, int] = {}
        stale: list[int] = []
        for key, metric, seen in self._found(connection, namespace, keys):
            ids[key] = metric
            if seen < now - SEEN_STEP_S:
                stale.append(metric)
        missing = keys - ids.keys()
        if missing:
            ids |= self._insert(connection, namespace, missing)
        if stale:
            connection.execute(
                update(METRIC).where(METRIC.c.id == bindparam("which")).values(seen=now),
                [{"which": each} for each in stale],
            )
        return ids

    def _found(self, connection: Connection, namespace: str, keys: Iterable[Key]) -> Iterator[tuple[Key, int, float]]:
        """Give the id of each metric that there is, and when it was seen."""
        driver = driver_of(connection)  # see points.store
        for key in keys:
            row = execute(driver, SELECT_METRIC, (self.account, self.region, namespace, *key)).fetchone()
            if row is not None:
                yield key, *row

    def _insert(self, connection: Connection, namespace: str, keys: set[Key]) -> dict[Key, int]:
        """Make metrics; return their ids."""
        now = self.clock()
        connection.exec_driver_sql(
            INSERT_METRICS, [(self.account, self.region, namespace, *key, now) for key in sorted(keys)]
        )
        ids = {key: metric for key, metric, _ in self._found(connection, namespace, keys)}
        rows = [(metric, *each) for (_, dimensions), metric in ids.items() for each in _parsed(dimensions)]
        if rows:
            connection.exec_driver_sql(INSERT_DIMENSIONS, rows)
        return ids

    @property
    def _marks(self) -> Marks:
        return Marks(MARK, self.account, self.region)


def _folded(data: Iterable[Datum]) -> dict[tuple[Key, Moment], Summary]:
    """Add up the values that will share a row."""
    parts: dict[tuple[Key, Moment], list[Summary]] = {}
    for datum in data:
        width = SECOND_S if datum.high_resolution else MINUTE_S
        moment = (width, int(datum.at // width) * width, UNITS.index(datum.unit))
        parts.setdefault(((datum.name, _text(datum.dimensions)), moment), []).append(datum.summary())
    return {place: merged(summaries) for place, summaries in parts.items()}


def _text(dimensions: Iterable[tuple[str, str]]) -> str:
    """Return dimensions as compact JSON; built by hand, since this is done for every value that comes."""
    return f"[{','.join(f'[{_QUOTE(name)},{_QUOTE(value)}]' for name, value in sorted(dimensions))}]"


def _parsed(text: str) -> Dimensions:
    return tuple((name, value) for name, value in json.loads(text))
