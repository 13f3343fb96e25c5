"""Brings what serves in line with what each endpoint asks for.

`plan` looks and decides; `Endpoints` acts. An endpoint is `InService` once every
instance answers its pings and every gateway has the route; an instance goes once
every gateway has dropped it and drained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.core.clock import Clock
from clary.resources.endpoint import ATTEMPTS_MAX, ENDPOINT, Endpoint, Slot, Status, Variant
from clary.resources.instance import INSTANCE, Instance, InstanceSpec, Phase
from clary.resources.route import ROUTE, Route, RoutedInstance, RoutedVariant
from clary.resources.serving_host import host_of
from clary.store.gateways import Gateway
from clary.store.records import Change, Record, Records
from clary.store.store import Store

LOOK_S = 0.05
"""How soon to look again while gateways apply or drain; nobody rings for that."""
RESTART_FIRST_S = 0.2
RESTART_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """What is seen of an endpoint: its instances, its route, and how far the gateways are."""

    instances: Sequence[Instance]
    route: Route | None
    route_seq: int  # the change that wrote the route; gateways that applied it have this route
    gateways: Sequence[Gateway]
    now: float

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
    """Write the endpoint's status."""

    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


Step = Start | Retry | Drop | Lead | Settle | Forget | Wait


def plan(endpoint: Endpoint, world: World) -> list[Step]:
    """Return every step that brings the world closer to what `endpoint` wants and may be taken now."""
    if endpoint.deleting:
        return _take_down(world)
    if endpoint.status is Status.FAILED:
        return [Drop(each) for each in world.instances if not each.deleting]
    slots = {slot.name: slot for slot in endpoint.slots()}
    live = [each for each in world.instances if each.name in slots and not each.deleting]
    dead = [each for each in live if each.ended]
    given_up = [each for each in dead if _gave_up(endpoint, slots[each.name])]
    if given_up:
        return [Settle(Status.FAILED, _reason(slots[given_up[0].name], given_up[0]))]
    steps: list[Step] = [_restart(slots[each.name], each, world.now) for each in dead]
    seen = {each.name for each in world.instances}
    steps += [Start(name, host_of(endpoint, slot)) for name, slot in slots.items() if name not in seen]
    steps += _surplus(world, slots)
    ready = [each for each in live if each.status.ready and not each.ended]
    return steps + _serve(endpoint, world, ready, wanted=len(slots))


def _take_down(world: World) -> list[Step]:
    if world.route is not None:
        return [Lead(None)]
    if not world.instances:
        return [Forget()]
    return _drop_drained(world, world.instances)


def _surplus(world: World, slots: Mapping[str, Slot]) -> list[Step]:
    routed = frozenset[str]() if world.route is None else world.route.instances()
    return _drop_drained(
        world, [each for each in world.instances if each.name not in slots and each.name not in routed]
    )


def _drop_drained(world: World, instances: Sequence[Instance]) -> list[Step]:
    going = [each for each in instances if not each.deleting]
    drained = [each for each in going if each.ended or world.drained(each.name) or not world.gateways]
    waiting: list[Step] = [Wait(LOOK_S)] if len(drained) < len(going) else []
    return [Drop(each) for each in drained] + waiting


def _serve(endpoint: Endpoint, world: World, ready: Sequence[Instance], *, wanted: int) -> list[Step]:
    """Lead requests to what is ready; a new endpoint gets its route when all of it is."""
    new = endpoint.status is Status.CREATING
    if new and len(ready) < wanted:
        return []
    route = _route(endpoint, ready)
    if route != world.route:
        return [Lead(route)]
    if not new:
        return []
    return [Settle(Status.IN_SERVICE)] if world.applied() else [Wait(LOOK_S)]


def _route(endpoint: Endpoint, ready: Sequence[Instance]) -> Route:
    variants = tuple(
        RoutedVariant(variant.name, variant.weight, tuple(_routed(variant, ready))) for variant in endpoint.variants
    )
    return Route(endpoint.account, endpoint.region, endpoint.name, endpoint.uid, variants)


def _routed(variant: Variant, ready: Sequence[Instance]) -> Iterator[RoutedInstance]:
    for each in ready:
        if each.spec.serving is not None and each.spec.serving.variant == variant.name:
            yield RoutedInstance(each.name, Path(each.status.socket))


def _gave_up(endpoint: Endpoint, slot: Slot) -> bool:
    return endpoint.status is Status.CREATING and slot.attempt + 1 >= ATTEMPTS_MAX


def _restart(slot: Slot, instance: Instance, now: float) -> Step:
    """Count the attempt, later and later if it keeps on failing."""
    ended_at = instance.status.reached.get(Phase.ENDED, now)
    pause = min(RESTART_FIRST_S * 2 ** min(slot.attempt, 16), RESTART_S_MAX) if slot.attempt else 0.0
    return Retry(slot) if now >= ended_at + pause else Wait(ended_at + pause - now)


def _reason(slot: Slot, instance: Instance) -> str:
    variant = slot.variant.name
    if instance.status.error:
        return instance.status.error
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


class Endpoints:
    """Brings what serves in line with what each endpoint asks for."""

    kind = ENDPOINT

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the steps that are allowed now."""
        endpoint = Endpoint.read(record)
        waits = [self._act(step, endpoint, records) for step in plan(endpoint, self._look(endpoint, records))]
        return min((wait for wait in waits if wait is not None), default=None)

    def _look(self, endpoint: Endpoint, records: Records) -> World:
        route = records.find(ROUTE, endpoint.name)
        mine = route is not None and route.parent == endpoint.uid
        return World(
            instances=[Instance.read(each) for each in records.children(endpoint.uid) if each.kind == str(INSTANCE)],
            route=Route.read(route) if route is not None and mine else None,
            route_seq=self._store.feed.last(ROUTE, endpoint.account, endpoint.region, endpoint.name),
            gateways=self._store.gateways.live(),
            now=self._clock(),
        )

    def _act(self, step: Step, endpoint: Endpoint, records: Records) -> float | None:
        match step:
            case Start(name=name, spec=spec):
                records.create(INSTANCE, name, spec.to_json(), state=Phase.PENDING, parent=endpoint.uid)
            case Retry(slot=slot):
                counted = {**endpoint.attempts, f"{slot.variant.name}/{slot.index}": slot.attempt + 1}
                _tell(endpoint, records, {"attempts": counted}, endpoint.status)
                return 0.0
            case Drop(instance=instance):
                records.update(instance.record, Change(deleting=True))
            case Lead(route=route):
                _lead(endpoint, route, records)
                return 0.0
            case Settle(status=status, reason=reason):
                _tell(endpoint, records, {"FailureReason": reason} if reason else {}, status)
            case Forget():
                records.remove(endpoint.record)
            case Wait(seconds=seconds):
                return seconds
        return None


def _lead(endpoint: Endpoint, route: Route | None, records: Records) -> None:
    found = records.find(ROUTE, endpoint.name)
    if route is None:
        if found is not None:
            records.remove(found)
    elif found is None:
        records.create(ROUTE, endpoint.name, route.spec(), parent=endpoint.uid)
    else:
        records.update(found, Change(spec=route.spec()))


def _tell(endpoint: Endpoint, records: Records, changes: Mapping[str, Any], status: Status) -> None:
    records.update(endpoint.record, Change(status={**endpoint.detail, **changes}, state=status))
