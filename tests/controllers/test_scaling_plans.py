"""Plans become targets, policies and scheduled actions; what they made goes with them, whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.scaling_world import ACCOUNT, NOW, REGION, SCALABLE, Killed, Played

from clary.controllers.scaling_plans import RENEW_S, RETRY_S, ScalingPlans
from clary.core.errors import ServiceError, ValidationError
from clary.core.settings import load
from clary.resources.scaling_forecasts import DAY_S, HOUR_S
from clary.resources.scaling_plans import SCALING_PLAN, PlanState
from clary.store.records import Change, Record, Records
from clary.store.store import Store, open_store

TRACK = {
    "TargetValue": 100.0,
    "CustomizedScalingMetricSpecification": {"MetricName": "each", "Namespace": "N", "Statistic": "Sum"},
    "ScaleInCooldown": 60,
}
LOAD = {"MetricName": "Invocations", "Namespace": "AWS/SageMaker", "Statistic": "Sum"}
INSTRUCTION = {**SCALABLE.members(), "MinCapacity": 1, "MaxCapacity": 3, "TargetTrackingConfigurations": [TRACK]}


@dataclass
class Scaling(Played):
    """Plays Application Auto Scaling beside CloudWatch; dies before or after the n-th call that writes."""

    target: Mapping[str, int] | None = None
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    actions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    dies: tuple[int, bool] = (0, False)
    missing: bool = False

    def client(self, service: str, account: str, region: str) -> Any:
        assert (account, region) == (ACCOUNT, REGION)

        def call(operation: str, **params: Any) -> Any:
            writes = not operation.startswith(("Describe", "Get"))
            if writes:
                self.writes.append(operation)
                if self.dies == (len(self.writes), False):
                    raise Killed
            answer = getattr(self, operation)(**params)
            if writes and self.dies == (len(self.writes), True):
                raise Killed
            return answer

        return call

    def RegisterScalableTarget(self, MinCapacity: int, MaxCapacity: int, **_: Any) -> Any:  # noqa: N802, N803
        if self.missing:
            raise ValidationError("The resource doesn't exist.")
        self.target = {"MinCapacity": MinCapacity, "MaxCapacity": MaxCapacity}

    def DeregisterScalableTarget(self, **_: Any) -> Any:  # noqa: N802
        if self.target is None:
            raise ServiceError("No scalable target found", code="ObjectNotFoundException", status=400)
        self.target, self.policies, self.actions = None, {}, {}

    def DescribeScalableTargets(self, **_: Any) -> Any:  # noqa: N802
        return {"ScalableTargets": [] if self.target is None else [self.target]}

    def PutScalingPolicy(self, PolicyName: str, **more: Any) -> Any:  # noqa: N802, N803
        self.policies[PolicyName] = more["TargetTrackingScalingPolicyConfiguration"]

    def DeleteScalingPolicy(self, PolicyName: str, **_: Any) -> Any:  # noqa: N802, N803
        del self.policies[PolicyName]

    def DescribeScalingPolicies(self, **asked: Any) -> Any:  # noqa: N802
        return _paged("ScalingPolicies", "PolicyName", list(self.policies), asked)

    def PutScheduledAction(self, ScheduledActionName: str, **more: Any) -> Any:  # noqa: N802, N803
        self.actions[ScheduledActionName] = more

    def DeleteScheduledAction(self, ScheduledActionName: str, **_: Any) -> Any:  # noqa: N802, N803
        del self.actions[ScheduledActionName]

    def DescribeScheduledActions(self, **asked: Any) -> Any:  # noqa: N802
        return _paged("ScheduledActions", "ScheduledActionName", list(self.actions), asked)


def _paged(noun: str, member: str, names: list[str], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of ten."""
    first = int(asked.get("NextToken", 0))
    more = {"NextToken": str(first + 10)} if len(names) > first + 10 else {}
    return {noun: [{member: name} for name in names[first : first + 10]], **more}


