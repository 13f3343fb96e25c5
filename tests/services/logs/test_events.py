"""PutLogEvents and GetLogEvents."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clary.core.errors import ServiceError

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def logs(aws: Any) -> Any:
    call = aws("logs")
    call("CreateLogGroup", logGroupName="g")
    call("CreateLogStream", logGroupName="g", logStreamName="s")
    return call


def now_ms() -> int:
    return int(time.time() * 1000)


def put(logs: Any, *events: tuple[int, str]) -> Any:
    batch = [{"timestamp": at, "message": message} for at, message in events]
    return logs("PutLogEvents", logGroupName="g", logStreamName="s", logEvents=batch)


def get(logs: Any, **params: Any) -> Any:
    return logs("GetLogEvents", logGroupName="g", logStreamName="s", **params)


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_paging_forward_ends_with_the_token_that_came_in(logs: Any) -> None:
    now = now_ms()
    put(logs, *((now + number, f"{number}") for number in range(5)))
    first = get(logs, startFromHead=True, limit=3)
    second = get(logs, startFromHead=True, limit=3, nextToken=first["nextForwardToken"])
    third = get(logs, startFromHead=True, limit=3, nextToken=second["nextForwardToken"])
    assert [messages(page) for page in (first, second, third)] == [["0", "1", "2"], ["3", "4"], []]
    assert third["nextForwardToken"] == second["nextForwardToken"]
    put(logs, (now + 10, "later"))
    assert messages(get(logs, nextToken=third["nextForwardToken"], startFromHead=True)) == ["later"]


def test_without_startfromhead_the_newest_events_come_first_page_by_page(logs: Any) -> None:
    now = now_ms()
    put(logs, *((now + number, f"{number}") for number in range(5)))
    last = get(logs, limit=2)
    before = get(logs, limit=2, nextToken=last["nextBackwardToken"])
    rest = get(logs, limit=2, nextToken=before["nextBackwardToken"])
    end = get(logs, limit=2, nextToken=rest["nextBackwardToken"])
    assert [messages(page) for page in (last, before, rest, end)] == [["3", "4"], ["1", "2"], ["0"], []]
    assert end["nextBackwardToken"] == rest["nextBackwardToken"]
    assert messages(get(logs, nextToken=rest["nextForwardToken"])) == ["1", "2", "3", "4"]


def test_an_empty_stream_gives_tokens_that_read_on_later(logs: Any) -> None:
    empty = get(logs, startFromHead=True)
    assert empty["events"] == []
    put(logs, (now_ms(), "first"))
    assert messages(get(logs, startFromHead=True, nextToken=empty["nextForwardToken"])) == ["first"]


def test_the_end_of_the_time_range_is_exclusive(logs: Any) -> None:
    now = now_ms()
    put(logs, (now, "a"), (now + 1, "b"), (now + 2, "c"))
    assert messages(get(logs, startTime=now + 1, endTime=now + 2)) == ["b"]


def test_events_too_old_or_too_new_are_left_out_and_named(logs: Any) -> None:
    now = now_ms()
    answer = put(logs, (now - 15 * DAY_MS, "old"), (now, "good"), (now + DAY_MS // 2, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert messages(get(logs)) == ["good"]


def test_events_before_the_retention_are_rejected_as_expired(logs: Any) -> None:
    logs("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    now = now_ms()
    answer = put(logs, (now - 2 * DAY_MS, "expired"), (now, "good"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(1, "b"), (0, "a")], "Log events in a single PutLogEvents request must be in chronological order."),
        ([(0, "x" * 1024 * 1024)], "Log event too large: 1048602 bytes exceeds limit of 1048576"),
        ([(0, "x" * 600_000)] * 2, "Upload too large: 1200052 bytes exceeds limit of 1048576"),
        (
            [(0, "a"), (DAY_MS + 1, "b")],
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ),
    ],
)
def test_a_batch_that_breaks_a_limit_is_refused_whole(logs: Any, events: list[Any], message: str) -> None:
    start = now_ms() - 2 * DAY_MS
    with pytest.raises(ServiceError) as caught:
        put(logs, *((start + at, text) for at, text in events))
    assert (caught.value.code, caught.value.message) == ("InvalidParameterException", message)
    assert messages(get(logs)) == []


def test_a_group_is_found_by_name_or_arn_but_not_by_both(aws: Any, logs: Any) -> None:
    put(logs, (now_ms(), "a"))
    arn = f"arn:aws:logs:us-east-1:{aws.account}:log-group:g"
    for identifier in ("g", arn, f"{arn}:*"):
        answer = logs("GetLogEvents", logGroupIdentifier=identifier, logStreamName="s")
        assert messages(answer) == ["a"]
    with pytest.raises(ServiceError, match="mutually exclusive"):
        get(logs, logGroupIdentifier=arn)
    with pytest.raises(ServiceError, match="The specified log group does not exist"):
        logs("GetLogEvents", logGroupIdentifier=arn.replace("us-east-1", "eu-west-1"), logStreamName="s")


def test_what_is_missing_is_named(logs: Any) -> None:
    for group, stream, noun in (("none", "s", "log group"), ("g", "none", "log stream")):
        with pytest.raises(ServiceError) as caught:
            logs("GetLogEvents", logGroupName=group, logStreamName=stream)
        assert caught.value.code == "ResourceNotFoundException"
        assert caught.value.message == f"The specified {noun} does not exist."


@pytest.mark.parametrize("token", ["", "nonsense", "f/12", "f/99999999999999999999-1"])
def test_a_token_of_somebody_else_is_refused(logs: Any, token: str) -> None:
    with pytest.raises(ServiceError, match="The specified nextToken is invalid"):
        get(logs, nextToken=token)
