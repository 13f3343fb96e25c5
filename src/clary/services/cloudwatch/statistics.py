"""Statistics of one metric over periods that begin at the start of the request."""

from __future__ import annotations

import math
from typing import Any

from clary.services.cloudwatch.data import dimensions_of, time_of
from clary.services.cloudwatch.faults import InvalidCombination, InvalidValue, MissingParameter
from clary.services.cloudwatch.periods import check_period, check_times, rounded_start
from clary.services.cloudwatch.stats import Stat, stat
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.points import Datapoint, Range
from clary.store.series import Metric

DATAPOINTS_MAX = 1440


class Statistics(Operations):
    """Statistics of a metric."""

    @operation("GetMetricStatistics")
    def get(self, call: Call, request: Params) -> Result:
        """Return a datapoint for each period and unit that has values."""
        wanted = _range(request, call.now)
        extended = _extended(request)
        metric = Metric(request["Namespace"], request["MetricName"], dimensions_of(request.get("Dimensions", ())))
        points = call.store.series.read(metric, wanted)
        shown = [_shown(point, request.get("Statistics", ()), extended) for point in points]
        return {"Label": metric.name, "Datapoints": [each for each in shown if each is not None]}


def _range(request: Params, now: float) -> Range:
    start, end, period = request["StartTime"].timestamp(), request["EndTime"].timestamp(), request["Period"]
    check_times(start, end)
    check_period(period)
    wanted = math.ceil((end - start) / period)
    if wanted > DATAPOINTS_MAX:
        raise InvalidCombination(
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of {DATAPOINTS_MAX:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    return Range(
        rounded_start(start, period, now), math.ceil(end), period, request.get("Unit"), "ExtendedStatistics" in request
    )


def _extended(request: Params) -> dict[str, Stat]:
    if "Statistics" in request and "ExtendedStatistics" in request:
        raise InvalidCombination("You must specify either Statistics or ExtendedStatistics, but not both.")
    if "Statistics" not in request and "ExtendedStatistics" not in request:
        raise MissingParameter("Must specify either Statistics or ExtendedStatistics.")
    found: dict[str, Stat] = {}
    for name in request.get("ExtendedStatistics", ()):
        known = stat(name)
        if known is None or not known.spread:
            raise InvalidValue(f"The value {name} for parameter ExtendedStatistics is not supported.")
        found[name] = known
    return found


def _shown(point: Datapoint, names: list[str], extended: dict[str, Stat]) -> dict[str, Any] | None:
    """Return a datapoint as the API shows it, None when it has none of the statistics."""
    shown: dict[str, Any] = {"Timestamp": time_of(point.at), "Unit": point.unit}
    for name in names:
        known = stat(name)
        assert known is not None, "the model allows only the five"
        shown[name] = known.evaluate(point.summary)
    values = {name: value for name, each in extended.items() if (value := each.evaluate(point.summary)) is not None}
    if extended and not values:
        return None
    return shown | ({"ExtendedStatistics": values} if values else {})
