"""Policies have their alarms, whoever was killed while making them; forecasts are made and scaled ahead of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.controllers.scaling_world import NOW, TRACK, World, world_in

from clary.controllers.scaling_policies import GRACE_S, RENEW_S
from clary.resources.scaling import SCALING_POLICY, PolicyType, ScalingPolicy
from clary.resources.scaling_alarms import HIGH, LOW, alarm_name
from clary.resources.scaling_forecasts import DAY_S, HOUR_S
from clary.store.records import Change


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        world.register()
        world.run()
        yield world


def query(name: str) -> dict[str, object]:
    metric = {"Namespace": "N", "MetricName": name}
    return {"MetricDataQueries": [{"Id": name, "MetricStat": {"Metric": metric, "Stat": "Sum"}}]}


FORESEE = {
    "MetricSpecifications": [
        {
            "TargetValue": 100.0,
            "CustomizedLoadMetricSpecification": query("load"),
            "CustomizedScalingMetricSpecification": query("each"),
        }
    ],
    "Mode": "ForecastAndScale",
}


def test_alarms_that_somebody_could_not_make_any_more_are_made(world: World) -> None:
    policy = world.put(PolicyType.TARGET_TRACKING, TRACK)
    assert world.policies.reconcile(policy.record, world.records) == pytest.approx(GRACE_S)  # he may still do it
    assert world.played.alarms == {}
    world.now[0] += GRACE_S
    assert world.policies.reconcile(policy.record, world.records) is None
    assert set(world.played.alarms) == {alarm_name(policy, HIGH), alarm_name(policy, LOW)}
    assert {alarm["AlarmActions"][0] for alarm in world.played.alarms.values()} == {policy.arn}


def test_another_profile_gives_alarms_the_windows_of_aws(world: World) -> None:
    policy = world.track()
    world.profile = "aws"
    record = world.records.find(SCALING_POLICY, policy.record.name)
    assert record is not None
    world.now[0] += GRACE_S
    world.policies.reconcile(record, world.records)
    told = {name: (each["Period"], each["EvaluationPeriods"]) for name, each in world.played.alarms.items()}
    assert told == {alarm_name(policy, HIGH): (60, 3), alarm_name(policy, LOW): (60, 15)}


def test_a_policy_on_its_way_out_goes_with_its_alarms(world: World) -> None:
    policy = world.track()
    record = world.records.find(SCALING_POLICY, policy.record.name)
    assert record is not None
    record = world.records.update(record, Change(deleting=True))
    world.now[0] += GRACE_S
    world.policies.reconcile(record, world.records)
    assert world.played.alarms == {}
    assert world.records.find(SCALING_POLICY, policy.record.name) is None


def test_a_forecast_is_scaled_ahead_of(world: World) -> None:
    hours = [NOW - DAY_S * days - HOUR_S * hour for days in range(2) for hour in range(1, 25)]
    busy = {at: 24_000.0 if int(at) % DAY_S == (int(NOW) + 3 * HOUR_S) % DAY_S else 6_000.0 for at in hours}
    # An instance carries 6,000 an hour at its target; there was one of them, so each had the whole load a minute.
    world.played.series = {
        "load": busy,
        "each": {at: load / 60 for at, load in busy.items()},
        "instances": dict.fromkeys(busy, 1.0),
    }
    policy = world.put(PolicyType.PREDICTIVE, FORESEE)
    world.now[0] += GRACE_S
    assert world.policies.reconcile(policy.record, world.records) == RENEW_S
    found = world.records.find(SCALING_POLICY, policy.record.name)
    assert found is not None
    assert found.status["forecast"]["capacities"][:5] == [1, 1, 1, 4, 1]
    world.played.desired = 1
    assert world.run() == pytest.approx(HOUR_S - 300 - GRACE_S)
    assert world.played.asked == []
    world.run(after_s=3 * HOUR_S - 300 - GRACE_S)  # five minutes before the hour
    assert world.played.asked == [4]
    assert world.told() == [("Successful", "predictive scaling policy p forecast the load")]
    assert world.target().memory.predicted["capacity"] == 4
    assert world.policies.reconcile(found, world.records) == pytest.approx(RENEW_S - 3 * HOUR_S + 300 + GRACE_S)


def test_too_little_history_is_waited_for(world: World) -> None:
    world.played.series = {"load": {NOW - HOUR_S: 5.0}, "each": {}, "instances": {}}
    policy = world.put(PolicyType.PREDICTIVE, FORESEE)
    world.now[0] += GRACE_S
    wait = world.policies.reconcile(policy.record, world.records)
    assert wait is not None
    assert wait <= HOUR_S
    found = world.records.find(SCALING_POLICY, policy.record.name)
    assert found is not None
    assert "forecast" not in found.status
    assert ScalingPolicy.read(found).name == "p"
