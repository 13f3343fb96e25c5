"""FilterLogEvents: interleaving, paging, streams and times."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def start() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def logs(aws: Any, start: int) -> Any:
    call = aws("logs")
    for stream in ("job-a/algo-1", "job-b/algo-1"):
        aws.store.logs(aws.account, aws.region).put("g", stream, [(start + at, f"{stream} {at}") for at in range(10)])
    return call


def filtered(logs: Any, **params: Any) -> list[Any]:
    events: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = logs("FilterLogEvents", logGroupName="g", **params, **more)
        events += page["events"]
        assert page["searchedLogStreams"] == []
        if "nextToken" not in page:
            return events
        more = {"nextToken": page["nextToken"]}


def test_events_of_all_streams_are_interleaved_by_time(logs: Any) -> None:
    events = filtered(logs)
    times = [event["timestamp"] for event in events]
    assert len(events) == 20
    assert times == sorted(times)
    assert [event["logStreamName"] for event in events[:4]] == ["job-a/algo-1", "job-b/algo-1"] * 2


def test_pages_join_and_ids_are_never_the_same_twice(logs: Any) -> None:
    whole = filtered(logs)
    assert filtered(logs, limit=3) == whole
    assert filtered(logs, limit=3, startFromHead=False) == whole[::-1]
    assert len({event["eventId"] for event in whole}) == 20
    assert all(len(event["eventId"]) == 56 for event in whole)


def test_streams_are_chosen_by_name_or_by_prefix_but_not_by_both(logs: Any) -> None:
    assert {event["logStreamName"] for event in filtered(logs, logStreamNamePrefix="job-b")} == {"job-b/algo-1"}
    assert {event["logStreamName"] for event in filtered(logs, logStreamNames=["job-a/algo-1"])} == {"job-a/algo-1"}
    with pytest.raises(ServiceError, match="mutually exclusive"):
        filtered(logs, logStreamNames=["job-a/algo-1"], logStreamNamePrefix="job-b")


def test_the_end_of_the_time_range_is_inclusive(logs: Any, start: int) -> None:
    events = filtered(logs, startTime=start + 3, endTime=start + 4)
    assert {event["timestamp"] for event in events} == {start + 3, start + 4}


def test_a_pattern_chooses_messages(logs: Any) -> None:
    assert [event["message"] for event in filtered(logs, filterPattern='"job-b/algo-1 7"')] == ["job-b/algo-1 7"]


def test_a_token_belongs_to_its_query(logs: Any) -> None:
    token = logs("FilterLogEvents", logGroupName="g", limit=1)["nextToken"]
    with pytest.raises(ServiceError, match="The specified nextToken is invalid"):
        logs("FilterLogEvents", logGroupName="g", filterPattern="x", nextToken=token)
    with pytest.raises(ServiceError, match="The specified log group does not exist"):
        logs("FilterLogEvents", logGroupName="none")
