"""What is to be done for an endpoint, as a pure function of what it wants and what is seen of it.

A new endpoint gets its route when all of it answers. A change of fleets brings
the new one up beside the old, moves the traffic by the steps of its policy, and
goes back if an instance, an alarm or the time allowed says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clary.resources.endpoint import ATTEMPTS_MAX, Endpoint, Fleet, Slot, Status, Variant
from clary.resources.instance import Instance, InstanceSpec, Phase
from clary.resources.rollout import Rollout, due, overdue
from clary.resources.route import Route, RoutedInstance, RoutedShadow, RoutedVariant, Strategy
from clary.resources.serving_host import host_of
from clary.resources.zones import ZONES_DEFAULT
from clary.store.gateways import Gateway

LOOK_S = 0.05
"""How soon to look again while gateways apply or drain; nobody rings for that."""
WATCH_S = 1.0
"""How often alarms are looked at while a change of fleets waits."""
RESTART_FIRST_S = 0.2
RESTART_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """What is seen of an endpoint: its instances, its route, how far the gateways are, and alarms that ring."""

    instances: Sequence[Instance]
    route: Route | None
    route_seq: int  # the change that wrote the route; gateways that applied it have this route
    gateways: Sequence[Gateway]
    now: float
    alarms: frozenset[str] = frozenset()
    zones: int = ZONES_DEFAULT

    def applied(self) -> bool:
        """Say whether every live gateway has the route as it stands, and there is one."""
        return bool(self.gateways) and all(each.applied >= self.route_seq for each in self.gateways)

    def drained(self, name: str) -> bool:
        """Say whether no gateway has a request at an instance any more."""
        return self.applied() and not any(name in each.holding for each in self.gateways)


@dataclass(frozen=True, slots=True)
class Start:
    """Ask for an instance."""

    name: str
    spec: InstanceSpec


@dataclass(frozen=True, slots=True)
class Retry:
    """Count an attempt that is over, so that the next one may have its own name."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Drop:
    """Let an instance go."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class Lead:
    """Write the route; None takes it away."""

    route: Route | None


@dataclass(frozen=True, slots=True)
class Settle:
    """Write the endpoint's status; what it wants is then what it has."""

    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """Take one more step of the change of fleets."""

    rollout: Rollout


