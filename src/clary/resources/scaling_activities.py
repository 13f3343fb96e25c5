"""What is written when a target scales, or does not: its memory and its activities, in the words of AWS. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from clary.resources.alarm_transition import Written
from clary.resources.scaling import SCALING_ACTIVITY, ActivityState, Memory, ScalingPolicy, Target, Underway, new_uuid
from clary.resources.scaling_decisions import AT_MAX, AT_MIN, Bounds
from clary.store.records import Change

KEEP_S = 6 * 7 * 24 * 3600.0
"""How long activities are told of."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of capacity that is to be made, and why."""

    before: int
    desired: int
    cause: str


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is to be written to the target's record, and the activity beside it."""

    change: Change
    activity: Written


def begun(target: Target, move: Move, now: float, memory: Memory) -> Scaling:
    """Return what begins a move: it is known before the resource is asked for it."""
    told = _activity(target, f"Setting desired instance count to {move.desired}.", move.cause, now)
    underway = Underway(told.name, move.desired, now)
    return Scaling(Change(status=replace(memory, underway=underway).to_json()), told)


def bound_cause(bounds: Bounds, capacity: int) -> str:
    """Return why a capacity outside of the bounds is changed."""
    below = capacity < bounds.low
    return f"{'minimum' if below else 'maximum'} capacity was set to {bounds.low if below else bounds.high}"


def alarm_cause(alarm: str, state: str, policy: ScalingPolicy) -> str:
    """Return why an alarm scales."""
    return f"monitor alarm {alarm} in state {state} triggered policy {policy.name}"


def unscaled(target: Target, cause: str, code: str, capacity: int, now: float) -> Written:
    """Return the activity that tells why nothing was done."""
    bound = {AT_MIN: {"MinCapacity": target.bounds.low}, AT_MAX: {"MaxCapacity": target.bounds.high}}.get(code, {})
    reason = {"Code": code, "CurrentCapacity": capacity, **bound}
    told = _activity(target, "Attempting to scale due to alarm triggered", cause, now, scaled=False)
    return replace(told, spec={**told.spec, "NotScaledReasons": [reason], "EndTime": now}, state=ActivityState.FAILED)


def rebounded(target: Target, action: str, bounds: Bounds, now: float) -> Written:
    """Return the activity of a scheduled action, which is done as soon as it is written."""
    what = f"min capacity to {bounds.low} and max capacity to {bounds.high}"
    told = _activity(target, f"Setting {what}", f"scheduled action name {action} was triggered", now)
    spec = {**told.spec, "EndTime": now, "StatusMessage": f"Successfully set {what}"}
    return replace(told, spec=spec, state=ActivityState.SUCCESSFUL)


def ended(spec: Mapping[str, Any], state: ActivityState, message: str, now: float) -> Change:
    """Return what ends an activity."""
    return Change(spec={**spec, "EndTime": now, "StatusMessage": message}, state=state)


def fulfilled(target: Target, desired: int) -> str:
    """Return what AWS says of an activity that went well."""
    return (
        f"Successfully set desired instance count to {desired}. "
        f"Change successfully fulfilled by {target.scalable.namespace}."
    )


def _activity(target: Target, description: str, cause: str, now: float, *, scaled: bool = True) -> Written:
    spec = {
        **target.scalable.members(),
        "ActivityId": new_uuid(),
        "Description": description,
        "Cause": cause,
        "StartTime": now,
    }
    name = f"{int(now * 1e6):017d}.{spec['ActivityId']}"
    attributes = {**target.scalable.attributes(), "scaled": "yes" if scaled else "no"}
    return Written(SCALING_ACTIVITY, name, spec, attributes, state=ActivityState.IN_PROGRESS)
