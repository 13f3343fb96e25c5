"""Figures of a variant from what CloudWatch tells of periods."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from clary.cli.ab.span import span
from clary.cli.ab.traffic import PERCENTILES, Metrics, located, steps, variants_seen

SPAN = span("1h", datetime(2026, 11, 22, 3, 0, tzinfo=UTC))


@dataclass
class CloudWatch:
    """Answers GetMetricData from the latencies of each period, a result at a time, and ListMetrics."""

    periods: Sequence[Sequence[float]]

    def get_paginator(self, operation: str) -> Any:
        return self if operation == "get_metric_data" else Listed()

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert (request["StartTime"], request["EndTime"]) == (SPAN.start, SPAN.end)
        for query in request["MetricDataQueries"]:
            wanted = query["MetricStat"]
            values = [self._value(wanted, each) for each in self.periods]
            yield {"MetricDataResults": [{"Id": query["Id"], "Values": values}]}

    def _value(self, wanted: dict[str, Any], latencies: Sequence[float]) -> float:
        metric, stat = wanted["Metric"]["MetricName"], wanted["Stat"]
        if metric != "ModelLatency":
            return {"Invocations": len(latencies), "Invocation4XXErrors": 2.0, "Invocation5XXErrors": 1.0}[metric]
        if stat == "SampleCount":
            return len(latencies)
        if stat in PERCENTILES:
            return sorted(latencies)[round(PERCENTILES[stat] * (len(latencies) - 1))]
        bound = re.fullmatch(r"TC\(:([\d.]+)\)", stat)
        assert bound is not None
        return sum(each <= float(bound[1]) for each in latencies)


class Listed:
    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        for variant in ("a", "b", "a"):
            named = {"EndpointName": "e", "VariantName": variant}
            yield {"Metrics": [{"Dimensions": [{"Name": name, "Value": value} for name, value in named.items()]}]}


def test_counts_are_summed_over_the_periods() -> None:
    told = Metrics(CloudWatch([[100.0] * 8, [100.0] * 12]), "e", "a", SPAN).traffic()
    assert (told.requests, told.errors_4xx, told.errors_5xx) == (20, 4, 2)
    assert told.latency_us == {"p50": 100.0, "p90": 100.0, "p99": 100.0}


def test_a_variant_without_requests_has_no_latencies() -> None:
    told = Metrics(CloudWatch([]), "e", "a", SPAN).traffic()
    assert (told.requests, told.latency_us) == (0, {})


def test_percentiles_over_unlike_periods_are_those_of_all_requests_together() -> None:
    chance = random.Random(7)
    periods = [[chance.lognormvariate(middle, 0.8) for _ in range(4000)] for middle in (6.0, 9.0, 7.5)]
    together = sorted(each for period in periods for each in period)
    told = Metrics(CloudWatch(periods), "e", "a", SPAN).traffic()
    for name, share in PERCENTILES.items():
        assert told.latency_us[name] == pytest.approx(together[round(share * (len(together) - 1))], rel=0.06)


def test_steps_grow_by_one_factor_and_need_a_gap() -> None:
    told = steps(1.0, 2.0**32)
    assert told == pytest.approx([2.0**number for number in range(1, 32)])
    assert steps(5.0, 5.0) == steps(0.0, 5.0) == []


@pytest.mark.parametrize(("wanted", "value"), [(5, 10.0), (10, 10.0), (15, 15.0), (20, 20.0), (25, 40.0)])
def test_a_percentile_is_found_between_the_counts_around_it(wanted: float, value: float) -> None:
    assert located(wanted, [(10.0, 10), (20.0, 20)], (1.0, 40.0)) == value


def test_variants_are_known_by_their_metrics() -> None:
    assert variants_seen(CloudWatch([]), "e") == {"a", "b"}
