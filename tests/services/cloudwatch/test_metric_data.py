"""GetMetricData."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def start() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


@pytest.fixture
def cloudwatch(aws: Any, start: datetime) -> Any:
    call = aws("cloudwatch")
    data = [
        {"MetricName": name, "Value": float(minute), "Timestamp": start + timedelta(minutes=minute)}
        for name in ("a", "b")
        for minute in range(10)
    ]
    call("PutMetricData", Namespace="N", MetricData=data)
    return call


def query(name: str, stat: str = "Sum", period: int = 60, **params: Any) -> dict[str, Any]:
    metric = {"Namespace": "N", "MetricName": name}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **params}


def data(cloudwatch: Any, start: datetime, *queries: dict[str, Any], **params: Any) -> Any:
    times = {"StartTime": start, "EndTime": start + timedelta(hours=1)}
    return cloudwatch("GetMetricData", **{"MetricDataQueries": list(queries), **times, **params})


def test_the_newest_value_comes_first_unless_asked_otherwise(cloudwatch: Any, start: datetime) -> None:
    (line,) = data(cloudwatch, start, query("a"))["MetricDataResults"]
    assert (line["Id"], line["Label"], line["StatusCode"]) == ("a", "a", "Complete")
    assert line["Values"] == [float(minute) for minute in range(9, -1, -1)]
    assert line["Timestamps"][-1] == start
    (line,) = data(cloudwatch, start, query("a"), ScanBy="TimestampAscending")["MetricDataResults"]
    assert line["Values"] == [float(minute) for minute in range(10)]


def test_periods_lie_on_the_boundaries_of_the_clock(cloudwatch: Any, start: datetime) -> None:
    later = start + timedelta(minutes=7)
    (line,) = data(cloudwatch, later, query("a", period=300))["MetricDataResults"]
    assert (line["Timestamps"], line["Values"]) == ([start + timedelta(minutes=5)], [35.0])


def test_pages_of_many_queries_join(cloudwatch: Any, start: datetime) -> None:
    found: dict[str, list[float]] = {"a": [], "b": []}
    statuses: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = data(cloudwatch, start, query("a"), query("b"), MaxDatapoints=7, **more)
        for line in page["MetricDataResults"]:
            found[line["Id"]] += line["Values"]
            statuses.append(line["StatusCode"])
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found["a"] == found["b"] == [float(minute) for minute in range(9, -1, -1)]
    assert statuses == ["PartialData", "Complete", "PartialData", "Complete"]
    with pytest.raises(ServiceError) as caught:
        data(cloudwatch, start, query("b"), **more)
    assert caught.value.code == "InvalidNextToken"


def test_a_query_that_is_not_to_be_returned_is_left_out(cloudwatch: Any, start: datetime) -> None:
    answer = data(cloudwatch, start, query("a", ReturnData=False), query("b", Label="B", stat="p50"))
    assert [(line["Id"], line["Label"]) for line in answer["MetricDataResults"]] == [("b", "B")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"Id": "e", "Expression": "a / b"}, "query 'e' has an Expression"),
        ({"Id": "E"}, "must begin with a lower-case letter"),
        ({"Id": "a"}, "must be unique"),
        ({"Id": "e"}, "must specify either Expression or MetricStat"),
        (query("c", stat="Median"), "The value Median of Stat"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(
    cloudwatch: Any, start: datetime, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        data(cloudwatch, start, query("a"), wrong)
    assert caught.value.code == "ValidationError"
