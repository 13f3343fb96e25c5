"""Log streams: order, prefix, paging."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def logs(aws: Any) -> Any:
    call = aws("logs")
    call("CreateLogGroup", logGroupName="g")
    now = int(time.time() * 1000)
    for name, at in (("b", 30), ("a", 20), ("c", 10)):
        call("CreateLogStream", logGroupName="g", logStreamName=name)
        event = {"timestamp": now + at, "message": "x"}
        call("PutLogEvents", logGroupName="g", logStreamName=name, logEvents=[event])
    return call


def names(answer: Any) -> list[str]:
    return [stream["logStreamName"] for stream in answer["logStreams"]]


def test_no_token_comes_with_the_last_stream(logs: Any) -> None:
    assert "nextToken" not in logs("DescribeLogStreams", logGroupName="g", logStreamNamePrefix="b", limit=1)
    assert "nextToken" not in logs("DescribeLogStreams", logGroupName="g", limit=3)


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        ("LogStreamName", False, ["a", "b", "c"]),
        ("LogStreamName", True, ["c", "b", "a"]),
        ("LastEventTime", False, ["c", "a", "b"]),
        ("LastEventTime", True, ["b", "a", "c"]),
    ],
)
def test_streams_come_in_the_order_asked_for_page_by_page(
    logs: Any, order: str, descending: bool, expected: list[str]
) -> None:
    found: list[str] = []
    more: dict[str, str] = {}
    for _ in range(3):
        page = logs("DescribeLogStreams", logGroupName="g", orderBy=order, descending=descending, limit=1, **more)
        found += names(page)
        more = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert (found, more) == (expected, {})


def test_time_order_and_prefix_exclude_each_other(logs: Any) -> None:
    with pytest.raises(ServiceError, match="Cannot order by LastEventTime with a logStreamNamePrefix"):
        logs("DescribeLogStreams", logGroupName="g", orderBy="LastEventTime", logStreamNamePrefix="a")


def test_a_stream_without_events_has_no_times(aws: Any, logs: Any) -> None:
    logs("CreateLogStream", logGroupName="g", logStreamName="job/algo-1-1")
    (stream,) = logs("DescribeLogStreams", logGroupName="g", logStreamNamePrefix="job/")["logStreams"]
    assert stream["arn"] == f"arn:aws:logs:us-east-1:{aws.account}:log-group:g:log-stream:job/algo-1-1"
    assert not {"firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime"} & set(stream)


def test_a_stream_is_made_once_and_deleted_once(logs: Any) -> None:
    with pytest.raises(ServiceError, match="The specified log stream already exists"):
        logs("CreateLogStream", logGroupName="g", logStreamName="a")
    logs("DeleteLogStream", logGroupName="g", logStreamName="a")
    with pytest.raises(ServiceError, match="The specified log stream does not exist"):
        logs("DeleteLogStream", logGroupName="g", logStreamName="a")
    with pytest.raises(ServiceError, match="The specified log group does not exist"):
        logs("DescribeLogStreams", logGroupName="none")
