"""Points of metrics: merged into what is stored, read a period at a time.

Two values of the same metric, unit and second (or minute) share one row.
Nothing here begins a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from clary.store.series_tables import POINT
from clary.store.statements import driver_of, execute
from clary.store.summaries import Summary, merged, packed, unpacked

SECOND_S, MINUTE_S, FIVE_MINUTES_S, HOUR_S = 1, 60, 300, 3600
WIDTHS = (SECOND_S, MINUTE_S, FIVE_MINUTES_S, HOUR_S)
UNITS = (
    "None", "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second",
    "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second",
    "Gigabits/Second", "Terabits/Second", "Count/Second",
)  # fmt: skip
"""Rows hold a unit's place in this list: add at its end only."""

SELECT_POINT = """
select count, sum, min, max, spread from point where metric = ? and width = ? and at = ? and unit = ?
"""
# "cross" keeps SQLite from walking the table in the outer loop.
SELECT_MANY = """
select m.namespace, m.name, m.dimensions, ? + (p.at - ?) - (p.at - ?) % ? as period, p.unit,
    sum(p.count), sum(p.sum), min(p.min), max(p.max)
from json_each(?) as wanted cross join metric as m
on m.account = ? and m.region = ? and m.namespace = json_extract(wanted.value, '$[0]')
and m.name = json_extract(wanted.value, '$[1]') and m.dimensions = json_extract(wanted.value, '$[2]')
cross join point as p on p.metric = m.id and p.width in (select value from json_each(?)) and p.at >= ? and p.at < ?
and (? is null or p.unit = ?)
group by m.id, period, p.unit order by m.id, period, p.unit
"""
REPLACE = """
insert or replace into point (metric, width, at, unit, count, sum, min, max, spread) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


Name = tuple[str, str, str]
"""A metric's namespace, name and dimensions, these as text."""


class Place(NamedTuple):
    """Where a point is stored."""

    metric: int
    width: int
    at: int
    unit: int


@dataclass(frozen=True, slots=True)
class Datapoint:
    """What the values of one period and unit add up to."""

    at: int
    unit: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Range:
    """From when to before when (epoch seconds), in periods that begin at `start`; one unit, or any.

    `spread` asks for how the values spread too, which costs more.
    """

    start: int
    end: int
    period: int
    unit: str | None = None
    spread: bool = False


def store(connection: Connection, points: Mapping[Place, Summary]) -> None:
    """Add points to those that are stored."""
    # One prepared statement a point, straight to the driver, is quicker than one that joins them all.
    driver = driver_of(connection)
    rows = [_row(place, each, execute(driver, SELECT_POINT, place).fetchone()) for place, each in points.items()]
    if rows:
        connection.exec_driver_sql(REPLACE, rows)


def _row(place: Place, summary: Summary, stored: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return the row of a point, together with what is stored."""
    each = summary if stored is None else merged((unpacked(*stored), summary))
    return (*place, each.count, each.sum, each.min, each.max, packed(each))


def read(connection: Connection, metric: int, wanted: Range) -> list[Datapoint]:
    """Return a metric's datapoints in order of time; a period finer than what is stored has none."""
    if wanted.spread:
        return list(_with_spread(connection, metric, wanted))
    totals = (func.sum(POINT.c.count), func.sum(POINT.c.sum), func.min(POINT.c.min), func.max(POINT.c.max))
    period = _period(wanted)
    query = select(period, POINT.c.unit, *totals).where(*_within(metric, wanted)).group_by(period, POINT.c.unit)
    rows = connection.execute(query.order_by(period, POINT.c.unit))
    return [
        Datapoint(at, UNITS[unit], Summary(count, total, low, high, None)) for at, unit, count, total, low, high in rows
    ]


def read_many(
    connection: Connection, account: str, region: str, names: Sequence[Name], wanted: Range
) -> dict[Name, list[Datapoint]]:
    """Return the datapoints of several metrics, without how their values spread; a metric without any is left out."""
    unit = None if wanted.unit is None else UNITS.index(wanted.unit)
    start, widths = wanted.start, json.dumps(_widths(wanted))
    bound = (start, start, start, wanted.period, json.dumps(names), account, region, widths, start, wanted.end, unit,
             unit)  # fmt: skip
    found: dict[Name, list[Datapoint]] = {}
    for *named, at, place, count, total, low, high in connection.exec_driver_sql(SELECT_MANY, bound):
        namespace, name, dimensions = named
        point = Datapoint(at, UNITS[place], Summary(count, total, low, high, None))
        found.setdefault((namespace, name, dimensions), []).append(point)
    return found


def _with_spread(connection: Connection, metric: int, wanted: Range) -> Iterator[Datapoint]:
    period = _period(wanted)
    columns = (POINT.c.count, POINT.c.sum, POINT.c.min, POINT.c.max, POINT.c.spread)
    query = select(period, POINT.c.unit, *columns).where(*_within(metric, wanted)).order_by(period, POINT.c.unit)
    for (at, unit), rows in groupby(connection.execute(query), key=lambda row: (row[0], row[1])):
        yield Datapoint(at, UNITS[unit], merged([unpacked(*row[2:]) for row in rows]))


def _within(metric: int, wanted: Range) -> Sequence[Any]:
    """Say which rows: one range of the index for each width that divides the period."""
    time = (POINT.c.at >= wanted.start, POINT.c.at < wanted.end)
    wheres = [POINT.c.metric == metric, POINT.c.width.in_(_widths(wanted)), *time]
    if wanted.unit is not None:
        wheres.append(POINT.c.unit == UNITS.index(wanted.unit))
    return wheres


def _widths(wanted: Range) -> list[int]:
    return [width for width in WIDTHS if wanted.period % width == 0]


def _period(wanted: Range) -> Any:
    since = POINT.c.at - wanted.start
    return (wanted.start + since - since % wanted.period).label("period")
