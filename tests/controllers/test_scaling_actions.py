"""What alarms ask of policies is decided by what is measured now, and done once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.scaling_world import ACCOUNT, NOW, REGION, World, world_in

from clary.core.errors import AccessDenied, ResourceNotFound
from clary.resources.scaling import PolicyType
from clary.resources.scaling_alarms import HIGH, LOW, alarm_name

STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2},
    ],
}


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        world.register()
        world.run()
        yield world


def watch(world: World, name: str, **more: Any) -> None:
    world.played.PutMetricAlarm(
        AlarmName=name, Namespace="N", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=2,
        Threshold=5.0, ComparisonOperator="GreaterThanThreshold", **more,
    )  # fmt: skip


def test_more_load_than_the_target_adds_what_is_missing(world: World) -> None:
    policy = world.track()
    world.played.values = [15.0]  # in ten seconds, of ten that are wanted
    world.ring(policy, alarm_name(policy, HIGH))
    world.run()
    assert world.played.asked == [3]
    assert world.told() == [
        ("Successful", f"monitor alarm {alarm_name(policy, HIGH)} in state ALARM triggered policy p")
    ]


def test_a_notice_is_acted_on_once_however_often_it_comes(world: World) -> None:
    policy = world.track(ScaleOutCooldown=0)
    world.played.values = [15.0]
    for _ in range(3):
        world.ring(policy, alarm_name(policy, HIGH), at=NOW)
        world.run()
    assert world.played.asked == [3]
    world.ring(policy, alarm_name(policy, HIGH), at=NOW + 60)
    world.run()
    assert world.played.asked == [3, 4]


def test_what_is_in_the_midst_of_scaling_is_not_asked_again(world: World) -> None:
    policy = world.track()
    world.played.values = [15.0]
    world.ring(policy, alarm_name(policy, HIGH))
    world.played.values = [50.0]
    world.now[0] += 60
    world.ring(policy, alarm_name(policy, HIGH))
    world.run()
    assert world.played.asked == [3]


def test_the_highest_value_of_the_whole_time_says_what_can_go(world: World) -> None:
    policy = world.track()
    world.played.desired = 4
    world.played.values = [1.0, 4.0, 2.0]
    world.ring(policy, alarm_name(policy, LOW))
    world.run()
    assert world.played.asked == [2]


def test_silence_takes_all_away_that_may_go(world: World) -> None:
    policy = world.track()
    world.played.desired = 4
    world.ring(policy, alarm_name(policy, LOW))
    world.run()
    assert world.played.asked == [1]


def test_silence_says_nothing_before_there_was_time_to_hear(world: World) -> None:
    policy = world.track()
    world.now[0] -= 250
    world.ring(policy, alarm_name(policy, LOW))
    world.ring(policy, alarm_name(policy, HIGH))
    world.run()
    assert world.played.asked == []


def test_why_nothing_is_done_is_told_once(world: World) -> None:
    policy = world.track()
    world.played.values = [8.0]  # of ten: one instance would have sixteen
    for _ in range(3):
        world.now[0] += 60
        world.ring(policy, alarm_name(policy, LOW))
    (activity,) = world.activities()
    assert activity.spec["NotScaledReasons"] == [{"Code": "AutoScalingAnticipatedFlapping", "CurrentCapacity": 2}]
    world.played.desired, world.played.values = 4, [99.0]
    world.ring(policy, alarm_name(policy, HIGH))
    assert world.activities()[0].spec["NotScaledReasons"][0]["Code"] == "AlreadyAtMaxCapacity"


def test_what_is_at_its_bound_is_not_measured_again_until_it_is_not(world: World) -> None:
    policy = world.track()
    low = alarm_name(policy, LOW)
    world.played.desired = 1
    world.ring(policy, low)
    assert world.activities()[0].spec["NotScaledReasons"] == [
        {"Code": "AlreadyAtMinCapacity", "CurrentCapacity": 1, "MinCapacity": 1}
    ]
    alarm = world.played.alarms.pop(low)
    world.now[0] += 60
    world.ring(policy, low)  # which would fail if anybody looked for the alarm
    world.played.alarms[low] = alarm
    world.played.desired = 3
    world.ring(policy, low)
    world.run()
    assert world.played.asked == [1]


def test_all_that_track_a_target_must_agree_before_anything_is_taken_away(world: World) -> None:
    policy = world.track()
    metric = {"MetricName": "m", "Namespace": "N", "Statistic": "Average"}
    own = {"TargetValue": 5.0, "CustomizedMetricSpecification": metric}
    other = world.put(PolicyType.TARGET_TRACKING, own, "other")
    world.put(PolicyType.TARGET_TRACKING, {**own, "DisableScaleIn": True}, "grows")
    world.now[0] += 60
    world.policies.reconcile(other.record, world.records)
    world.played.desired = 4
    world.ring(policy, alarm_name(policy, LOW))
    world.run()
    assert world.played.asked == []
    world.played.alarms[alarm_name(other, LOW)]["StateValue"] = "ALARM"
    world.now[0] += 60
    world.ring(policy, alarm_name(policy, LOW))
    world.run()
    assert world.played.asked == [1]


@pytest.mark.parametrize(("side", "values"), [("Out", [50.0]), ("In", [1.0])])
def test_a_suspended_direction_rests(world: World, side: str, values: list[float]) -> None:
    policy = world.track()
    target = world.target().record
    world.records.remove(target)
    world.register(SuspendedState={f"DynamicScaling{side}Suspended": True})
    world.played.values = values
    world.ring(policy, alarm_name(policy, HIGH if side == "Out" else LOW))
    assert world.run() is None
    assert world.played.asked == []


@pytest.mark.parametrize(
    ("values", "asked"),
    [([9.0, 9.0], [3]), ([20.0, 12.0], [4]), ([], [3]), ([1.0], [])],
)
def test_steps_go_by_how_far_the_threshold_is_breached_on_average(
    world: World, values: list[float], asked: list[int]
) -> None:
    policy = world.put(PolicyType.STEP, STEPS)
    watch(world, "mine")
    world.played.values = values  # none: somebody set the alarm by hand
    world.ring(policy, "mine")
    world.run()
    assert world.played.asked == asked


@pytest.mark.parametrize(("aggregation", "asked"), [("Minimum", [3]), ("Maximum", [4]), ("Average", [3])])
def test_steps_may_go_by_the_least_or_the_most(world: World, aggregation: str, asked: list[int]) -> None:
    policy = world.put(PolicyType.STEP, {**STEPS, "MetricAggregationType": aggregation})
    watch(world, "mine")
    world.played.values = [6.0, 16.0]
    world.ring(policy, "mine")
    world.run()
    assert world.played.asked == asked


def test_cooldowns_hold_between_steps(world: World) -> None:
    policy = world.put(PolicyType.STEP, STEPS)
    watch(world, "mine")
    world.played.values = [6.0]
    world.ring(policy, "mine")
    world.run()
    world.ring(policy, "mine", at=world.now[0] + 60)
    world.run(after_s=60)
    assert world.played.asked == [3]
    world.played.values = [30.0]  # a larger step, of which one instance is there
    world.ring(policy, "mine", at=world.now[0] + 120)
    world.run(after_s=60)
    assert world.played.asked == [3, 4]


def test_what_is_not_there_cannot_be_executed(world: World) -> None:
    policy = world.track()
    with pytest.raises(ResourceNotFound, match="no metric alarm"):
        world.ring(policy, "none")
    world.played.gone = True
    with pytest.raises(ResourceNotFound, match="endpoint/e/variant/v"):
        world.ring(policy, alarm_name(policy, HIGH))
    notice = {"AlarmName": "a", "NewStateValue": "ALARM", "StateChangeTime": "1"}
    with pytest.raises(ResourceNotFound, match="no scaling policy"):
        world.actions.execute(f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a", "arn:aws:autoscaling:x", notice)
    with pytest.raises(AccessDenied):
        world.actions.execute(f"arn:aws:cloudwatch:{REGION}:222222222222:alarm:a", policy.arn, notice)
    world.records.remove(world.target().record)
    with pytest.raises(ResourceNotFound, match="No scalable target"):
        world.ring(policy, alarm_name(policy, HIGH))
