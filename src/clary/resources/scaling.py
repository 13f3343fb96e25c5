"""What Application Auto Scaling knows: targets, their policies, scheduled actions and activities, as records.

A target remembers in its status what was done for it and when; so that a decision that was carried
out is known after any crash, and none is carried out twice.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from clary.core.ids import arn, uid
from clary.resources.scaling_decisions import Bounds, Past
from clary.store.records import Kind, Record

SERVICE = "application-autoscaling"
SCALABLE_TARGET = Kind(SERVICE, "scalable-target")
SCALING_POLICY = Kind(SERVICE, "scaling-policy")
SCHEDULED_ACTION = Kind(SERVICE, "scheduled-action")
SCALING_ACTIVITY = Kind(SERVICE, "scaling-activity")

VARIANT_INSTANCES = "sagemaker:variant:DesiredInstanceCount"
VARIANT = re.compile(r"endpoint/([a-zA-Z0-9-]{1,63})/variant/([a-zA-Z0-9-]{1,63})")
TARGET_ARN = re.compile(r"arn:[^:]+:application-autoscaling:[^:]*:\d{12}:scalable-target/([a-zA-Z0-9-]+)")
POLICY_ARN = re.compile(r"arn:[^:]+:autoscaling:([^:]*):(\d{12}):scalingPolicy:([0-9a-f-]{36}):.+")


class PolicyType(StrEnum):
    """PolicyType."""

    TARGET_TRACKING = "TargetTrackingScaling"
    STEP = "StepScaling"
    PREDICTIVE = "PredictiveScaling"


CONFIGURATIONS = {each: f"{each}PolicyConfiguration" for each in PolicyType}
"""The member of requests that says how a policy of a type scales."""


class ActivityState(StrEnum):
    """ScalingActivityStatusCode, the part that Clary's activities go through."""

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    OVERRIDDEN = "Overridden"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Scalable:
    """One dimension of a resource."""

    dimension: str
    resource: str

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Scalable:
        """Return what a request or a spec names."""
        return cls(members["ScalableDimension"], members["ResourceId"])

    @property
    def namespace(self) -> str:
        """ServiceNamespace."""
        return self.dimension.partition(":")[0]

    @property
    def name(self) -> str:
        """The name of the target's record."""
        return f"{self.dimension}|{self.resource}"

    def child(self, name: str) -> str:
        """Return the name of the record of a policy or a scheduled action of the target."""
        return f"{self.name}|{name}"

    def members(self) -> dict[str, str]:
        """Return the three parameters that name it."""
        return {
            "ServiceNamespace": self.namespace, "ResourceId": self.resource, "ScalableDimension": self.dimension,
        }  # fmt: skip

    def attributes(self) -> dict[str, str]:
        """Return what its records are found by."""
        return {"namespace": self.namespace, "resource": self.resource, "dimension": self.dimension}


@dataclass(frozen=True, slots=True)
class Underway:
    """The activity that a target is in the midst of; `applied` once the resource was asked for it."""

    name: str
    desired: int
    began: float
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a target.

    `heard` is the time of the newest notice of each policy and alarm, `unscaled` why each policy did nothing last,
    `bounded` the generation whose bounds were held against the capacity.
    """

    past: Past = Past()
    underway: Underway | None = None
    heard: Mapping[str, str] = field(default_factory=dict)
    unscaled: Mapping[str, str] = field(default_factory=dict)
    bounded: int = 0
    predicted: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, status: Mapping[str, Any]) -> Memory:
        """Return the memory that a record's status holds."""
        underway = status.get("underway")
        return cls(
            past=Past(**status.get("past", {})),
            underway=None if underway is None else Underway(**underway),
            **{name: status[name] for name in ("heard", "unscaled", "bounded", "predicted") if name in status},
        )

    def to_json(self) -> dict[str, Any]:
        """Return the memory as a record stores it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Target:
    """A scalable target."""

    scalable: Scalable
    account: str
    region: str
    bounds: Bounds
    suspended: Mapping[str, bool]
    memory: Memory
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Target:
        """Return the target that a record holds."""
        return cls(
            scalable=Scalable.of(record.spec),
            account=record.account,
            region=record.region,
            bounds=Bounds(record.spec["MinCapacity"], record.spec["MaxCapacity"]),
            suspended=record.spec.get("SuspendedState", {}),
            memory=Memory.read(record.status),
            record=record,
        )

    @property
    def arn(self) -> str:
        """The target's ARN."""
        return arn(SERVICE, self.region, self.account, f"scalable-target/{self.record.spec['Id']}")

    def suspends(self, what: str) -> bool:
        """Tell whether DynamicScalingIn, DynamicScalingOut or ScheduledScaling is suspended."""
        return self.suspended.get(f"{what}Suspended", False)

    def remembering(self, **changes: Any) -> Memory:
        """Return the memory with some of it changed."""
        return replace(self.memory, **changes)


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """A scaling policy; `uuid` stays with it when it is put again."""

    name: str
    uuid: str
    type: PolicyType
    scalable: Scalable
    account: str
    region: str
    configuration: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> ScalingPolicy:
        """Return the policy that a record holds."""
        sort = PolicyType(record.spec["PolicyType"])
        return cls(
            name=record.spec["PolicyName"],
            uuid=record.spec["Uuid"],
            type=sort,
            scalable=Scalable.of(record.spec),
            account=record.account,
            region=record.region,
            configuration=record.spec[CONFIGURATIONS[sort]],
            record=record,
        )

    @property
    def arn(self) -> str:
        """The policy's ARN, which alarms act by."""
        return scaling_arn(self.record, "scalingPolicy", "policyName", self.name)


def scaling_arn(record: Record, noun: str, named: str, name: str) -> str:
    """Return the ARN of a policy or of a scheduled action."""
    scalable = Scalable.of(record.spec)
    resource = f"{noun}:{record.spec['Uuid']}:resource/{scalable.namespace}/{scalable.resource}:{named}/{name}"
    return arn("autoscaling", record.region, record.account, resource)


def new_uuid() -> str:
    """Return a UUID that was never used before."""
    return str(uuid.UUID(uid() + uid()))


def policies_of(children: Sequence[Record]) -> list[ScalingPolicy]:
    """Return the policies among a target's children, without those that are on their way out."""
    return [ScalingPolicy.read(each) for each in children if each.kind == str(SCALING_POLICY) and not each.deleting]
