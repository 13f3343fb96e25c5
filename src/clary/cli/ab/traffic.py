"""What CloudWatch knows of an endpoint's variants: requests, errors, and percentiles of the model's latency.

A percentile over several periods lies between those of the periods. Where they differ, CloudWatch is asked how many
requests were faster than some latencies in between, and the counts of all periods tell where the percentile is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.cli.ab.span import Span

NAMESPACE = "AWS/SageMaker"
COUNTS = {"requests": "Invocations", "errors_4xx": "Invocation4XXErrors", "errors_5xx": "Invocation5XXErrors"}
LATENCY = "ModelLatency"
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
MARKS = 32
"""Latencies between the bounds of one percentile that are asked about."""
QUERIES_MAX = 500


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a variant did; latencies in microseconds by the percentile's name, none without requests."""

    requests: int
    errors_4xx: int
    errors_5xx: int
    latency_us: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one variant in a span."""

    cloudwatch: Any
    endpoint: str
    variant: str
    span: Span

    def traffic(self) -> Traffic:
        """Return what the variant did."""
        counts = {name: (metric, "Sum") for name, metric in COUNTS.items()}
        latencies = {name: (LATENCY, name) for name in PERCENTILES}
        seen = self._ask({**counts, **latencies, "measured": (LATENCY, "SampleCount")})
        requests, errors_4xx, errors_5xx = (round(sum(seen[name])) for name in COUNTS)
        return Traffic(requests, errors_4xx, errors_5xx, self._percentiles(seen))

    def _percentiles(self, seen: Mapping[str, Sequence[float]]) -> dict[str, float]:
        bounds = {name: (min(seen[name]), max(seen[name])) for name in PERCENTILES if seen[name]}
        marks = {name: steps(*bound) for name, bound in bounds.items()}
        asked = {f"{name}{number}": at for name, several in marks.items() for number, at in enumerate(several)}
        below = self._ask({name: (LATENCY, f"TC(:{at:.4f})") for name, at in asked.items()}) if asked else {}
        total = sum(seen["measured"])
        return {
            name: located(
                total * PERCENTILES[name],
                [(at, sum(below[f"{name}{number}"])) for number, at in enumerate(marks[name])],
                bound,
            )
            for name, bound in bounds.items()
        }

    def _ask(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, list[float]]:
        """Return the values of each period by the name of the question: a metric and a statistic."""
        values: dict[str, list[float]] = {name: [] for name in wanted}
        queries = [self._query(name, *asked) for name, asked in wanted.items()]
        assert len(queries) <= QUERIES_MAX, "one call is enough"
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=self.span.start, EndTime=self.span.end
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                values[result["Id"]] += result["Values"]
        return values

    def _query(self, name: str, metric: str, statistic: str) -> dict[str, Any]:
        dimensions = {"EndpointName": self.endpoint, "VariantName": self.variant}
        return {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": self.span.period_s,
                "Stat": statistic,
            },
        }


def variants_seen(cloudwatch: Any, endpoint: str) -> set[str]:
    """Return the names of the variants of which there are metrics, those that are gone by now too."""
    wanted = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName"}]
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=NAMESPACE, MetricName=COUNTS["requests"], Dimensions=wanted
    )
    dimensions: Iterable[Any] = (each["Dimensions"] for page in pages for each in page["Metrics"])
    return {each["Value"] for some in dimensions for each in some if each["Name"] == "VariantName"}


def steps(low: float, high: float) -> list[float]:
    """Return latencies between two bounds, each larger than the one before by the same factor; none without a gap."""
    if not 0 < low < high:
        return []
    return [low * (high / low) ** (number / MARKS) for number in range(1, MARKS)]


def located(wanted: float, below: Sequence[tuple[float, float]], bounds: tuple[float, float]) -> float:
    """Return the latency that so many requests did not exceed, given how many did not exceed some others."""
    before, passed = bounds[0], 0.0
    for at, count in below:
        if count >= wanted:
            share = (wanted - passed) / (count - passed) if passed else 1.0
            return before + (at - before) * share
        before, passed = at, count
    return bounds[1]
