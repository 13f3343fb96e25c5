"""Metric data: many metrics in one request, each over periods on the clock's own boundaries."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.core.errors import ValidationError
from clary.services.cloudwatch.data import dimensions_of, time_of
from clary.services.cloudwatch.faults import InvalidToken
from clary.services.cloudwatch.periods import check_period, check_times, rounded_start
from clary.services.cloudwatch.stats import Stat, stat
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of
from clary.store.points import Range
from clary.store.series import Metric

QUERIES_MAX = 500
DATAPOINTS_MAX = 100_800
ID = re.compile(r"[a-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Query:
    """One series that is asked for."""

    id: str
    label: str
    metric: Metric
    stat: Stat
    wanted: Range


class MetricData(Operations):
    """Series of several metrics."""

    @operation("GetMetricData")
    def get(self, call: Call, request: Params) -> Result:
        """Return a series for each query, page by page of MaxDatapoints."""
        bound_to = {name: value for name, value in request.items() if name not in ("NextToken", "MaxDatapoints")}
        queries = _queries(request, call.now)
        first, offset = _place(bound_to, request.get("NextToken"))
        budget = _budget(request)
        results: list[dict[str, Any]] = []
        for index, query in enumerate(queries[first:], first):
            points = _points(call, query, descending=request.get("ScanBy") != "TimestampAscending")[offset:]
            results.append(_shown(query, points[:budget], complete=len(points) <= budget))
            if len(points) > budget:
                return {
                    "MetricDataResults": results,
                    "Messages": [],
                    "NextToken": token_of(bound_to, [index, offset + budget]),
                }
            budget, offset = budget - len(points), 0
        return {"MetricDataResults": results, "Messages": []}


def _queries(request: Params, now: float) -> list[Query]:
    queries = request["MetricDataQueries"]
    if not 1 <= len(queries) <= QUERIES_MAX:
        raise _wrong(f"The collection MetricDataQueries must have between 1 and {QUERIES_MAX} members.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise _wrong("The ids of the metric data queries must be unique.")
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    check_times(start, end)
    read = [_query(query, start, end, now) for query in queries]
    return [each for each, query in zip(read, queries, strict=True) if query.get("ReturnData", True)]


def _query(query: Params, start: float, end: float, now: float) -> Query:
    name = query["Id"]
    if not ID.fullmatch(name):
        raise _wrong(f"The id '{name}' must begin with a lower-case letter and hold letters, digits and _ only.")
    if "Expression" in query:
        raise _wrong(f"Metric math and Metrics Insights are not supported yet; query '{name}' has an Expression.")
    if "MetricStat" not in query:
        raise _wrong(f"Query '{name}' must specify either Expression or MetricStat.")
    wanted, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    known = stat(wanted["Stat"])
    if known is None:
        raise _wrong(f"The value {wanted['Stat']} of Stat in query '{name}' is not supported.")
    period = wanted["Period"]
    check_period(period)
    begin = rounded_start(start, period, now) // period * period
    return Query(
        id=name,
        label=query.get("Label", metric.get("MetricName", "")),
        metric=Metric(
            metric.get("Namespace", ""), metric.get("MetricName", ""), dimensions_of(metric.get("Dimensions", ()))
        ),
        stat=known,
        wanted=Range(begin, math.ceil(end), period, wanted.get("Unit"), known.spread),
    )


def _points(call: Call, query: Query, *, descending: bool) -> list[tuple[int, float]]:
    points: list[tuple[int, float]] = []
    for point in call.store.series.read(query.metric, query.wanted):
        value = query.stat.evaluate(point.summary)
        if value is not None:
            points.append((point.at, value))
    return points[::-1] if descending else points


def _shown(query: Query, points: Sequence[tuple[int, float]], *, complete: bool) -> dict[str, Any]:
    return {
        "Id": query.id,
        "Label": query.label,
        "Timestamps": [time_of(at) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if complete else "PartialData",
    }


def _budget(request: Params) -> int:
    budget: int = request.get("MaxDatapoints", DATAPOINTS_MAX)
    if not 1 <= budget <= DATAPOINTS_MAX:
        raise _wrong(f"The parameter MaxDatapoints must be between 1 and {DATAPOINTS_MAX}.")
    return budget


def _place(bound_to: Params, token: str | None) -> tuple[int, int]:
    """Return the query and the datapoint that a page begins at."""
    if token is None:
        return 0, 0
    try:
        query, offset = place_of(bound_to, token)
    except BadToken:
        raise InvalidToken from None
    return query, offset


def _wrong(message: str) -> ValidationError:
    return ValidationError(message, code="ValidationError")