@dataclass
class World:
    store: Store
    now: list[float]
    scaling: Scaling = field(default_factory=Scaling)

    @property
    def records(self) -> Records:
        return self.store.records(ACCOUNT, REGION)

    def plan(self, *instructions: Mapping[str, Any]) -> None:
        spec = {"ScalingInstructions": list(instructions)}
        self.records.create(SCALING_PLAN, "plan", spec, state=PlanState.CREATING, status={"since": self.now[0]})

    def record(self) -> Record | None:
        return self.records.find(SCALING_PLAN, "plan")

    def change(self, **change: Any) -> None:
        record = self.record()
        assert record is not None
        self.records.update(record, Change(**change))

    def run(self, after_s: float = 0.0) -> float | None:
        """Let time pass, and the controller step until it waits."""
        self.now[0] += after_s
        for _ in range(5):
            record = self.record()
            if record is None:
                return None
            wait = ScalingPlans(self.scaling, lambda: self.now[0]).reconcile(record, self.records)
            if wait is None or wait > 0:
                return wait
        raise AssertionError("the controller does not come to rest")

    def state(self) -> tuple[str, str]:
        record = self.record()
        assert record is not None
        return record.state, record.status["message"]

    def remember(self) -> None:
        """Have a day behind it in which the load of one hour was four times that of the others."""
        hours = [NOW - HOUR_S * hour for hour in range(1, 25)]
        busy = {at: 24_000.0 if (NOW - at) / HOUR_S == 21 else 6_000.0 for at in hours}
        each = {at: load / 60 for at, load in busy.items()}
        self.scaling.series = {"Invocations": busy, "each": each, "instances": dict.fromkeys(busy, 1.0)}


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    now = [NOW]
    store = open_store(load({"home": prepared_home}, {}), clock=lambda: now[0])
    yield World(store, now)
    store.close()


def test_a_plan_registers_its_resource_and_tracks_its_metrics(world: World) -> None:
    world.plan(INSTRUCTION)
    assert world.run() == pytest.approx(RENEW_S)
    assert world.state() == ("Active", "Scaling plan has been applied to all resources.")
    assert world.scaling.target == {"MinCapacity": 1, "MaxCapacity": 3}
    (configuration,) = world.scaling.policies.values()
    assert configuration == {
        "TargetValue": 100.0,
        "ScaleInCooldown": 60,
        "CustomizedMetricSpecification": TRACK["CustomizedScalingMetricSpecification"],
    }
    before = list(world.scaling.writes)
    world.run(after_s=10)
    assert world.scaling.writes == before


def test_changing_a_plan_replaces_its_own_policies_and_others_if_it_wants_that(world: World) -> None:
    world.scaling.policies["mine"] = {}
    world.scaling.target = {}
    world.plan(INSTRUCTION)
    world.run()
    own = TRACK | {"CustomizedScalingMetricSpecification": {"MetricName": "o", "Namespace": "N", "Statistic": "Sum"}}
    changed = {**INSTRUCTION, "TargetTrackingConfigurations": [own]}
    world.change(spec={"ScalingInstructions": [changed]}, state=PlanState.UPDATING)
    world.run()
    assert len(world.scaling.policies) == 2
    assert "mine" in world.scaling.policies
    alone = {**changed, "ScalingPolicyUpdateBehavior": "ReplaceExternalPolicies", "DisableDynamicScaling": True}
    world.change(spec={"ScalingInstructions": [alone]}, state=PlanState.UPDATING)
    world.run()
    assert world.scaling.policies == {}


