"""Replays, as far as they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Refused = Callable[[str], Any]


@pytest.fixture
def asked(events: Any) -> dict[str, Any]:
    bus = events("DescribeEventBus")["Arn"]
    archive = events("CreateArchive", ArchiveName="a", EventSourceArn=bus)["ArchiveArn"]
    now = datetime.now(UTC)
    return {
        "EventSourceArn": archive,
        "EventStartTime": now - timedelta(hours=1),
        "EventEndTime": now,
        "Destination": {"Arn": bus},
    }


def test_a_replay_is_started_described_listed_and_cancelled(
    aws: Any, events: Any, refused: Refused, asked: dict[str, Any]
) -> None:
    told = events("StartReplay", ReplayName="r", Description="mine", **asked)
    assert (told["State"], told["ReplayArn"]) == ("STARTING", f"arn:aws:events:us-east-1:{aws.account}:replay/r")
    found = events("DescribeReplay", ReplayName="r")
    assert (found["Description"], found["Destination"], found["EventEndTime"]) == (
        "mine",
        asked["Destination"],
        asked["EventEndTime"].timestamp(),
    )
    for wanted in ({"NamePrefix": "r"}, {"State": "STARTING"}, {"EventSourceArn": asked["EventSourceArn"]}):
        assert [each["ReplayName"] for each in events("ListReplays", **wanted)["Replays"]] == ["r"]
    assert events("ListReplays", State="COMPLETED")["Replays"] == []
    assert events("CancelReplay", ReplayName="r")["State"] == "CANCELLING"
    with refused("IllegalStatusException"):
        events("CancelReplay", ReplayName="r")


def test_what_can_be_no_replay_is_refused(events: Any, refused: Refused, asked: dict[str, Any]) -> None:
    events("CreateEventBus", Name="b")
    wrong = (
        ("ResourceNotFoundException", {"EventSourceArn": f"{asked['EventSourceArn']}-none"}),
        ("ValidationException", {"EventEndTime": asked["EventStartTime"]}),
        ("ValidationException", {"Destination": {"Arn": asked["Destination"]["Arn"].replace("default", "b")}}),
        ("ValidationException", {"Destination": {**asked["Destination"], "FilterArns": ["x"]}}),
        (
            "ResourceNotFoundException",
            {"Destination": {**asked["Destination"], "FilterArns": ["arn:aws:events:us-east-1:1:rule/none"]}},
        ),
    )
    for code, change in wrong:
        with refused(code):
            events("StartReplay", ReplayName="r", **{**asked, **change})
    events("StartReplay", ReplayName="r", **asked)
    with refused("ResourceAlreadyExistsException"):
        events("StartReplay", ReplayName="r", **asked)
    with refused("ResourceNotFoundException"):
        events("DescribeReplay", ReplayName="none")


def test_ten_replays_run_at_once_at_most(events: Any, refused: Refused, asked: dict[str, Any]) -> None:
    for number in range(10):
        events("StartReplay", ReplayName=f"r{number}", **asked)
    with refused("LimitExceededException"):
        events("StartReplay", ReplayName="one-more", **asked)
