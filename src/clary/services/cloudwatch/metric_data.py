"""Metric data: many metrics and expressions in one request, over periods on the clock's own boundaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timezone
from typing import Any

from clary.services.cloudwatch.data import time_of
from clary.services.cloudwatch.faults import Invalid, InvalidToken
from clary.services.cloudwatch.metric_math.labels import check_label, dynamic, shown, zone_of
from clary.services.cloudwatch.metric_math.syntax import BadExpression
from clary.services.cloudwatch.metric_math.values import TimeSeries
from clary.services.cloudwatch.periods import check_times, rounded_start
from clary.services.cloudwatch.queries import Evaluation, Query, Wanted, clock_window, read_queries
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of

QUERIES_MAX = 500
DATAPOINTS_MAX = 100_800


@dataclass(frozen=True, slots=True)
class Line:
    """One series of an answer."""

    id: str
    label: str
    points: list[tuple[int, float]]


class MetricData(Operations):
    """Series of several metrics."""

    @operation("GetMetricData")
    def get(self, call: Call, request: Params) -> Result:
        """Return the series of each query, page by page of MaxDatapoints."""
        bound_to = {name: value for name, value in request.items() if name not in ("NextToken", "MaxDatapoints")}
        evaluation = _evaluation(call, request)
        first, offset = _place(bound_to, request.get("NextToken"))
        budget = _budget(request)
        results: list[dict[str, Any]] = []
        for index, line in enumerate(_lines(evaluation, request)):
            if index < first:
                continue
            points = line.points[offset:]
            results.append(_shown(line, points[:budget], complete=len(points) <= budget))
            if len(points) > budget:
                more = token_of(bound_to, [index, offset + budget])
                return {"MetricDataResults": results, "Messages": [], "NextToken": more}
            budget, offset = budget - len(points), 0
        return {"MetricDataResults": results, "Messages": []}


def _evaluation(call: Call, request: Params) -> Evaluation:
    queries = request["MetricDataQueries"]
    if not 1 <= len(queries) <= QUERIES_MAX:
        raise Invalid(f"The collection MetricDataQueries must have between 1 and {QUERIES_MAX} members.")
    read = read_queries(queries)
    for query in read.values():
        _check(query)
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    check_times(start, end)
    window = clock_window(lambda period: rounded_start(start, period, call.now), end, call.now)
    return Evaluation(read, call.store.series, window)


def _check(query: Query) -> None:
    try:
        check_label(query.label or "")
    except BadExpression as wrong:
        raise Invalid(f"Error in the label of query '{query.id}': {wrong}") from None


def _lines(evaluation: Evaluation, request: Params) -> Iterator[Line]:
    ascending = request.get("ScanBy") == "TimestampAscending"
    zone = _zone(request)
    for query in evaluation.queries.values():
        if not query.returned:
            continue
        found = evaluation.series(query.id)
        for series in found:
            label = _label(query, series, several=len(found) > 1, zone=zone, now=evaluation.window.now)
            points = list(series.points.items())
            yield Line(query.id, label, points if ascending else points[::-1])


def _label(query: Query, series: TimeSeries, *, several: bool, zone: timezone, now: float) -> str:
    """Return a line's label: of several lines that share one, each has what tells it behind that."""
    if query.label is not None and dynamic(query.label):
        own = series.properties.get("MetricName", query.id) if isinstance(query.source, Wanted) else series.label
        return shown(query.label, TimeSeries(series.points, series.period, own, series.properties), zone, now)
    if query.label is not None:
        return f"{query.label} {series.label}" if several else query.label
    if isinstance(query.source, Wanted) or several:
        return series.label
    return query.id


def _zone(request: Params) -> timezone:
    offset = request.get("LabelOptions", {}).get("Timezone")
    zone = UTC if offset is None else zone_of(offset)
    if zone is None:
        raise Invalid(f"The value {offset} for parameter LabelOptions.Timezone is invalid: it must be like +0130.")
    return zone


def _shown(line: Line, points: list[tuple[int, float]], *, complete: bool) -> dict[str, Any]:
    return {
        "Id": line.id,
        "Label": line.label,
        "Timestamps": [time_of(at) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if complete else "PartialData",
    }


def _budget(request: Params) -> int:
    budget: int = request.get("MaxDatapoints", DATAPOINTS_MAX)
    if not 1 <= budget <= DATAPOINTS_MAX:
        raise Invalid(f"The parameter MaxDatapoints must be between 1 and {DATAPOINTS_MAX}.")
    return budget


def _place(bound_to: Params, token: str | None) -> tuple[int, int]:
    """Return the line and the datapoint that a page begins at."""
    if token is None:
        return 0, 0
    try:
        line, offset = place_of(bound_to, token)
    except BadToken:
        raise InvalidToken from None
    return line, offset
