"""Scalable targets: registered, described, deregistered."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.core.ids import uid
from clary.resources.scaling import (
    SCALABLE_TARGET,
    SCALING_ACTIVITY,
    SCALING_POLICY,
    ActivityState,
    Scalable,
    ScalingPolicy,
    Target,
)
from clary.resources.scaling_activities import ended
from clary.resources.scaling_capacity import Capacity, capacity_of, endpoint_of
from clary.resources.scaling_role import role_arn, scaling_role
from clary.services.application_autoscaling.faults import LimitExceeded, not_found
from clary.services.application_autoscaling.lookups import MANY, limit_of, page, scalable_of
from clary.services.application_autoscaling.policy_alarms import delete_alarms
from clary.services.application_autoscaling.tags import tag_attributes
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, Record, Records

TARGETS_MAX = 500
SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class Targets(Operations):
    """RegisterScalableTarget and its siblings."""

    @operation("RegisterScalableTarget")
    def register(self, call: Call, request: Params) -> Result:
        """Let a resource scale, or change the bounds it scales within; a controller holds it to them."""
        scalable = scalable_of(request)
        if _capacity(call, scalable) is None:
            raise ValidationError(f"The resource doesn't exist or cannot be scaled: {scalable.resource}")
        with call.store.records.together() as records:
            found = records.find(SCALABLE_TARGET, scalable.name)
            spec = _spec(scalable, {} if found is None else found.spec, request)
            if found is None:
                found = _create(records, scalable, spec, request)
            else:
                if "Tags" in request:
                    raise ValidationError("Tags cannot be changed by registering a target again. Use TagResource.")
                found = records.update(found, Change(spec=spec))
        return {"ScalableTargetARN": Target.read(found).arn}

    @operation("DescribeScalableTargets")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of targets."""
        limit = limit_of(request, MANY)
        if "ScalableDimension" in request and "ResourceIds" not in request:
            raise ValidationError("If you specify a scalable dimension, you must also specify a resource ID.")
        named = ("ResourceId", request.get("ResourceIds", ()))
        found, token = page(call, SCALABLE_TARGET, request, limit=limit, named=named)
        return {"ScalableTargets": [_shown(Target.read(each)) for each in found], **token}

    @operation("DeregisterScalableTarget")
    def deregister(self, call: Call, request: Params) -> Result:
        """Forget a target with its policies, their alarms and its scheduled actions."""
        scalable = scalable_of(request)
        policies: list[ScalingPolicy] = []
        with call.store.records.together() as records:
            target = records.find(SCALABLE_TARGET, scalable.name)
            if target is None:
                raise not_found("scalable target", scalable)
            _override(records, target, call.now)
            for child in records.children(target.uid):
                if child.kind == str(SCALING_POLICY):
                    policies.append(ScalingPolicy.read(records.update(child, Change(deleting=True))))
                else:
                    records.remove(child)
            records.remove(target)
        for policy in policies:
            delete_alarms(call, policy)
        return {}


def _capacity(call: Call, scalable: Scalable) -> Capacity | None:
    name = endpoint_of(scalable)
    if name is None:
        return None
    sagemaker = call.caller.client(scalable.namespace, call.region, scaling_role(call.account))
    try:
        return capacity_of(scalable, sagemaker("DescribeEndpoint", EndpointName=name))
    except ValidationError:
        return None


def _create(records: Records, scalable: Scalable, spec: dict[str, Any], request: Params) -> Record:
    if len(records.page(SCALABLE_TARGET, Query(limit=TARGETS_MAX)).items) >= TARGETS_MAX:
        raise LimitExceeded(f"The limit of {TARGETS_MAX} scalable targets has been reached.")
    spec["Id"] = uid() + uid()
    attributes = {**scalable.attributes(), "id": spec["Id"], **tag_attributes(request.get("Tags", {}))}
    return records.create(SCALABLE_TARGET, scalable.name, spec, attributes=attributes)


def _spec(scalable: Scalable, present: Params, request: Params) -> dict[str, Any]:
    told = {name: request[name] for name in ("MinCapacity", "MaxCapacity") if name in request}
    suspended = {**present.get("SuspendedState", {}), **request.get("SuspendedState", {})}
    spec = {**present, **scalable.members(), **told, "SuspendedState": suspended}
    for name in ("MinCapacity", "MaxCapacity"):
        if name not in spec:
            raise ValidationError(f"{name} is required when registering a new scalable target.")
        if spec[name] < 0:
            raise ValidationError(f"{name} must be greater than or equal to 0.")
    if spec["MinCapacity"] > spec["MaxCapacity"]:
        raise ValidationError("Minimum capacity can't be greater than maximum capacity.")
    return spec


def _override(records: Records, target: Record, now: float) -> None:
    """End the activity that a target is in the midst of, since nobody follows it any more."""
    underway = Target.read(target).memory.underway
    activity = None if underway is None else records.find(SCALING_ACTIVITY, underway.name)
    if activity is not None:
        message = "The scalable target was deregistered."
        records.update(activity, ended(activity.spec, ActivityState.OVERRIDDEN, message, now))


def _shown(target: Target) -> dict[str, Any]:
    predicted = target.memory.predicted
    return {
        **target.scalable.members(),
        "MinCapacity": target.bounds.low,
        "MaxCapacity": target.bounds.high,
        "RoleARN": role_arn(target.account),
        "CreationTime": target.record.created,
        "SuspendedState": {name: target.suspended.get(name, False) for name in SUSPENSIONS},
        "ScalableTargetARN": target.arn,
        **({"PredictedCapacity": predicted["capacity"]} if predicted else {}),
    }
