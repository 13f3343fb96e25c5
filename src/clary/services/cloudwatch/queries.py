"""Metric data queries, evaluated together: metrics are read once, expressions see each other by id.

GetMetricData asks over the clock's own periods, an alarm over those that end at its evaluation: the window says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from clary.services.cloudwatch.data import dimensions_of
from clary.services.cloudwatch.faults import Invalid
from clary.services.cloudwatch.metric_math.evaluation import WORDS, Scene, evaluate
from clary.services.cloudwatch.metric_math.labels import search_labels
from clary.services.cloudwatch.metric_math.searches import parse_search
from clary.services.cloudwatch.metric_math.syntax import Apply, BadExpression, Name, Node, parse, walk
from clary.services.cloudwatch.metric_math.values import Several, TimeSeries, Value
from clary.services.cloudwatch.periods import check_period
from clary.services.cloudwatch.stats import Stat, stat
from clary.services.operation import Params
from clary.store.points import Datapoint, Range
from clary.store.series import Metric, MetricQuery

SEARCHES_MAX = 5
FOUND_MAX = 100
LOOKED_AT_MAX = 10_000
LISTED_S = 14 * 24 * 3600
DEFAULT_PERIOD_S = 300


class Readings(Protocol):
    """Where metrics are read and looked for."""

    @property
    def account(self) -> str:
        """Whose metrics these are."""

    @property
    def region(self) -> str:
        """Where they are."""

    def read(self, metric: Metric, wanted: Range) -> list[Datapoint]:
        """Return a metric's datapoints in order of time."""

    def metrics(self, query: MetricQuery, limit: int) -> list[Metric]:
        """Return up to `limit` metrics."""


@dataclass(frozen=True, slots=True)
class Window:
    """The times that are asked for; `begin` gives the start of the first period of a length."""

    begin: Callable[[int], int]
    end: int
    now: float

    def grid(self, period: int) -> range:
        """Return the start of each period."""
        return range(self.begin(period), self.end, period)

    def reading(self, wanted: Wanted) -> Range:
        """Return what is to be read of a metric."""
        return Range(self.begin(wanted.period), self.end, wanted.period, wanted.unit, wanted.stat.spread)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric and the statistic of it that is asked for."""

    metric: Metric
    stat: Stat
    period: int
    unit: str | None
    shown: str  # the statistic's name


@dataclass(frozen=True, slots=True)
class Query:
    """One metric data query that has been read: a metric, or an expression."""

    id: str
    label: str | None
    period: int | None
    returned: bool
    source: Wanted | Node


@dataclass
class Evaluation:
    """Evaluates queries; each metric and each query once."""

    queries: dict[str, Query]
    readings: Readings
    window: Window
    _values: dict[str, Value] = field(default_factory=dict)

    def series(self, name: str) -> Several:
        """Return the series of a query, or raise Invalid where its expression makes none."""
        try:
            value = self._value(name)
        except BadExpression as wrong:
            raise Invalid(f"Error in expression '{name}': {wrong}") from None
        if isinstance(value, TimeSeries):
            return (value,)
        if not isinstance(value, tuple):
            raise Invalid(f"Error in expression '{name}': The expression must return a time series, not a number")
        return value

    def _value(self, name: str) -> Value:
        """Return a query's value; what it depends on comes first, so that long chains do not nest."""
        todo, opened = [name], set[str]()
        while todo:
            now = todo[-1]
            waits_for = [] if now in self._values else [each for each in self._needs(now) if each not in self._values]
            if any(each in opened for each in waits_for):
                raise BadExpression(f"The query '{now}' depends on itself")
            if now not in self._values and not waits_for:
                self._values[now] = self._fresh(self.queries[now])
            if not waits_for:
                todo.pop()
            opened.add(now)
            todo += waits_for
        return self._values[name]

    def _needs(self, name: str) -> Iterator[str]:
        """Give the other queries that one sees."""
        if name not in self.queries:
            raise BadExpression(f"Unknown id '{name}'")
        source = self.queries[name].source
        if isinstance(source, Wanted):
            return
        for each in walk(source):
            if isinstance(each, Name) and each.name not in WORDS:
                yield each.name

    def _fresh(self, query: Query) -> Value:
        if isinstance(query.source, Wanted):
            return self._read(query.source, query.label or query.source.metric.name)
        return evaluate(query.source, self._scene(query))

    def _scene(self, query: Query) -> Scene:
        of_metrics = [each for each in self.queries.values() if isinstance(each.source, Wanted)]
        asks_all = any(isinstance(each, Apply) and each.function == "METRICS" for each in walk(_node(query)))
        metrics = {each.id: self._value(each.id) for each in of_metrics} if asks_all else {}
        return Scene(
            value=self._value,
            metrics={name: value for name, value in metrics.items() if isinstance(value, TimeSeries)},
            search=self._search,
            grid=self.window.grid,
            period=query.period or min((each.source.period for each in of_metrics
                                        if isinstance(each.source, Wanted)), default=DEFAULT_PERIOD_S),
        )  # fmt: skip

    def _read(self, wanted: Wanted, label: str) -> TimeSeries:
        points: dict[int, float] = {}
        for point in self.readings.read(wanted.metric, self.window.reading(wanted)):
            value = wanted.stat.evaluate(point.summary)
            if value is not None:
                points[point.at] = value
        return TimeSeries(points, wanted.period, label, self._properties(wanted))

    def _properties(self, wanted: Wanted) -> dict[str, str]:
        return {
            "AccountId": self.readings.account,
            "Region": self.readings.region,
            "Namespace": wanted.metric.namespace,
            "MetricName": wanted.metric.name,
            "Period": str(wanted.period),
            "Stat": wanted.shown,
            **{f"Dim.{name}": value for name, value in wanted.metric.dimensions},
        }

    def _search(self, text: str, statistic: str, period: int) -> Several:
        search, known = parse_search(text), stat(statistic)
        if known is None:
            raise BadExpression(f"Unknown statistic '{statistic}'")
        query = MetricQuery(namespace=search.namespace, seen_after=self.window.now - LISTED_S)
        metrics = [each for each in self.readings.metrics(query, LOOKED_AT_MAX) if search.finds(each)][:FOUND_MAX]
        return tuple(
            self._read(Wanted(metric, known, period, None, statistic), label)
            for metric, label in zip(metrics, search_labels(metrics), strict=True)
        )


