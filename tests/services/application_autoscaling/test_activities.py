"""DescribeScalingActivities."""

from __future__ import annotations

from typing import Any

from clary.resources.scaling import SCALABLE_TARGET, SCALING_ACTIVITY, ActivityState, Target
from clary.resources.scaling_activities import Move, begun, unscaled
from clary.resources.scaling_decisions import AT_MAX


def test_activities_are_told_newest_first_and_those_that_did_nothing_on_request(
    registered: Any, aws: Any, where: Any, refused: Any
) -> None:
    records = aws.store.records(aws.account, aws.region)
    target = Target.read(next(iter(aws.store.world.all(SCALABLE_TARGET))))
    told = [
        begun(target, Move(2, 3, "first"), 100.0, target.memory).activity,
        begun(target, Move(3, 4, "second"), 200.0, target.memory).activity,
        unscaled(target, "third", AT_MAX, 4, 300.0),
    ]
    for each in told:
        records.create(each.kind, each.name, each.spec, state=each.state, attributes=each.attributes)
    done = registered("DescribeScalingActivities", ServiceNamespace="sagemaker")["ScalingActivities"]
    assert [each["Cause"] for each in done] == ["second", "first"]
    assert (done[0]["StatusCode"], done[0]["StartTime"]) == ("InProgress", 200.0)
    every = registered(
        "DescribeScalingActivities", ServiceNamespace="sagemaker", ResourceId=where["ResourceId"],
        IncludeNotScaledActivities=True, MaxResults=1,
    )  # fmt: skip
    (newest,) = every["ScalingActivities"]
    assert newest["NotScaledReasons"] == [{"Code": AT_MAX, "CurrentCapacity": 4, "MaxCapacity": 4}]
    assert newest["Description"] == "Attempting to scale due to alarm triggered"
    rest = registered(
        "DescribeScalingActivities", ServiceNamespace="sagemaker", ResourceId=where["ResourceId"],
        IncludeNotScaledActivities=True, NextToken=every["NextToken"],
    )["ScalingActivities"]  # fmt: skip
    assert [each["Cause"] for each in rest] == ["second", "first"]
    assert registered("DescribeScalingActivities", ServiceNamespace="ecs")["ScalingActivities"] == []
    with refused("ValidationException", "resource ID"):
        registered(
            "DescribeScalingActivities", ServiceNamespace="sagemaker", ScalableDimension=where["ScalableDimension"]
        )


def test_who_deregisters_a_target_ends_what_it_is_in_the_midst_of(registered: Any, aws: Any, where: Any) -> None:
    records = aws.store.records(aws.account, aws.region)
    target = Target.read(next(iter(aws.store.world.all(SCALABLE_TARGET))))
    started = begun(target, Move(2, 3, "load"), 100.0, target.memory)
    records.update(target.record, started.change)
    told = started.activity
    records.create(SCALING_ACTIVITY, told.name, told.spec, state=told.state, attributes=told.attributes)
    registered("DeregisterScalableTarget", **where)
    (shown,) = registered("DescribeScalingActivities", ServiceNamespace="sagemaker")["ScalingActivities"]
    assert shown["StatusCode"] == ActivityState.OVERRIDDEN
