"""PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

DAILY = "cron(0 9 * * ? *)"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


def put(scaling: Any, where: Any, **more: Any) -> None:
    told = {"ScheduledActionName": "morning", "Schedule": DAILY, "ScalableTargetAction": {"MinCapacity": 2}}
    scaling("PutScheduledAction", **{**where, **told, **more})


def test_a_scheduled_action_is_put_changed_described_and_deleted(registered: Any, aws: Any, where: Any) -> None:
    put(registered, where, Timezone="Europe/Berlin", StartTime=TOMORROW, EndTime=TOMORROW + timedelta(days=9))
    registered(
        "PutScheduledAction", **where, ScheduledActionName="morning",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 4},
    )  # fmt: skip
    (shown,) = registered("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"]
    assert shown.pop("CreationTime") > 0
    arn = shown.pop("ScheduledActionARN")
    assert arn.startswith(f"arn:aws:autoscaling:us-east-1:{aws.account}:scheduledAction:")
    assert arn.endswith(":resource/sagemaker/endpoint/e/variant/v:scheduledActionName/morning")
    assert shown == {  # what was left out stays, but start and end
        **where,
        "ScheduledActionName": "morning",
        "Schedule": DAILY,
        "Timezone": "Europe/Berlin",
        "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 4},
    }
    registered("DeleteScheduledAction", **where, ScheduledActionName="morning")
    assert registered("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"] == []


def test_what_is_not_there_cannot_be_deleted_or_scheduled(
    registered: Any, scaling: Any, where: Any, refused: Any
) -> None:
    with refused("ObjectNotFoundException", "No scheduled action found"):
        registered("DeleteScheduledAction", **where, ScheduledActionName="none")
    with refused("ObjectNotFoundException", "No scalable target registered"):
        put(registered, {**where, "ResourceId": "endpoint/e/variant/w"})


@pytest.mark.parametrize(
    "change",
    [
        {"Schedule": "every day"},
        {"Schedule": "at(2020-01-01T00:00:00)"},
        {"Timezone": "Mars/Olympus"},
        {"ScalableTargetAction": {}},
        {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
        {"ScalableTargetAction": {"MinCapacity": -1}},
        {"StartTime": TOMORROW, "EndTime": TOMORROW - timedelta(hours=1)},
    ],
)
def test_what_cannot_be_scheduled_is_refused(registered: Any, where: Any, refused: Any, change: Any) -> None:
    with refused("ValidationException"):
        put(registered, where, **change)
