"""Retention of log groups: which numbers of days there are, and that events expire by them."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def logs(aws: Any) -> Any:
    logs = aws("logs")
    logs("CreateLogGroup", logGroupName="g")
    logs("CreateLogStream", logGroupName="g", logStreamName="s")
    return logs


def days(logs: Any) -> int | None:
    (group,) = logs("DescribeLogGroups")["logGroups"]
    return group.get("retentionInDays")


def test_retention_takes_only_the_days_aws_has(logs: Any) -> None:
    for wanted in (7, 3653):
        logs("PutRetentionPolicy", logGroupName="g", retentionInDays=wanted)
        assert days(logs) == wanted
    for wrong in (0, 6, 3654):
        with pytest.raises(ServiceError, match=f"Value '{wrong}' at 'retentionInDays' failed to satisfy") as refused:
            logs("PutRetentionPolicy", logGroupName="g", retentionInDays=wrong)
        assert (refused.value.code, refused.value.status) == ("InvalidParameterException", 400)
    assert days(logs) == 3653


def test_without_a_policy_events_stay_for_ever(logs: Any) -> None:
    logs("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    for _ in range(2):
        logs("DeleteRetentionPolicy", logGroupName="g")
        assert days(logs) is None


def test_events_are_hidden_as_soon_as_they_expire(aws: Any, logs: Any) -> None:
    now_ms = int(aws.store.clock() * 1000)
    for text, at_ms in (("old", now_ms - 2 * DAY_MS), ("new", now_ms)):
        events = [{"timestamp": at_ms, "message": text}]
        logs("PutLogEvents", logGroupName="g", logStreamName="s", logEvents=events)

    def messages() -> list[str]:
        told = logs("GetLogEvents", logGroupName="g", logStreamName="s", startFromHead=True)
        found = logs("FilterLogEvents", logGroupName="g")
        assert [event["message"] for event in found["events"]] == [event["message"] for event in told["events"]]
        return [event["message"] for event in told["events"]]

    assert messages() == ["old", "new"]
    logs("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    assert messages() == ["new"]


@pytest.mark.parametrize(
    ("name", "extra"), [("PutRetentionPolicy", {"retentionInDays": 7}), ("DeleteRetentionPolicy", {})]
)
def test_a_group_must_be_there(aws: Any, logs: Any, name: str, extra: dict[str, int]) -> None:
    aws.other()("logs")("CreateLogGroup", logGroupName="theirs")
    with pytest.raises(ServiceError, match=r"^The specified log group does not exist\.$") as refused:
        logs(name, logGroupName="theirs", **extra)
    assert (refused.value.code, refused.value.status) == ("ResourceNotFoundException", 400)
