"""Makes of scaling plans what they ask of Application Auto Scaling, and schedules capacity ahead of their forecasts.

Every call names what it makes after the plan, and what a plan made is found by that name:
a crash repeats calls that change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clary.controllers.scaling_clients import Client, Clients
from clary.controllers.scaling_outlooks import foresee
from clary.core.clock import Clock
from clary.core.errors import ServiceError, Throttled
from clary.resources.scaling import Scalable
from clary.resources.scaling_forecasts import HOUR_S
from clary.resources.scaling_plans import (
    SCALING_PLAN,
    Instruction,
    PlanState,
    ScalingPlan,
    actions_for,
    metrics_for,
    policies_for,
    predicts,
)
from clary.store.records import Change, Record, Records

RENEW_S = 6.0 * HOUR_S
RETRY_S = 60.0
RETRIED_STATUS = 500
PAGES_MAX = 100
GONE = "ObjectNotFoundException"
Seen = dict[str, Any]
"""What is known of a resource: the plan's policies, its forecast, and what went wrong."""


class ScalingPlans:
    """Takes the steps that scaling plans need now."""

    kind = SCALING_PLAN

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Apply a plan, or look at what it forecasts; return when to do that again."""
        plan, now = ScalingPlan.read(record), self._clock()
        scaling = self._clients.client("application-autoscaling", record.account, record.region)
        if record.deleting:
            for name in plan.resources:
                _withdraw(scaling, plan, name)
            records.remove(record)
            return None
        due = _due(plan, now)
        if plan.applied and due > now:
            return due - now
        cloudwatch = self._clients.client("cloudwatch", record.account, record.region)
        plan = _noted(plan, scaling, records)
        wanted = {Scalable.of(each).name for each in plan.instructions}
        for name in plan.resources.keys() - wanted:
            _withdraw(scaling, plan, name)
        seen = {Scalable.of(each).name: _apply(plan, each, scaling, cloudwatch, now) for each in plan.instructions}
        _write(plan, seen, records, now)
        return 0.0


def _due(plan: ScalingPlan, now: float) -> float:
    """Return when some resource is to be looked at next: to forecast its load, or since it could not be scaled."""
    return min((plan.seen(each).get("look", now) for each in plan.instructions), default=now + RENEW_S)


def _noted(plan: ScalingPlan, scaling: Client, records: Records) -> ScalingPlan:
    """Write down which resources are to be the plan's, and which it found registered, before it touches them."""
    names = {Scalable.of(each).name: Scalable.of(each) for each in plan.instructions}
    new = {name: {"found": _registered(scaling, names[name])} for name in names.keys() - plan.resources.keys()}
    if not new:
        return plan
    status = {**plan.record.status, "resources": {**plan.resources, **new}}
    return ScalingPlan.read(records.update(plan.record, Change(status=status)))


def _registered(scaling: Client, scalable: Scalable) -> bool:
    told = scaling(
        "DescribeScalableTargets", ServiceNamespace=scalable.namespace, ResourceIds=[scalable.resource],
        ScalableDimension=scalable.dimension,
    )  # fmt: skip
    return bool(told["ScalableTargets"])


def _apply(plan: ScalingPlan, instruction: Instruction, scaling: Client, cloudwatch: Client, now: float) -> Seen:
    """Do what an instruction asks for; return what is then known of its resource."""
    seen: Seen = {"found": plan.seen(instruction).get("found", False), "look": now + RENEW_S}
    try:
        if not plan.applied or "problem" in plan.seen(instruction):
            _track(plan, instruction, scaling)
        if predicts(instruction):
            outlook = foresee(cloudwatch, metrics_for(instruction), now)
            if outlook is None:
                return {**seen, "look": now + RETRY_S}
            seen["forecast"] = {**outlook.to_json(), "made": now}
            _schedule(plan, instruction, seen, scaling, now)
    except ServiceError as refused:
        if refused.status >= RETRIED_STATUS or isinstance(refused, Throttled):
            raise
        return {**seen, "look": now + RETRY_S, "problem": refused.message}
    return seen