def read_queries(queries: Sequence[Params]) -> dict[str, Query]:
    """Return queries by id, or raise Invalid in CloudWatch's words."""
    if len({query["Id"] for query in queries}) < len(queries):
        raise Invalid("The ids of the metric data queries must be unique.")
    read = {query["Id"]: read_query(query) for query in queries}
    searches = sum(_searches(query) for query in read.values())
    if searches > SEARCHES_MAX:
        raise Invalid(f"A request can have {SEARCHES_MAX} SEARCH functions at most, not {searches}.")
    for query in read.values():
        _check_names(query, read)
    return read


def read_query(query: Params) -> Query:
    """Return one query, or raise Invalid."""
    name = query["Id"]
    if not (name[0].isascii() and name[0].islower() and name.replace("_", "a").isalnum() and name.isascii()):
        raise Invalid(f"The id '{name}' must begin with a lower-case letter and hold letters, digits and _ only.")
    if ("Expression" in query) == ("MetricStat" in query):
        raise Invalid(f"Query '{name}' must specify either Expression or MetricStat.")
    if "Period" in query:
        check_period(query["Period"])
    return Query(
        id=name,
        label=query.get("Label"),
        period=query.get("Period"),
        returned=query.get("ReturnData", True),
        source=_tree(name, query["Expression"]) if "Expression" in query else _wanted(name, query["MetricStat"]),
    )


def _tree(name: str, expression: str) -> Node:
    if expression.lstrip()[:7].upper() == "SELECT ":
        raise Invalid(f"Metrics Insights queries are not offered by Clary; query '{name}' is one.")
    try:
        return parse(expression)
    except BadExpression as wrong:
        raise Invalid(f"Error in expression '{name}': {wrong}") from None


def _wanted(name: str, asked: Params) -> Wanted:
    known = stat(asked["Stat"])
    if known is None:
        raise Invalid(f"The value {asked['Stat']} of Stat in query '{name}' is not supported.")
    check_period(asked["Period"])
    given: Any = asked["Metric"]
    dimensions = dimensions_of(given.get("Dimensions", ()))
    metric = Metric(given.get("Namespace", ""), given.get("MetricName", ""), dimensions)
    return Wanted(metric, known, asked["Period"], asked.get("Unit"), asked["Stat"])


def _node(query: Query) -> Node:
    assert not isinstance(query.source, Wanted)
    return query.source


def _searches(query: Query) -> int:
    if isinstance(query.source, Wanted):
        return 0
    return sum(isinstance(each, Apply) and each.function == "SEARCH" for each in walk(query.source))


def _check_names(query: Query, known: dict[str, Query]) -> None:
    """Raise where an expression names what is not there, so that it is told even where nothing is evaluated."""
    if isinstance(query.source, Wanted):
        return
    for each in walk(query.source):
        if isinstance(each, Name) and each.name[0].islower() and each.name not in known:
            raise Invalid(f"Error in expression '{query.id}': Unknown id '{each.name}'")


def clock_window(start: Callable[[int], int], end: float, now: float) -> Window:
    """Return the window whose periods begin on the clock's own boundaries."""
    return Window(lambda period: start(period) // period * period, math.ceil(end), now)
