from __future__ import annotations

from typing import Any

import pytest

from clary.resources.rollout import AT_ONCE, Policy, Rollout, due, overdue, policy_of


def blue_green(kind: str, **more: Any) -> dict[str, Any]:
    traffic = {"Type": kind, "WaitIntervalInSeconds": 60, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic, "TerminationWaitInSeconds": 30}}


def size(kind: str, value: int) -> dict[str, Any]:
    return {"Type": kind, "Value": value}


@pytest.mark.parametrize(
    ("config", "instances", "shares"),
    [
        (None, 4, (1.0,)),
        (blue_green("ALL_AT_ONCE"), 4, (1.0,)),
        (blue_green("CANARY", CanarySize=size("INSTANCE_COUNT", 1)), 4, (0.25, 1.0)),
        (blue_green("CANARY", CanarySize=size("CAPACITY_PERCENT", 5)), 4, (0.25, 1.0)),  # one instance at least
        (blue_green("LINEAR", LinearStepSize=size("CAPACITY_PERCENT", 50)), 4, (0.5, 1.0)),
        (blue_green("LINEAR", LinearStepSize=size("INSTANCE_COUNT", 1)), 3, (1 / 3, 2 / 3, 1.0)),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": size("CAPACITY_PERCENT", 40), "WaitIntervalInSeconds": 5}},
            10,
            (0.4, 0.8, 1.0),
        ),
    ],
)
def test_traffic_moves_by_the_steps_of_the_policy(config, instances, shares) -> None:
    assert policy_of(config, instances).shares() == pytest.approx(shares)


def test_alarms_are_watched_whatever_the_strategy() -> None:
    guard = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "p99"}, {"AlarmName": "errors"}]}}
    assert policy_of(guard, 1).alarms == ("p99", "errors")
    assert policy_of({**blue_green("ALL_AT_ONCE"), **guard}, 1).alarms == ("p99", "errors")
    assert policy_of({}, 1) is AT_ONCE


def test_each_step_waits_its_interval_and_the_last_one_for_the_end_of_the_old_fleet() -> None:
    canary = policy_of(blue_green("CANARY", CanarySize=size("CAPACITY_PERCENT", 50)), 2)
    assert due(canary, Rollout(began=0.0), 5.0) == 0
    assert due(canary, Rollout(began=0.0, step=1, moved=10.0), 30.0) == 40.0
    assert due(canary, Rollout(began=0.0, step=2, moved=100.0), 101.0) == 29.0


def test_a_rollout_has_its_time() -> None:
    policy = Policy("ALL_AT_ONCE", 1.0, 0.0, 0.0, 600.0, ())
    assert not overdue(policy, Rollout(began=0.0), 600.0)
    assert overdue(policy, Rollout(began=0.0), 601.0)
