"""Prometheus's text format, line by line."""

from __future__ import annotations

from clary.server.telemetry.families import BOUNDS_S, Distribution, Family, Sort
from clary.server.telemetry.prometheus import text

LABELS = {"endpoint": 'a"b\\c\nd'}
COUNTS = [3, *[0] * (len(BOUNDS_S) - 1), 1]
FAMILIES = [
    Family("sagemaker.invocations", "Invocations.", Sort.TOTAL, [(LABELS, 12_345_678.0)]),
    Family("sagemaker.instances", "Instances.", Sort.NUMBER, [({}, 2.0)]),
    Family("sagemaker.model_latency", "Latency.", Sort.DISTRIBUTION, [({"variant": "v"}, Distribution(COUNTS, 80.5))]),
]


def test_each_family_is_told_with_help_type_and_labels() -> None:
    lines = text(FAMILIES).splitlines()
    assert lines[:6] == [
        "# HELP clary_sagemaker_invocations_total Invocations.",
        "# TYPE clary_sagemaker_invocations_total counter",
        r'clary_sagemaker_invocations_total{endpoint="a\"b\\c\nd"} 12345678',
        "# HELP clary_sagemaker_instances Instances.",
        "# TYPE clary_sagemaker_instances gauge",
        "clary_sagemaker_instances{} 2",
    ]


def test_a_distribution_counts_up() -> None:
    lines = text(FAMILIES[2:]).splitlines()
    assert lines[2] == 'clary_sagemaker_model_latency_seconds_bucket{variant="v",le="0.000128"} 3'
    assert lines[-4] == f'clary_sagemaker_model_latency_seconds_bucket{{variant="v",le="{BOUNDS_S[-1]}"}} 3'
    assert lines[-3:] == [
        'clary_sagemaker_model_latency_seconds_bucket{variant="v",le="+Inf"} 4',
        'clary_sagemaker_model_latency_seconds_sum{variant="v"} 80.5',
        'clary_sagemaker_model_latency_seconds_count{variant="v"} 4',
    ]
