"""How an endpoint goes from one fleet to the next: which share of the traffic the new one has, and when.

SageMaker developer guide, «Deployment guardrails»: blue/green all at once, canary
and linear, and rolling. Pure: what a rollout is depends on its policy, its step and the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Strategy = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
EXECUTION_S_DEFAULT = 6 * 3600
BATCHES_MAX = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """A DeploymentConfig, read; `step` is the share of the fleet that moves at a time."""

    strategy: Strategy
    step: float
    interval_s: float
    termination_s: float
    execution_s_max: float
    alarms: tuple[str, ...]

    def shares(self) -> tuple[float, ...]:
        """Return the new fleet's share of the traffic after each step; the last is the whole."""
        match self.strategy:
            case "ALL_AT_ONCE":
                return (1.0,)
            case "CANARY":
                return (self.step, 1.0)
            case "LINEAR" | "ROLLING":
                steps = min(BATCHES_MAX, math.ceil(1 / self.step - 1e-9))
                return (*(self.step * number for number in range(1, steps)), 1.0)


AT_ONCE = Policy("ALL_AT_ONCE", 1.0, 0.0, 0.0, EXECUTION_S_DEFAULT, ())


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a change of fleets is: `step` steps are taken, the last one at `moved`."""

    began: float
    step: int = 0
    moved: float = 0.0
    reason: str = ""  # why it is rolled back; "" while it goes forward

    def to_json(self) -> dict[str, Any]:
        """Return the rollout as a record stores it."""
        return asdict(self)


def policy_of(config: Mapping[str, Any] | None, instances: int) -> Policy:
    """Return what a DeploymentConfig asks for, over a fleet of so many instances."""
    if not config:
        return AT_ONCE
    alarms = tuple(each["AlarmName"] for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", ()))
    rolling = config.get("RollingUpdatePolicy")
    if rolling is not None:
        return Policy(
            strategy="ROLLING",
            step=_share(rolling["MaximumBatchSize"], instances),
            interval_s=rolling["WaitIntervalInSeconds"],
            termination_s=0.0,
            execution_s_max=rolling.get("MaximumExecutionTimeoutInSeconds", EXECUTION_S_DEFAULT),
            alarms=alarms,
        )
    blue_green = config.get("BlueGreenUpdatePolicy")
    if blue_green is None:
        return Policy("ALL_AT_ONCE", 1.0, 0.0, 0.0, EXECUTION_S_DEFAULT, alarms)
    traffic = blue_green["TrafficRoutingConfiguration"]
    size = traffic.get("CanarySize") or traffic.get("LinearStepSize")
    return Policy(
        strategy=traffic["Type"],
        step=1.0 if size is None else _share(size, instances),
        interval_s=traffic["WaitIntervalInSeconds"],
        termination_s=blue_green.get("TerminationWaitInSeconds", 0),
        execution_s_max=blue_green.get("MaximumExecutionTimeoutInSeconds", EXECUTION_S_DEFAULT),
        alarms=alarms,
    )


def due(policy: Policy, rollout: Rollout, now: float) -> float:
    """Return in how many seconds the next step, or the end after the last one, is due; 0 or less is now."""
    if rollout.step == 0:
        return 0.0
    wait = policy.interval_s if rollout.step < len(policy.shares()) else policy.termination_s
    return rollout.moved + wait - now


def overdue(policy: Policy, rollout: Rollout, now: float) -> bool:
    """Say whether the rollout has had all the time that it may have."""
    return now > rollout.began + policy.execution_s_max


def _share(size: Mapping[str, Any], instances: int) -> float:
    """Return a CapacitySize as a share; a fleet cannot move by less than one instance."""
    value = size["Value"]
    share = value / instances if size["Type"] == "INSTANCE_COUNT" else value / 100
    return min(1.0, max(share, 1.0 / max(1, instances)))
