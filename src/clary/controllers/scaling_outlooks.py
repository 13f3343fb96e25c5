"""Reads the history of a load, and foresees the capacity that it will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clary.controllers.scaling_clients import Client
from clary.resources.alarm import MINUTE_S
from clary.resources.scaling_forecasts import DAY_S, HISTORY_S, HOUR_S, Loads, Outlook, carried, forecast, outlook
from clary.resources.scaling_metrics import timed
from clary.resources.scaling_predictions import Metrics

PAGES_MAX = 100


def foresee(cloudwatch: Client, metrics: Metrics, now: float) -> Outlook | None:
    """Return the outlook from the present hour on, None where there is too little history."""
    end = int(now) // HOUR_S * HOUR_S
    loads = _hourly(cloudwatch, metrics.load, HOUR_S, end - HISTORY_S, end)
    found = forecast(loads, now)
    if found is None:
        return None
    scaling = _hourly(cloudwatch, metrics.scaling, MINUTE_S, end - DAY_S, end)
    capacity = _hourly(cloudwatch, metrics.capacity, MINUTE_S, end - DAY_S, end)
    a_unit = carried(loads, scaling, capacity, metrics.target)
    return None if a_unit is None else outlook(found, a_unit)


def _hourly(cloudwatch: Client, queries: Sequence[Mapping[str, Any]], period: int, start: int, end: int) -> Loads:
    """Return the mean of a metric's values in each hour."""
    hours: dict[int, list[float]] = defaultdict(list)
    request: dict[str, Any] = {
        "MetricDataQueries": timed(queries, period),
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
    }
    for _ in range(PAGES_MAX):
        told = cloudwatch("GetMetricData", **request)
        for line in told["MetricDataResults"][:1]:
            for at, value in zip(line["Timestamps"], line["Values"], strict=True):
                hours[int(_seconds(at)) // HOUR_S * HOUR_S].append(value)
        if not told.get("NextToken"):
            break
        request["NextToken"] = told["NextToken"]
    return {hour: sum(values) / len(values) for hour, values in hours.items()}


def _seconds(at: datetime | float) -> float:
    return at.timestamp() if isinstance(at, datetime) else at
