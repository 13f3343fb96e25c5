"""Brings scalable targets to the capacity that was decided on, holds them within their bounds, keeps their schedules.

What is to be done is a record before the resource is asked for it: a crash between any two writes
asks for the same number once more, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clary.controllers.scaling_clients import Client, Clients, read_capacity
from clary.core.clock import Clock
from clary.core.errors import ServiceError, Throttled
from clary.resources.alarm_transition import Written
from clary.resources.scaling import (
    SCALABLE_TARGET,
    SCALING_ACTIVITY,
    SCHEDULED_ACTION,
    ActivityState,
    Memory,
    Target,
    Underway,
    policies_of,
)
from clary.resources.scaling_activities import KEEP_S, Move, Scaling, begun, bound_cause, ended, fulfilled, rebounded
from clary.resources.scaling_capacity import Capacity, resized
from clary.resources.scaling_predictions import Predicted, ahead, next_change
from clary.resources.scaling_schedules import ScheduledAction
from clary.store.records import Change, Record, Records
from clary.store.store import Store

LOOK_S = 0.5
"""How often a resource is looked at while it changes."""
PATIENCE_S = 3600.0
"""How long a resource may be busy with something else before an activity fails."""
RETRIED_STATUS = 500


class ScalableTargets:
    """Takes the steps that scalable targets need now."""

    kind = SCALABLE_TARGET

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take one step; return when the next is due."""
        target, now = Target.read(record), self._clock()
        children = records.children(record.uid)
        actions = [ScheduledAction.read(each) for each in children if each.kind == str(SCHEDULED_ACTION)]
        due = [(at, each) for each in actions if (at := each.due(now)) is not None]
        if due:
            at, action = min(due, key=lambda each: (each[0], each[1].name))
            _fire(target, action, at, records, now)
            return 0.0
        waits = [at - now for each in actions if (at := each.next()) is not None]
        step = self._step(target, children, records, now)
        return min([*waits, *([] if step is None else [step])], default=None)

    def _step(self, target: Target, children: Sequence[Record], records: Records, now: float) -> float | None:
        sagemaker = self._clients.client(target.scalable.namespace, target.account, target.region)
        if target.memory.underway is not None:
            return _follow(target, target.memory.underway, sagemaker, records, now)
        if target.memory.bounded != target.record.generation:
            return _bound(target, sagemaker, records, now)
        policies = policies_of(children)
        wanted = ahead(policies, target.bounds, now)
        if wanted is not None and target.memory.predicted != wanted.to_json():
            return _predict(target, wanted, read_capacity(sagemaker, target.scalable), records, now)
        later = next_change(policies, now)
        return None if later is None else later - now


def trim_activities(store: Store, now: float) -> None:
    """Forget what was done longer ago than activities are told of."""
    for record in store.world.all(SCALING_ACTIVITY):
        if record.created < now - KEEP_S:
            store.records(record.account, record.region).remove(record)


def write(records: Records, target: Target, scaling: Scaling) -> None:
    """Write a change of a target with its activity, both or neither."""
    with records.together() as together:
        together.update(target.record, scaling.change)
        create(together, scaling.activity)


def create(records: Records, written: Written) -> None:
    """Make the record of an activity."""
    records.create(written.kind, written.name, written.spec, state=written.state, attributes=written.attributes)


def _fire(target: Target, action: ScheduledAction, at: float, records: Records, now: float) -> None:
    """Give the target an action's bounds, and note the time that it was done for."""
    with records.together() as together:
        together.update(action.record, Change(status={**action.record.status, "fired": at}))
        if target.suspends("ScheduledScaling"):
            return
        bounds = action.bounds(target.bounds)
        spec = {**target.record.spec, "MinCapacity": bounds.low, "MaxCapacity": bounds.high}
        together.update(target.record, Change(spec=spec))
        create(together, rebounded(target, action.name, bounds, now))


def _bound(target: Target, sagemaker: Client, records: Records, now: float) -> float | None:
    """Bring a capacity within bounds that are new."""
    capacity = read_capacity(sagemaker, target.scalable)
    memory = target.remembering(bounded=target.record.generation)
    desired = None if capacity is None else target.bounds.clamp(capacity.desired)
    if capacity is None or desired is None or desired == capacity.desired:
        records.update(target.record, Change(status=memory.to_json()))
        return 0.0
    move = Move(capacity.desired, desired, bound_cause(target.bounds, capacity.desired))
    write(records, target, begun(target, move, now, memory))
    return 0.0


def _predict(target: Target, wanted: Predicted, capacity: Capacity | None, records: Records, now: float) -> float:
    """Add the capacity that a forecast wants; what there is more is left to those who look at the load."""
    memory = target.remembering(predicted=wanted.to_json())
    if capacity is None or capacity.desired >= wanted.capacity:
        records.update(target.record, Change(status=memory.to_json()))
        return 0.0
    move = Move(capacity.desired, wanted.capacity, f"predictive scaling policy {wanted.policy} forecast the load")
    write(records, target, begun(target, move, now, memory))
    return 0.0


def _follow(target: Target, underway: Underway, sagemaker: Client, records: Records, now: float) -> float | None:
    """Ask the resource for what is wanted, and see whether it has it."""
    capacity = read_capacity(sagemaker, target.scalable)
    if capacity is None:
        return _end(target, underway, ActivityState.FAILED, "The resource is gone.", records, now)
    if not capacity.settled:
        if now - underway.began > PATIENCE_S:
            return _end(target, underway, ActivityState.FAILED, "The resource did not settle.", records, now)
        return LOOK_S
    if capacity.desired == underway.desired:
        return _end(target, underway, ActivityState.SUCCESSFUL, fulfilled(target, underway.desired), records, now)
    if underway.applied:
        message = capacity.failure or "The capacity was changed by another."
        return _end(target, underway, ActivityState.FAILED, message, records, now)
    return _apply(target, underway, sagemaker, records, now)


def _apply(target: Target, underway: Underway, sagemaker: Client, records: Records, now: float) -> float | None:
    try:
        sagemaker("UpdateEndpointWeightsAndCapacities", **resized(target.scalable, underway.desired))
    except ServiceError as refused:
        if refused.status >= RETRIED_STATUS or isinstance(refused, Throttled) or _busy(target, sagemaker):
            return LOOK_S
        return _end(target, underway, ActivityState.FAILED, refused.message, records, now)
    memory = target.remembering(underway=replace(underway, applied=True))
    records.update(target.record, Change(status=memory.to_json()))
    return LOOK_S


def _busy(target: Target, sagemaker: Client) -> bool:
    """Tell whether somebody else, such as another variant's target, came first."""
    capacity = read_capacity(sagemaker, target.scalable)
    return capacity is not None and not capacity.settled


def _end(target: Target, underway: Underway, state: ActivityState, message: str, records: Records, now: float) -> float:
    """End the activity that a target is in the midst of; a cooldown counts from here, if it went well."""
    at = now if state is ActivityState.SUCCESSFUL else None
    memory: Memory = target.remembering(underway=None, past=target.memory.past.ended(underway.began, at))
    with records.together() as together:
        together.update(target.record, Change(status=memory.to_json()))
        activity = together.find(SCALING_ACTIVITY, underway.name)
        if activity is not None:
            together.update(activity, ended(activity.spec, state, message, now))
    return 0.0