@pytest.mark.parametrize("registered_before", [False, True])
def test_what_a_plan_made_goes_with_it(world: World, registered_before: bool) -> None:
    world.remember()
    if registered_before:
        world.scaling.target, world.scaling.policies["mine"] = {"MinCapacity": 2, "MaxCapacity": 2}, {}
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD})
    world.run()
    assert len(world.scaling.policies) == 1 + registered_before
    assert world.scaling.actions
    world.change(deleting=True, state=PlanState.DELETING)
    assert world.run() is None
    assert world.record() is None
    assert world.scaling.actions == {}
    assert list(world.scaling.policies) == (["mine"] if registered_before else [])
    assert (world.scaling.target is not None) is registered_before


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 20])
def test_a_crash_around_any_call_leaves_nothing_undone_and_nothing_behind(
    world: World, number: int, after: bool
) -> None:
    world.remember()
    world.scaling.dies = (number, after)
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD})
    for _ in range(2):
        with suppress(Killed):
            world.run()
    assert world.state()[0] == "Active"
    assert (len(world.scaling.policies), len(world.scaling.actions)) == (1, 47)
    world.scaling.dies = (len(world.scaling.writes) + 1, after)
    world.change(deleting=True, state=PlanState.DELETING)
    for _ in range(2):
        with suppress(Killed):
            world.run()
    assert world.record() is None
    assert (world.scaling.target, world.scaling.policies, world.scaling.actions) == (None, {}, {})


def test_capacity_is_scheduled_ahead_of_the_load(world: World) -> None:
    world.remember()
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD, "ScheduledActionBufferTime": 600})
    assert world.run() == pytest.approx(RENEW_S)
    names = sorted(world.scaling.actions)
    assert len(names) == 47  # two days by the hour, but for the hour that has begun
    # An instance carries 6,000 an hour, at a target of 100 a minute: four of them are wanted, three may be.
    told = [world.scaling.actions[name]["ScalableTargetAction"]["MinCapacity"] for name in names]
    assert told[:4] == [1, 1, 3, 1]
    assert world.scaling.actions[names[2]]["Schedule"].endswith(":50:00)")
    world.run(after_s=RENEW_S)
    assert len(world.scaling.actions) <= 48
    assert names[0] not in world.scaling.actions


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({}, {"MinCapacity": 3, "MaxCapacity": 3}),
        (
            {"PredictiveScalingMaxCapacityBehavior": "SetMaxCapacityToForecastCapacity"},
            {"MinCapacity": 4, "MaxCapacity": 4},
        ),
        (
            {
                "PredictiveScalingMaxCapacityBehavior": "SetMaxCapacityAboveForecastCapacity",
                "PredictiveScalingMaxCapacityBuffer": 50,
            },
            {"MinCapacity": 4, "MaxCapacity": 6},
        ),
    ],
)
def test_a_forecast_above_the_maximum_is_met_as_the_plan_says(
    world: World, behaviour: Mapping[str, Any], expected: Mapping[str, int]
) -> None:
    world.remember()
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD, **behaviour})
    world.run()
    assert world.scaling.actions[sorted(world.scaling.actions)[2]]["ScalableTargetAction"] == expected


def test_a_plan_may_forecast_only(world: World) -> None:
    world.remember()
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD, "PredictiveScalingMode": "ForecastOnly"})
    world.run()
    record = world.record()
    assert record is not None
    assert record.status["resources"][SCALABLE.name]["forecast"]["capacities"][:5] == [1, 1, 1, 4, 1]
    assert world.scaling.actions == {}


def test_too_little_history_and_what_is_not_there_are_looked_at_again(world: World) -> None:
    world.scaling.series = {"Invocations": {NOW - DAY_S / 2: 1.0}, "instances": {}}
    world.plan({**INSTRUCTION, "CustomizedLoadMetricSpecification": LOAD})
    assert world.run() == pytest.approx(RETRY_S)
    assert world.state()[0] == "Active"
    world.scaling.missing = True
    world.change(spec={"ScalingInstructions": [INSTRUCTION]}, state=PlanState.UPDATING)
    assert world.run() == pytest.approx(RETRY_S)
    assert world.state() == ("ActiveWithProblems", "The resource doesn't exist.")
    world.scaling.missing = False
    assert world.run(after_s=RETRY_S) == pytest.approx(RENEW_S)
    assert world.state()[0] == "Active"
