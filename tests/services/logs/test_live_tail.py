"""StartLiveTail: what arrives while a session runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.logs.live_tail import Tail, session
from clary.store.logs import Logs


@pytest.fixture
def stored(aws: Any) -> Logs:
    logs: Logs = aws.store.logs(aws.account, aws.region)
    logs.put("g", "old", [(now_ms(), "from before")])
    return logs


def now_ms() -> int:
    return int(time.time() * 1000)


def tail(stored: Logs, updates_max: int = 9) -> Iterator[Any]:
    follow = Tail(stored, {"arn:aws:logs:us-east-1:1:log-group:g": "g"}, (), (), lambda message: "skip" not in message)
    counts = {arn: stored.arrivals(group, None, (), (), 1).counts for arn, group in follow.groups.items()}
    return session(follow, counts, {"sessionId": "s"}, lambda _: None, updates_max)


def messages(update: Any) -> list[str]:
    return [each["message"] for each in update["sessionUpdate"]["sessionResults"]]


def test_a_session_sends_what_arrives_after_its_start_and_nothing_twice(stored: Logs) -> None:
    updates = tail(stored)
    assert next(updates) == {"sessionStart": {"sessionId": "s"}}
    assert messages(next(updates)) == []
    now = now_ms()
    stored.put("g", "old", [(now, "a"), (now - 1000, "late"), (now, "skip")])
    stored.put("g", "new", [(now + 1, "b")])
    assert messages(next(updates)) == ["late", "a", "b"]
    assert messages(next(updates)) == []


def test_an_update_names_stream_and_group(stored: Logs) -> None:
    updates = tail(stored)
    next(updates)
    stored.put("g", "s", [(1, "a")])
    update = next(updates)["sessionUpdate"]
    assert update["sessionMetadata"] == {"sampled": False}
    assert update["sessionResults"][0]["logStreamName"] == "s"
    assert update["sessionResults"][0]["logGroupIdentifier"] == "1:g"


def test_too_many_events_are_sampled(stored: Logs) -> None:
    updates = tail(stored)
    next(updates)
    for stream in "ab":
        stored.put("g", stream, [(number, "x") for number in range(400)])
    update = next(updates)["sessionUpdate"]
    assert update["sessionMetadata"] == {"sampled": True}
    assert len(update["sessionResults"]) == 400


def test_a_session_ends_with_a_timeout(stored: Logs) -> None:
    updates = tail(stored, updates_max=2)
    assert len([next(updates) for _ in range(3)]) == 3
    with pytest.raises(ServiceError) as caught:
        next(updates)
    assert caught.value.code == "SessionTimeoutException"


def test_the_operation_streams_events_of_a_group(aws: Any, stored: Logs) -> None:
    arn = f"arn:aws:logs:us-east-1:{aws.account}:log-group:g"
    stream = aws("logs")("StartLiveTail", logGroupIdentifiers=[arn], logStreamNamePrefixes=["job-"])["responseStream"]
    assert next(stream)["sessionStart"]["logGroupIdentifiers"] == [arn]
    stored.put("g", "job-1", [(now_ms(), "line")])
    stored.put("g", "other", [(now_ms(), "line")])
    assert messages(next(stream)) == ["line"]


def test_what_cannot_be_followed_is_refused_at_once(aws: Any, stored: Logs) -> None:
    logs = aws("logs")
    with pytest.raises(ServiceError, match="The specified log group does not exist"):
        logs("StartLiveTail", logGroupIdentifiers=["none"])
    with pytest.raises(ServiceError, match="mutually exclusive"):
        logs("StartLiveTail", logGroupIdentifiers=["g"], logStreamNames=["a"], logStreamNamePrefixes=["a"])
    with pytest.raises(ServiceError, match="single log group"):
        logs("StartLiveTail", logGroupIdentifiers=["g", "h"], logStreamNames=["a"])
