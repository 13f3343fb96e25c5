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
        ({"Id": "e", "Expression": "a / c"}, "Error in expression 'e': Unknown id 'c'"),
        ({"Id": "e", "Expression": "a +"}, "Error in expression 'e': Unexpected end of the expression"),
        ({"Id": "e", "Expression": "AVG(a)"}, "must return a time series"),
        ({"Id": "e", "Expression": "e + a"}, "The query 'e' depends on itself"),
        ({"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(a, 2)"}, "is not offered by Clary"),
        ({"Id": "e", "Expression": "SELECT AVG(x) FROM N"}, "Metrics Insights queries are not offered"),
        ({"Id": "e", "Expression": "+".join(["SEARCH('x','Sum',60)"] * 6)}, "5 SEARCH functions at most"),
        (query("c", Label="${AVERAGE}"), "Unknown dynamic label"),
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


def values(cloudwatch: Any, start: datetime, expression: str, **params: Any) -> list[float]:
    """Return what an expression makes of `a` (0, 1, … 9 each minute) and `b` (the same)."""
    hidden = [query(name, ReturnData=False) for name in ("a", "b")]
    asked = {"Id": "e", "Expression": expression, **params}
    (line,) = data(cloudwatch, start, *hidden, asked, ScanBy="TimestampAscending")["MetricDataResults"]
    return line["Values"]


def test_an_expression_sees_the_other_queries_and_may_hide_them(cloudwatch: Any, start: datetime) -> None:
    assert values(cloudwatch, start, "(a + b) / 2 * 10") == [10.0 * minute for minute in range(10)]
    assert values(cloudwatch, start, "SUM(METRICS()) - b") == [float(minute) for minute in range(10)]
    assert values(cloudwatch, start, "METRICS('b')") == [float(minute) for minute in range(10)]
    assert values(cloudwatch, start, "IF(a > 7, a)") == [8.0, 9.0]


def test_gaps_are_filled_over_the_whole_time_that_is_asked_for(cloudwatch: Any, start: datetime) -> None:
    found = values(cloudwatch, start, "FILL(a, -1)")
    assert (len(found), found[9:11]) == (60, [9.0, -1.0])
    assert values(cloudwatch, start, "TIME_SERIES(AVG(a))", Period=600) == [4.5] * 6


def test_a_search_finds_series_and_names_them_by_what_tells_them_apart(aws: Any, start: datetime) -> None:
    cloudwatch = aws("cloudwatch")
    for endpoint, count in (("one", 1.0), ("two", 2.0)):
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "v"}]
        datum = {"MetricName": "Invocations", "Dimensions": dimensions, "Value": count, "Timestamp": start}
        cloudwatch("PutMetricData", Namespace="Mine", MetricData=[datum, {"MetricName": "Other", "Value": 5.0}])
    search = "SEARCH('{Mine,EndpointName,VariantName} MetricName=\"Invocations\"', 'Sum', 60)"
    lines = data(cloudwatch, start, {"Id": "e", "Expression": search})["MetricDataResults"]
    assert [(line["Label"], line["Values"]) for line in lines] == [("one", [1.0]), ("two", [2.0])]
    (line,) = data(cloudwatch, start, {"Id": "e", "Expression": f"SUM({search})"})["MetricDataResults"]
    assert line["Values"] == [3.0]
    named = {"Id": "e", "Expression": search, "Label": "${PROP('Dim.EndpointName')}: ${MAX}"}
    assert [line["Label"] for line in data(cloudwatch, start, named)["MetricDataResults"]] == ["one: 1", "two: 2"]


def test_a_label_shows_what_its_series_holds(cloudwatch: Any, start: datetime) -> None:
    label = "${LABEL} ${PROP('Stat')} ${FIRST_LAST_RANGE} ${MAX_TIME}"
    (line,) = data(cloudwatch, start, query("a", Label=label), LabelOptions={"Timezone": "+0130"})["MetricDataResults"]
    shown = (start + timedelta(minutes=99)).strftime("%Y-%m-%d %H:%M:%S UTC+01:30")
    assert line["Label"] == f"a Sum 0 - 9 {shown}"


def test_long_chains_of_expressions_are_followed_and_circles_are_found(cloudwatch: Any, start: datetime) -> None:
    chain = [{"Id": f"e{each}", "Expression": f"e{each + 1} + 1", "ReturnData": each == 0} for each in range(400)]
    ends = {"Id": "e400", "Expression": "a + b + e401", "ReturnData": False}
    hidden = [query(name, ReturnData=False) for name in ("a", "b")]
    (line,) = data(cloudwatch, start, *chain, ends, {**hidden[0], "Id": "e401"}, *hidden)["MetricDataResults"]
    assert line["Values"][-1] == 400.0
    with pytest.raises(ServiceError, match="depends on itself"):
        data(cloudwatch, start, *chain, {"Id": "e400", "Expression": "e17"})
