"""Scheduled actions: put, described, deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import SCHEDULED_ACTION, Scalable, new_uuid
from clary.resources.scaling_schedules import ScheduledAction, schedule_of
from clary.resources.schedules import BadSchedule
from clary.services.application_autoscaling.faults import LimitExceeded, not_found
from clary.services.application_autoscaling.lookups import MANY, find_target, limit_of, page, scalable_of
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Records

ACTIONS_MAX = 200
KEPT = ("Schedule", "Timezone", "ScalableTargetAction")
TIMES = ("StartTime", "EndTime")


class ScheduledActions(Operations):
    """PutScheduledAction and its siblings."""

    @operation("PutScheduledAction")
    def put(self, call: Call, request: Params) -> Result:
        """Make a scheduled action or change one; its times count from now."""
        scalable = scalable_of(request)
        with call.store.records.together() as records:
            _put(records, scalable, request, call.now)
        return {}

    @operation("DescribeScheduledActions")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of scheduled actions."""
        limit = limit_of(request, MANY)
        named = ("ScheduledActionName", request.get("ScheduledActionNames", ()))
        found, token = page(call, SCHEDULED_ACTION, request, limit=limit, named=named)
        return {"ScheduledActions": [_shown(ScheduledAction.read(each)) for each in found], **token}

    @operation("DeleteScheduledAction")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a scheduled action."""
        scalable = scalable_of(request)
        found = call.store.records.find(SCHEDULED_ACTION, scalable.child(request["ScheduledActionName"]))
        if found is None:
            raise not_found("scheduled action", scalable)
        call.store.records.remove(found)
        return {}


def _put(records: Records, scalable: Scalable, request: Params, now: float) -> None:
    target = find_target(records, scalable)
    name = scalable.child(request["ScheduledActionName"])
    found = records.find(SCHEDULED_ACTION, name)
    spec = _spec(scalable, {} if found is None else found.spec, request, now)
    records.update(target, Change())  # which wakes the controller
    if found is not None:
        records.update(found, Change(spec=spec, status={}))
        return
    if sum(each.kind == str(SCHEDULED_ACTION) for each in records.children(target.uid)) >= ACTIONS_MAX:
        raise LimitExceeded(f"The limit of {ACTIONS_MAX} scheduled actions for a scalable target has been reached.")
    records.create(SCHEDULED_ACTION, name, spec, parent=target.uid, attributes=scalable.attributes())


def _spec(scalable: Scalable, present: Params, request: Params, now: float) -> dict[str, Any]:
    """Return what is to be stored: what is left out stays as it was, but start and end."""
    told = {name: request[name] for name in KEPT if name in request}
    times = {name: _seconds(request[name]) for name in TIMES if name in request}
    spec = {
        **{name: present[name] for name in (*KEPT, "Uuid") if name in present},
        **scalable.members(),
        "ScheduledActionName": request["ScheduledActionName"],
        **told,
        **times,
        "Since": now,
    }
    spec.setdefault("Uuid", new_uuid())
    _check(spec, now)
    return spec


def _check(spec: Params, now: float) -> None:
    wanted = spec.get("ScalableTargetAction", {})
    if "Schedule" not in spec or not wanted:
        raise ValidationError("A schedule, and a minimum or maximum capacity, are required for a scheduled action.")
    if min(wanted.values()) < 0:
        raise ValidationError("Capacities must be greater than or equal to 0.")
    if wanted.get("MinCapacity", 0) > wanted.get("MaxCapacity", wanted.get("MinCapacity", 0)):
        raise ValidationError("Minimum capacity can't be greater than maximum capacity.")
    if spec.get("StartTime", 0.0) > spec.get("EndTime", spec.get("StartTime", 0.0)):
        raise ValidationError("The start time must be before the end time.")
    try:
        coming = schedule_of(spec, now).next_after(now)
    except BadSchedule as wrong:
        raise ValidationError(f"Invalid schedule: {wrong}") from None
    if coming is None:
        raise ValidationError("The schedule has no time that is still to come.")


def _seconds(time: datetime | float) -> float:
    return time.timestamp() if isinstance(time, datetime) else time


def _shown(action: ScheduledAction) -> dict[str, Any]:
    spec = action.record.spec
    told = ("ScheduledActionName", "ServiceNamespace", "ResourceId", "ScalableDimension", *KEPT, *TIMES)
    return {
        **{name: spec[name] for name in told if name in spec},
        "ScheduledActionARN": action.arn,
        "CreationTime": action.record.created,
    }
