from __future__ import annotations

import pytest

from clary.resources.scaling import VARIANT_INSTANCES, Scalable
from clary.resources.scaling_metrics import VARIANT_METRICS, Window, dimensions_of, threshold_of, timed, windows

INVOCATIONS = VARIANT_METRICS["SageMakerVariantInvocationsPerInstance"]
CONCURRENT = VARIANT_METRICS["SageMakerVariantConcurrentRequestsPerModelHighResolution"]


@pytest.mark.parametrize(
    ("predefined", "profile", "outward", "inward"),
    [
        (INVOCATIONS, "fast", Window(10, 1), Window(10, 12)),
        (CONCURRENT, "fast", Window(10, 1), Window(10, 12)),
        (None, "fast", Window(60, 1), Window(60, 2)),
        (INVOCATIONS, "aws", Window(60, 3), Window(60, 15)),
        (CONCURRENT, "aws", Window(10, 3), Window(10, 90)),
        (None, "aws", Window(60, 3), Window(60, 15)),
    ],
)
def test_a_profile_says_how_long_load_lasts_before_it_counts(predefined, profile, outward, inward) -> None:
    found = windows(predefined, profile)
    assert (found.outward, found.inward) == (outward, inward)


@pytest.mark.parametrize(
    ("predefined", "period", "expected"),
    [(INVOCATIONS, 60, 120.0), (INVOCATIONS, 10, 20.0), (CONCURRENT, 10, 120.0), (None, 60, 120.0)],
)
def test_what_is_meant_for_a_minute_is_less_in_ten_seconds(predefined, period, expected) -> None:
    assert threshold_of({"TargetValue": 120}, predefined, period) == expected


def test_metrics_of_a_variant_bear_its_name_and_its_endpoints() -> None:
    assert dimensions_of(Scalable(VARIANT_INSTANCES, "endpoint/e-1/variant/v-2")) == [
        {"Name": "EndpointName", "Value": "e-1"},
        {"Name": "VariantName", "Value": "v-2"},
    ]


def test_queries_get_a_period_and_expressions_need_none() -> None:
    queries = [{"Id": "a", "MetricStat": {"Stat": "Sum"}}, {"Id": "b", "Expression": "a"}]
    assert timed(queries, 60) == [{"Id": "a", "MetricStat": {"Stat": "Sum", "Period": 60}}, queries[1]]
