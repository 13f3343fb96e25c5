"""A world for scaling to act in: an endpoint's variant and CloudWatch are played, the store is real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.controllers.scaling_actions import PolicyActions
from clary.controllers.scaling_policies import ScalingPolicies
from clary.controllers.scaling_targets import ScalableTargets
from clary.core.errors import ServiceError, ValidationError
from clary.core.settings import load
from clary.resources.scaling import (
    CONFIGURATIONS,
    SCALABLE_TARGET,
    SCALING_ACTIVITY,
    SCALING_POLICY,
    SCHEDULED_ACTION,
    VARIANT_INSTANCES,
    PolicyType,
    Scalable,
    ScalingPolicy,
    Target,
    new_uuid,
)
from clary.store.query import Query
from clary.store.records import Record, Records
from clary.store.store import Store, open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
NOW = 1_795_348_800.0  # an hour begins
SCALABLE = Scalable(VARIANT_INSTANCES, "endpoint/e/variant/v")
INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
TRACK = {"TargetValue": 60.0, "PredefinedMetricSpecification": INVOCATIONS}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Played:
    """Plays SageMaker and CloudWatch: one variant, alarms by name, values by the name of a metric or expression."""

    desired: int = 2
    current: int = 2
    state: str = "InService"
    gone: bool = False
    refuses: list[ServiceError] = field(default_factory=list)
    forestalled: bool = False
    asked: list[int] = field(default_factory=list)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: Sequence[float] = ()
    series: Mapping[str, Mapping[float, float]] = field(default_factory=dict)

    def client(self, service: str, account: str, region: str) -> Any:
        assert (account, region) == (ACCOUNT, REGION)
        return lambda operation, **params: getattr(self, operation)(**params)

    def DescribeEndpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N802, N803 - AWS's names
        if self.gone:
            raise ValidationError(f'Could not find endpoint "{EndpointName}".')
        variant = {"VariantName": "v", "DesiredInstanceCount": self.desired, "CurrentInstanceCount": self.current}
        return {"ProductionVariants": [variant], "EndpointStatus": self.state}

    def UpdateEndpointWeightsAndCapacities(  # noqa: N802 - AWS's name
        self,
        EndpointName: str,  # noqa: N803 - AWS's names
        DesiredWeightsAndCapacities: Any,  # noqa: N803 - AWS's names
    ) -> dict[str, Any]:
        if self.refuses:
            raise self.refuses.pop(0)
        if self.forestalled:  # by another update, between the look and the call
            self.forestalled, self.state = False, "Updating"
            raise ValidationError(f'Cannot update in-progress endpoint "{EndpointName}".')
        assert self.state == "InService", "an endpoint that is updating takes no update"
        self.asked.append(DesiredWeightsAndCapacities[0]["DesiredInstanceCount"])
        self.state = "Updating"
        return {}

    def settle(self) -> None:
        """Have the endpoint become what it was asked for."""
        if self.state == "Updating":
            self.desired = self.current = self.asked[-1] if self.asked else self.desired
            self.state = "InService"

    def PutMetricAlarm(self, **alarm: Any) -> dict[str, Any]:  # noqa: N802 - AWS's name
        self.alarms[alarm["AlarmName"]] = {"StateValue": "OK", **alarm}
        return {}

    def DeleteAlarms(self, AlarmNames: Sequence[str]) -> dict[str, Any]:  # noqa: N802, N803 - AWS's names
        for name in AlarmNames:
            self.alarms.pop(name, None)
        return {}

    def DescribeAlarms(self, AlarmNames: Sequence[str], StateValue: str = "") -> dict[str, Any]:  # noqa: N802, N803
        found = [self.alarms[name] for name in AlarmNames if name in self.alarms]
        return {"MetricAlarms": [each for each in found if not StateValue or each["StateValue"] == StateValue]}

    def GetMetricData(self, MetricDataQueries: Any, StartTime: Any, EndTime: Any, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        last = MetricDataQueries[-1]
        name = last["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in last else last["Id"]
        if name not in self.series:
            return {"MetricDataResults": [{"Values": list(self.values), "Timestamps": []}]}
        start, end = StartTime.timestamp(), EndTime.timestamp()
        points = {at: value for at, value in self.series[name].items() if start <= at < end}
        return {"MetricDataResults": [{"Timestamps": list(points), "Values": list(points.values())}]}


@dataclass
class World:
    """The store, the time, what is played, and those who scale."""

    store: Store
    now: list[float]
    played: Played = field(default_factory=Played)
    profile: str = "fast"

    @property
    def records(self) -> Records:
        return self.store.records(ACCOUNT, REGION)

    @property
    def targets(self) -> ScalableTargets:
        return ScalableTargets(self.played, lambda: self.now[0])

    @property
    def policies(self) -> ScalingPolicies:
        return ScalingPolicies(self.played, lambda: self.now[0], self.profile)

    @property
    def actions(self) -> PolicyActions:
        return PolicyActions(self.store, self.played, lambda: self.now[0], self.profile)

    def register(self, low: int = 1, high: int = 4, **more: Any) -> Record:
        spec = {**SCALABLE.members(), "MinCapacity": low, "MaxCapacity": high, "Id": "i", **more}
        return self.records.create(SCALABLE_TARGET, SCALABLE.name, spec, attributes=SCALABLE.attributes())

    def put(self, sort: PolicyType, configuration: Mapping[str, Any], name: str = "p") -> ScalingPolicy:
        spec = {
            **SCALABLE.members(), "PolicyName": name, "PolicyType": sort, "Uuid": new_uuid(), "Put": self.now[0],
            CONFIGURATIONS[sort]: dict(configuration),
        }  # fmt: skip
        attributes = {**SCALABLE.attributes(), "uuid": spec["Uuid"]}
        parent = self.target().record.uid
        made = self.records.create(SCALING_POLICY, SCALABLE.child(name), spec, parent=parent, attributes=attributes)
        return ScalingPolicy.read(made)

    def track(self, name: str = "p", **more: Any) -> ScalingPolicy:
        """Put a policy that tracks a target, with its alarms."""
        policy = self.put(PolicyType.TARGET_TRACKING, {**TRACK, **more}, name)
        self.now[0] += 300
        self.policies.reconcile(policy.record, self.records)
        return policy

    def schedule(self, name: str, schedule: str, wanted: Mapping[str, int], **more: Any) -> Record:
        spec = {
            **SCALABLE.members(), "ScheduledActionName": name, "Schedule": schedule, "Uuid": new_uuid(),
            "Since": self.now[0], "ScalableTargetAction": dict(wanted), **more,
        }  # fmt: skip
        parent = self.target().record.uid
        return self.records.create(SCHEDULED_ACTION, SCALABLE.child(name), spec, parent=parent)

    def target(self) -> Target:
        found = self.records.find(SCALABLE_TARGET, SCALABLE.name)
        assert found is not None
        return Target.read(found)

    def run(self, after_s: float = 0.0, steps: int = 20) -> float | None:
        """Let time pass, and the controller step until it waits for a time; return how long."""
        self.now[0] += after_s
        for _ in range(steps):
            again = self.targets.reconcile(self.target().record, self.records)
            if again is None or again > 1:
                return again
            self.played.settle()
        raise AssertionError("the controller does not come to rest")

    def ring(self, policy: ScalingPolicy, alarm: str, *, at: float | None = None) -> None:
        """Have an alarm act by a policy; its notice bears a time."""
        when = f"{self.now[0] if at is None else at:017.3f}"
        notice = {"AlarmName": alarm, "NewStateValue": "ALARM", "StateChangeTime": when}
        self.actions.execute(f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}", policy.arn, notice)

    def activities(self) -> list[Record]:
        return list(self.records.page(SCALING_ACTIVITY, Query(descending=True)).items)

    def told(self) -> list[tuple[str, str]]:
        return [(each.state, each.spec["Cause"]) for each in self.activities()]


@contextmanager
def world_in(home: Path) -> Iterator[World]:
    now = [NOW]
    store = open_store(load({"home": home}, {}), clock=lambda: now[0])
    yield World(store, now)
    store.close()
