"""Scaling policies: put, described, deleted."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import (
    CONFIGURATIONS,
    SCALING_POLICY,
    PolicyType,
    Scalable,
    ScalingPolicy,
    new_uuid,
    policies_of,
)
from clary.services.application_autoscaling.faults import LimitExceeded, not_found
from clary.services.application_autoscaling.lookups import FEW, find_target, limit_of, page, scalable_of
from clary.services.application_autoscaling.policy_alarms import delete_alarms, make_alarms, shown_alarms, step_alarms
from clary.services.application_autoscaling.policy_rules import check_configuration, check_unique
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Record, Records

POLICIES_MAX = 50


class Policies(Operations):
    """PutScalingPolicy and its siblings."""

    @operation("PutScalingPolicy")
    def put(self, call: Call, request: Params) -> Result:
        """Make a policy or change one; one that tracks a target has its alarms when this is answered."""
        scalable = scalable_of(request)
        with call.store.records.together() as records:
            leaving = _leaving(records, scalable, request["PolicyName"])
        if leaving is not None:
            delete_alarms(call, leaving)
        with call.store.records.together() as records:
            policy = _put(records, scalable, request, call.now)
        make_alarms(call, policy, self.platform.settings.scaling_windows)
        return {"PolicyARN": policy.arn, "Alarms": shown_alarms(policy)}

    @operation("DescribeScalingPolicies")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of policies."""
        limit = limit_of(request, FEW)
        named = ("PolicyName", request.get("PolicyNames", ()))
        found, token = page(call, SCALING_POLICY, request, limit=limit, named=named)
        return {"ScalingPolicies": [_shown(call, ScalingPolicy.read(each)) for each in found], **token}

    @operation("DeleteScalingPolicy")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a policy; the alarms that it made go with it, those of customers stay."""
        scalable = scalable_of(request)
        with call.store.records.together() as records:
            found = records.find(SCALING_POLICY, scalable.child(request["PolicyName"]))
            if found is None or found.deleting:
                raise not_found("scaling policy", scalable)
            policy = ScalingPolicy.read(records.update(found, Change(deleting=True)))
        delete_alarms(call, policy)
        return {}


def _leaving(records: Records, scalable: Scalable, name: str) -> ScalingPolicy | None:
    """Return the policy of that name if it was being deleted when somebody was killed."""
    found = records.find(SCALING_POLICY, scalable.child(name))
    return None if found is None or not found.deleting else ScalingPolicy.read(found)


def _put(records: Records, scalable: Scalable, request: Params, now: float) -> ScalingPolicy:
    target = find_target(records, scalable)
    found = records.find(SCALING_POLICY, scalable.child(request["PolicyName"]))
    others = [each for each in policies_of(records.children(target.uid)) if each.name != request["PolicyName"]]
    spec = _spec(scalable, found, request, now)
    check_configuration(scalable, spec)
    check_unique(spec, others)
    records.update(target, Change())  # which the controller hears of
    if found is not None:
        return ScalingPolicy.read(records.update(found, Change(spec=spec)))
    if len(others) >= POLICIES_MAX:
        raise LimitExceeded(f"The limit of {POLICIES_MAX} scaling policies for a scalable target has been reached.")
    attributes = {**scalable.attributes(), "uuid": spec["Uuid"]}
    name = scalable.child(spec["PolicyName"])
    return ScalingPolicy.read(records.create(SCALING_POLICY, name, spec, parent=target.uid, attributes=attributes))


def _spec(scalable: Scalable, found: Record | None, request: Params, now: float) -> dict[str, Any]:
    """Return what is to be stored; what a change leaves out stays as it was, but a type brings its configuration."""
    present = {} if found is None else found.spec
    sort = request.get("PolicyType") or present.get("PolicyType")
    if sort is None:
        sort = PolicyType.STEP
    if present and sort != present["PolicyType"]:
        raise ValidationError("The policy type of a scaling policy cannot be changed.")
    member = CONFIGURATIONS[PolicyType(sort)]
    others = [each for each in CONFIGURATIONS.values() if each != member and each in request]
    if others or (member not in request and member not in present):
        raise ValidationError(f"{member}, and no other configuration, is required for a policy of type {sort}.")
    return {
        **scalable.members(),
        "PolicyName": request["PolicyName"],
        "PolicyType": sort,
        "Uuid": present.get("Uuid") or new_uuid(),
        "Put": now,
        member: request.get(member, present.get(member)),
    }


def _shown(call: Call, policy: ScalingPolicy) -> dict[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        **policy.scalable.members(),
        "PolicyType": policy.type,
        CONFIGURATIONS[policy.type]: policy.configuration,
        "Alarms": step_alarms(call, policy) if policy.type is PolicyType.STEP else shown_alarms(policy),
        "CreationTime": policy.record.created,
    }
