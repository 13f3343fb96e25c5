"""A report is put together from what four services of AWS's API tell."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.response import StreamingBody

from clary.cli.ab.ground_truth import Place, line_of
from clary.cli.ab.report import Report, report
from clary.cli.ab.span import span

SPAN = span("10m", datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
PLACE = Place("b", "truth")
COUNTS = {"Invocations": 9.0, "Invocation4XXErrors": 1.0, "Invocation5XXErrors": 0.0}


class Paginated:
    """A client of AWS's whose operations come in pages."""

    def __init__(self, **pages: Callable[..., Mapping[str, Any]]) -> None:
        self._pages = pages

    def get_paginator(self, operation: str) -> Any:
        class Paginator:
            def paginate(_, **request: Any) -> Iterator[Mapping[str, Any]]:  # noqa: N805 - the client is self
                yield self._pages[operation](**request)

        return Paginator()


class SageMaker:
    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        return {
            "EndpointName": EndpointName,
            "ProductionVariants": [{"VariantName": name, "CurrentWeight": 1.0} for name in ("a", "b")],
            "ShadowProductionVariants": [{"VariantName": "s", "CurrentWeight": 0.5}],
        }


class S3(Paginated):
    def __init__(self, rewards: Mapping[str, float]) -> None:
        super().__init__(list_objects_v2=lambda **_: {"Contents": [{"Key": "k", "LastModified": 0}]})
        self.body = "\n".join(line_of(*each) for each in rewards.items()).encode()

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": StreamingBody(io.BytesIO(self.body), len(self.body))}


def answered(variants: Mapping[str, str], **_: Any) -> dict[str, Any]:
    return {
        "events": [
            {"logStreamName": variant, "message": json.dumps({"eventMetadata": {"inferenceId": inference_id}})}
            for inference_id, variant in variants.items()
        ]
    }


def metrics(MetricDataQueries: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
    return {
        "MetricDataResults": [
            {"Id": each["Id"], "Values": [COUNTS.get(each["MetricStat"]["Metric"]["MetricName"], 5.0)]}
            for each in MetricDataQueries
            if each["MetricStat"]["Metric"]["Dimensions"][1]["Value"] != "idle"
        ]
    }


def seen(**_: Any) -> dict[str, Any]:
    return {"Metrics": [{"Dimensions": [{"Name": "VariantName", "Value": name}]} for name in ("a", "old", "idle")]}


def reported(baseline: str | None = None) -> Report:
    ids = {"1": "a", "2": "a", "3": "b", "4": "b", "5": "old"}
    clients = {
        "sagemaker": SageMaker(),
        "s3": S3({"1": 0.0, "2": 1.0, "3": 1.0, "4": 1.0, "5": 1.0, "6": 1.0}),
        "logs": Paginated(filter_log_events=lambda **request: answered(ids, **request)),
        "cloudwatch": Paginated(get_metric_data=metrics, list_metrics=seen),
    }
    return report(clients.__getitem__, "e", SPAN, PLACE, baseline, 0.9)


def test_every_variant_of_the_time_is_in_it_and_each_is_compared_with_the_first() -> None:
    told = reported()
    assert [(each.name, each.role, each.weight) for each in told.variants] == [
        ("a", "production", 1.0), ("b", "production", 1.0), ("s", "shadow", 0.5), ("old", "gone", None),
    ]  # fmt: skip
    assert [(each.traffic.requests, each.traffic.errors_4xx) for each in told.variants] == [(9, 1)] * 4
    assert [each.rewards.count if each.rewards else 0 for each in told.variants] == [2, 2, 0, 1]
    assert [(each.baseline, each.variant) for each in told.against] == [("a", "b"), ("a", "old")]
    assert told.against[0].comparison is not None
    assert told.against[0].comparison.difference == 0.5
    assert told.unmatched == 1


def test_another_baseline_can_be_named_and_must_be_there() -> None:
    assert [(each.baseline, each.variant) for each in reported("b").against] == [("b", "a"), ("b", "old")]
    with pytest.raises(ValueError, match="s answered nothing in this time; the variants are a, b, old"):
        reported("s")
