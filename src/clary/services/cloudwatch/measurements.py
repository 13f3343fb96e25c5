"""What alarms watch, measured for the controller: each metric is read once in a round, however many alarms watch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clary.resources.alarm import Alarm, Sample, Span
from clary.services.cloudwatch.faults import Invalid
from clary.services.cloudwatch.queries import Evaluation, Readings, Window, read_queries
from clary.store.points import Datapoint, Range
from clary.store.series import Metric, MetricQuery
from clary.store.store import Store

WATCHED = "watched"


@dataclass(frozen=True, slots=True)
class Measurements:
    """Opens a round of evaluations; see controllers.alarms.Measurements."""

    store: Store

    def open(self, account: str, region: str, now: float) -> Round:
        """Return what the alarms of an account in a region are measured with, now."""
        return Round(Remembered(self.store.series(account, region)), now)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of evaluations."""

    readings: Remembered
    now: float

    def samples(self, alarm: Alarm, span: Span) -> Sequence[Sample] | str:
        """Return a sample for each period of a span, or in a sentence why there is none."""
        queries = _queries(alarm)
        window = Window(lambda period: span.start, span.end, self.now)
        try:
            evaluation = Evaluation(read_queries(queries), self.readings, window)
            values = self._points(evaluation, _watched(alarm, queries))
            bounds = self._points(evaluation, threshold) if (threshold := alarm.spec.get("ThresholdMetricId")) else None
        except Invalid as wrong:
            return wrong.message
        return [_sample(alarm, at, values, bounds) for at in span.starts()]

    def _points(self, evaluation: Evaluation, name: str) -> Mapping[int, float]:
        found = evaluation.series(name)
        if len(found) > 1:
            raise Invalid(f"Error in expression '{name}': An alarm needs a single time series, not {len(found)}")
        return found[0].points if found else {}


@dataclass(frozen=True, slots=True)
class Remembered:
    """Readings of one account in one region that are asked for more than once but read once."""

    series: Readings
    _read: dict[tuple[Metric, int, str | None, bool, int], tuple[int, list[Datapoint]]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Whose metrics these are."""
        return self.series.account

    @property
    def region(self) -> str:
        """Where they are."""
        return self.series.region

    def read(self, metric: Metric, wanted: Range) -> list[Datapoint]:
        """Return a metric's datapoints; of a reading that went further back, the part that is wanted."""
        key = (metric, wanted.period, wanted.unit, wanted.spread, wanted.end)
        start, points = self._read.get(key, (wanted.end, []))
        if start > wanted.start or (wanted.start - start) % wanted.period:
            points = self.series.read(metric, wanted)
            self._read[key] = (wanted.start, points)
        return [point for point in points if point.at >= wanted.start]

    def metrics(self, query: MetricQuery, limit: int) -> list[Metric]:
        """Return up to `limit` metrics."""
        return self.series.metrics(query, limit)


def _queries(alarm: Alarm) -> Sequence[Mapping[str, Any]]:
    spec = alarm.spec
    if "Metrics" in spec:
        metrics: Sequence[Mapping[str, Any]] = spec["Metrics"]
        return metrics
    metric = {name: spec[name] for name in ("Namespace", "MetricName", "Dimensions") if name in spec}
    stat = {
        "Metric": metric,
        "Period": spec["Period"],
        "Stat": spec.get("Statistic") or spec["ExtendedStatistic"],
        **({"Unit": spec["Unit"]} if "Unit" in spec else {}),
    }
    return [{"Id": WATCHED, "MetricStat": stat}]


def _watched(alarm: Alarm, queries: Sequence[Mapping[str, Any]]) -> str:
    threshold = alarm.spec.get("ThresholdMetricId")
    returned = [each["Id"] for each in queries if each.get("ReturnData", True) and each["Id"] != threshold]
    name: str = returned[0]
    return name


def _sample(alarm: Alarm, at: int, values: Mapping[int, float], bounds: Mapping[int, float] | None) -> Sample:
    if bounds is None:
        return Sample(at, values.get(at), alarm.spec["Threshold"])
    return Sample(at, values.get(at) if at in bounds else None, bounds.get(at, 0.0))