def _track(plan: ScalingPlan, instruction: Instruction, scaling: Client) -> None:
    """Register the resource and give it the plan's policies, and no others where the plan wants that."""
    scalable = Scalable.of(instruction)
    bounds = {name: instruction[name] for name in ("MinCapacity", "MaxCapacity")}
    scaling("RegisterScalableTarget", **scalable.members(), **bounds)
    wanted = policies_for(plan, instruction)
    replaces = instruction.get("ScalingPolicyUpdateBehavior") == "ReplaceExternalPolicies"
    for name in _named(scaling, scalable, "ScalingPolicies", "PolicyName"):
        if name not in wanted and (replaces or name.startswith(plan.prefix())):
            scaling("DeleteScalingPolicy", **scalable.members(), PolicyName=name)
    for name, configuration in wanted.items():
        scaling(
            "PutScalingPolicy", **scalable.members(), PolicyName=name, PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )  # fmt: skip


def _schedule(
    plan: ScalingPlan, instruction: Instruction, seen: Mapping[str, Any], scaling: Client, now: float
) -> None:
    """Have the capacity of each hour that is forecast scheduled, and forget hours that are over."""
    scalable = Scalable.of(instruction)
    wanted = actions_for(plan, instruction, seen["forecast"], now)
    for name in _named(scaling, scalable, "ScheduledActions", "ScheduledActionName"):
        if name.startswith(plan.prefix()) and name not in wanted:
            scaling("DeleteScheduledAction", **scalable.members(), ScheduledActionName=name)
    for name, action in wanted.items():
        scaling("PutScheduledAction", **scalable.members(), ScheduledActionName=name, **action)


def _withdraw(scaling: Client, plan: ScalingPlan, name: str) -> None:
    """Take from a resource what a plan gave it; it stays registered only if it was before."""
    dimension, _, resource = name.partition("|")
    scalable = Scalable(dimension, resource)
    try:
        if not plan.resources[name].get("found", False):
            scaling("DeregisterScalableTarget", **scalable.members())
            return
        for policy in _named(scaling, scalable, "ScalingPolicies", "PolicyName"):
            if policy.startswith(plan.prefix()):
                scaling("DeleteScalingPolicy", **scalable.members(), PolicyName=policy)
        for action in _named(scaling, scalable, "ScheduledActions", "ScheduledActionName"):
            if action.startswith(plan.prefix()):
                scaling("DeleteScheduledAction", **scalable.members(), ScheduledActionName=action)
    except ServiceError as refused:
        if refused.code != GONE:
            raise


def _named(scaling: Client, scalable: Scalable, noun: str, member: str) -> list[str]:
    """Return the names of a resource's policies or scheduled actions."""
    return [each[member] for page in _pages(scaling, scalable, noun) for each in page]


def _pages(scaling: Client, scalable: Scalable, noun: str) -> Iterator[list[dict[str, Any]]]:
    asked: dict[str, Any] = scalable.members()
    for _ in range(PAGES_MAX):
        told = scaling(f"Describe{noun}", **asked)
        yield told[noun]
        if not told.get("NextToken"):
            return
        asked["NextToken"] = told["NextToken"]


def _write(plan: ScalingPlan, seen: Mapping[str, Seen], records: Records, now: float) -> None:
    problems = [each["problem"] for each in seen.values() if "problem" in each]
    state = PlanState.PROBLEMS if problems else PlanState.ACTIVE
    since = plan.record.status.get("since") if plan.record.state == state else now
    status = {
        "resources": seen,
        "applied": plan.record.generation,
        "message": problems[0] if problems else "Scaling plan has been applied to all resources.",
        "since": since,
    }
    records.update(plan.record, Change(status=status, state=state))
