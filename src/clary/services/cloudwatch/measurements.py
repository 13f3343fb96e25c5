"""What alarms watch, measured for the controller: each metric is read once in a round, however many alarms watch it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from clary.resources.alarm import Alarm, Sample, Span
from clary.services.cloudwatch.faults import Invalid
from clary.services.cloudwatch.queries import Evaluation, Query, Readings, Wanted, Window, read_queries
from clary.store.points import Datapoint, Range
from clary.store.series import Metric, MetricQuery
from clary.store.store import Store

WATCHED, COUNTED = "watched", "counted"
FEW = 10
"""Values that must lie beyond a percentile for it to mean something; user guide, «Percentile-based alarms»."""
PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
TOGETHER_MAX = 500
Key = tuple[Metric, int, str | None, bool, int]
"""A metric, the period, unit and spread that are asked for, and the end; the start may lie further back."""


class Source(Readings, Protocol):
    """Readings that can be taken of several metrics at once."""

    def read_many(self, metrics: Sequence[Metric], wanted: Range) -> dict[Metric, list[Datapoint]]:
        """Return the datapoints of each metric in order of time."""


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
    _queries: dict[str, dict[str, Query]] = field(default_factory=dict)  # by the alarm's uid

    def prepare(self, due: Iterable[tuple[Alarm, Span]]) -> None:
        """Read what these alarms watch, all together."""
        asked: list[tuple[Metric, Range]] = []
        for alarm, span in due:
            try:
                queries = self._queries[alarm.uid] = read_queries(_asked(alarm))
            except Invalid:
                continue
            sources = [query.source for query in queries.values()]
            window = self._window(span)
            asked += [(each.metric, window.reading(each)) for each in sources if isinstance(each, Wanted)]
        self.readings.read_ahead(asked)

    def samples(self, alarm: Alarm, span: Span) -> Sequence[Sample] | str:
        """Return a sample for each period of a span, or in a sentence why there is none.

        None at all where the alarm is not to be judged by percentiles of few values, and there are few.
        """
        queries = self._queries.get(alarm.uid)
        threshold = alarm.spec.get("ThresholdMetricId")
        try:
            queries = queries or read_queries(_asked(alarm))
            evaluation = Evaluation(queries, self.readings, self._window(span))
            values = self._points(evaluation, _watched(queries, threshold))
            bounds = self._points(evaluation, threshold) if threshold else None
        except Invalid as wrong:
            return wrong.message
        if COUNTED in queries and _too_few(alarm, values, self._points(evaluation, COUNTED)):
            return []
        return [_sample(alarm, at, values, bounds) for at in span.starts()]

    def _window(self, span: Span) -> Window:
        return Window(lambda period: span.start, span.end, self.now)

    def _points(self, evaluation: Evaluation, name: str) -> Mapping[int, float]:
        found = evaluation.series(name)
        if len(found) > 1:
            raise Invalid(f"Error in expression '{name}': An alarm needs a single time series, not {len(found)}")
        return found[0].points if found else {}


@dataclass(frozen=True, slots=True)
class Remembered:
    """Readings of one account in one region that are asked for more than once but read once."""

    series: Source
    _read: dict[Key, tuple[int, list[Datapoint]]] = field(default_factory=dict)

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
        key = _key(metric, wanted)
        start, points = self._read.get(key, (wanted.end, []))
        if start > wanted.start or (wanted.start - start) % wanted.period:
            points = self.series.read(metric, wanted)
            self._read[key] = (wanted.start, points)
        return [point for point in points if point.at >= wanted.start]

    def read_ahead(self, asked: Iterable[tuple[Metric, Range]]) -> None:
        """Read metrics together that will be asked for; each as far back as any asks, and no spread of values."""
        widest: dict[Key, tuple[Metric, Range]] = {}
        for metric, wanted in asked:
            key = _key(metric, wanted)
            if not wanted.spread and (key not in widest or wanted.start < widest[key][1].start):
                widest[key] = metric, wanted
        together: dict[Range, list[Metric]] = {}
        for metric, wanted in widest.values():
            together.setdefault(wanted, []).append(metric)
        for wanted, metrics in together.items():
            for first in range(0, len(metrics), TOGETHER_MAX):
                found = self.series.read_many(metrics[first : first + TOGETHER_MAX], wanted)
                self._read.update({_key(metric, wanted): (wanted.start, points) for metric, points in found.items()})

    def metrics(self, query: MetricQuery, limit: int) -> list[Metric]:
        """Return up to `limit` metrics."""
        return self.series.metrics(query, limit)


def _key(metric: Metric, wanted: Range) -> Key:
    return metric, wanted.period, wanted.unit, wanted.spread, wanted.end


def _asked(alarm: Alarm) -> Sequence[Mapping[str, Any]]:
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
    counted = {"Id": COUNTED, "MetricStat": {**stat, "Stat": "SampleCount"}, "ReturnData": False}
    return [{"Id": WATCHED, "MetricStat": stat}, *([counted] if _minds_few(spec) else [])]


def _minds_few(spec: Mapping[str, Any]) -> bool:
    percentile = PERCENTILE.fullmatch(spec.get("ExtendedStatistic", ""))
    return percentile is not None and spec.get("EvaluateLowSampleCountPercentile") == "ignore"


def _too_few(alarm: Alarm, values: Mapping[int, float], counts: Mapping[int, float]) -> bool:
    """Tell whether a datapoint among the newest is of fewer values than its percentile needs."""
    percentile = PERCENTILE.fullmatch(alarm.spec["ExtendedStatistic"])
    assert percentile is not None, "only percentiles are counted for"
    beyond = min(float(percentile[1]), 100 - float(percentile[1]))  # of a hundred
    return any(counts.get(at, 0.0) * beyond < FEW * 100 for at in sorted(values)[-alarm.evaluation_periods :])


def _watched(queries: Mapping[str, Query], threshold: str | None) -> str:
    return next(query.id for query in queries.values() if query.returned and query.id != threshold)


def _sample(alarm: Alarm, at: int, values: Mapping[int, float], bounds: Mapping[int, float] | None) -> Sample:
    if bounds is None:
        return Sample(at, values.get(at), alarm.spec["Threshold"])
    return Sample(at, values.get(at) if at in bounds else None, bounds.get(at, 0.0))