@dataclass(frozen=True, slots=True)
class RollBack:
    """Want the old fleet again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


Step = Start | Retry | Drop | Lead | Settle | Advance | RollBack | Forget | Wait


def plan(endpoint: Endpoint, world: World) -> list[Step]:
    """Return every step that brings the world closer to what `endpoint` wants and may be taken now."""
    if endpoint.deleting:
        return _take_down(world)
    if endpoint.status is Status.FAILED:
        return [Drop(each) for each in world.instances if not each.deleting]
    if endpoint.status is Status.UPDATING and endpoint.live is not None and endpoint.rollout is not None:
        return _change(endpoint, endpoint.live, endpoint.rollout, world)
    return _keep(endpoint, world)


def _keep(endpoint: Endpoint, world: World) -> list[Step]:
    """Have the wanted fleet, and no other, and lead everything there."""
    slots = endpoint.slots(endpoint.wanted)
    reason = _given_up(world, slots) if endpoint.status is Status.CREATING else ""
    if reason:
        return [Settle(Status.FAILED, reason)]
    steps = [*_repair(endpoint, world, slots), *_surplus(world, slots)]
    ready = _ready(world, slots)
    whole = len(ready) == len(slots)
    if endpoint.status is Status.CREATING and not whole:
        return steps
    route = _route(endpoint, [(endpoint.wanted, 1.0)], ready)
    if route != world.route and (ready or endpoint.status is Status.IN_SERVICE):
        return [*steps, Lead(route)]
    if endpoint.status is Status.IN_SERVICE or not whole:
        return steps
    reason = "" if endpoint.rollout is None else endpoint.rollout.reason
    return [*steps, Settle(Status.IN_SERVICE, reason) if world.applied() else Wait(LOOK_S)]


def _change(endpoint: Endpoint, live: Fleet, rollout: Rollout, world: World) -> list[Step]:
    """Bring the wanted fleet up beside the live one and move the traffic, step by step."""
    policy = endpoint.policy
    shares = (0.0, *policy.shares())
    share, coming = shares[rollout.step], shares[min(rollout.step + 1, len(shares) - 1)]
    rolling = policy.strategy == "ROLLING"
    new = endpoint.slots(_part(endpoint.wanted, coming) if rolling else endpoint.wanted)
    old = endpoint.slots(_part(live, 1.0 - share) if rolling else live) if share < 1.0 or not rolling else {}
    reason = _trouble(endpoint, rollout, world, new)
    if reason:
        return [RollBack(reason)]
    slots = {**old, **new}
    steps = [*_repair(endpoint, world, slots), *_surplus(world, slots)]
    ready = _ready(world, slots)
    route = _route(endpoint, [(live, 1.0 - share), (endpoint.wanted, share)], ready)
    if route != world.route:
        return [*steps, Lead(route)]
    if not new.keys() <= {each.name for each in ready} or not world.applied():
        return [*steps, Wait(LOOK_S)]
    pause = due(policy, rollout, world.now)
    if pause > 0:
        return [*steps, Wait(min(pause, WATCH_S))]
    if rollout.step < len(shares) - 1:
        return [*steps, Advance(replace(rollout, step=rollout.step + 1, moved=world.now))]
    return [*steps, Settle(Status.IN_SERVICE)]


def _trouble(endpoint: Endpoint, rollout: Rollout, world: World, new: Mapping[str, Slot]) -> str:
    """Return why a change of fleets must be taken back, '' if it need not."""
    rung = sorted(world.alarms)
    if rung:
        return f"The following alarms went into ALARM state during the deployment: {', '.join(rung)}."
    if overdue(endpoint.policy, rollout, world.now):
        return "The deployment took longer than MaximumExecutionTimeoutInSeconds allows."
    return _given_up(world, new)


def _part(fleet: Fleet, share: float) -> Fleet:
    """Return the share of a fleet that has moved, of each variant in whole instances."""
    return fleet.altered(lambda each: replace(each, count=math.ceil(each.count * share - 1e-9)))


def _take_down(world: World) -> list[Step]:
    if world.route is not None:
        return [Lead(None)]
    if not world.instances:
        return [Forget()]
    return _drop_drained(world, world.instances)


def _repair(endpoint: Endpoint, world: World, slots: Mapping[str, Slot]) -> Iterator[Step]:
    """Start what is missing, and count what has died."""
    seen = {each.name: each for each in world.instances}
    for name, slot in slots.items():
        if name not in seen:
            yield Start(name, host_of(endpoint, slot, world.zones))
        elif seen[name].ended and not seen[name].deleting:
            yield _restart(slot, seen[name], world.now)


def _surplus(world: World, slots: Mapping[str, Slot]) -> list[Step]:
    routed = frozenset[str]() if world.route is None else world.route.instances()
    return _drop_drained(world, [each for each in world.instances if each.name not in routed.union(slots)])


def _drop_drained(world: World, instances: Sequence[Instance]) -> list[Step]:
    going = [each for each in instances if not each.deleting]
    drained = [each for each in going if each.ended or world.drained(each.name) or not world.gateways]
    waiting: list[Step] = [Wait(LOOK_S)] if len(drained) < len(going) else []
    return [Drop(each) for each in drained] + waiting


def _ready(world: World, slots: Mapping[str, Slot]) -> list[Instance]:
    return [
        each
        for each in world.instances
        if each.name in slots and each.status.ready and not each.ended and not each.deleting
    ]


def _route(endpoint: Endpoint, fleets: Sequence[tuple[Fleet, float]], ready: Sequence[Instance]) -> Route:
    """Return the route that gives each fleet its share, and within a fleet each variant its weight."""
    variants = [
        _variant(endpoint, fleet, variant, share, ready)
        for fleet, share in fleets
        for variant in fleet.variants
        if share > 0
    ]
    served = {variant.name for variant in variants if variant.instances}
    # The part of a variant that has nobody left leaves its share to the other part.
    kept = tuple(each for each in variants if each.instances or each.name not in served)
    shadows = tuple(_shadows(endpoint, fleets, ready))
    return Route(endpoint.account, endpoint.region, endpoint.name, endpoint.uid, kept, shadows)


def _variant(
    endpoint: Endpoint, fleet: Fleet, variant: Variant, share: float, ready: Sequence[Instance]
) -> RoutedVariant:
    instances = tuple(_routed(endpoint, fleet, variant.hash, ready))
    return RoutedVariant(variant.name, variant.weight * share, instances, Strategy(variant.routing))


def _shadows(
    endpoint: Endpoint, fleets: Sequence[tuple[Fleet, float]], ready: Sequence[Instance]
) -> Iterator[RoutedShadow]:
    """Give the shadows that have somebody to answer; one gets copies by its weight beside the production variants'."""
    for fleet, share in fleets:
        production = sum(variant.weight for variant in fleet.variants)
        for shadow in fleet.shadows:
            instances = tuple(_routed(endpoint, fleet, shadow.hash, ready))
            if instances and share > 0:
                sampled = min(1.0, shadow.weight / production) if production else 0.0
                yield RoutedShadow(shadow.name, sampled * share, instances)


def _routed(endpoint: Endpoint, fleet: Fleet, make: str, ready: Sequence[Instance]) -> Iterator[RoutedInstance]:
    names = {name for name, slot in endpoint.slots(fleet).items() if slot.variant.hash == make}
    for each in ready:
        if each.name in names:
            yield RoutedInstance(each.name, Path(each.status.socket))


def _given_up(world: World, slots: Mapping[str, Slot]) -> str:
    """Return why an instance that has had all its attempts died, '' if none has."""
    for each in world.instances:
        slot = slots.get(each.name)
        if slot is not None and each.ended and not each.deleting and slot.attempt + 1 >= ATTEMPTS_MAX:
            return _reason(slot, each)
    return ""


def _restart(slot: Slot, instance: Instance, now: float) -> Step:
    """Count the attempt, later and later if it keeps on failing soon."""
    ended_at = instance.status.reached.get(Phase.ENDED, now)
    ran_s = ended_at - instance.status.reached.get(Phase.RUNNING, ended_at)
    pause = min(RESTART_FIRST_S * 2 ** min(slot.attempt, 16), RESTART_S_MAX) - ran_s if slot.attempt else 0.0
    return Retry(slot) if now >= ended_at + pause else Wait(ended_at + pause - now)


def _reason(slot: Slot, instance: Instance) -> str:
    if instance.status.error:
        return instance.status.error
    return (
        f"The primary container for production variant {slot.variant.name} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
