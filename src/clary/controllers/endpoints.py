"""Brings what serves in line with what each endpoint asks for: looks, has it planned, acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.controllers.endpoint_plan import (
    Advance,
    Drop,
    Forget,
    Lead,
    Retry,
    RollBack,
    Settle,
    Start,
    Step,
    Wait,
    World,
    plan,
)
from clary.core.clock import Clock
from clary.resources.endpoint import ENDPOINT, Endpoint, Status
from clary.resources.instance import INSTANCE, Instance, Phase, attempt_of
from clary.resources.rollout import Rollout
from clary.resources.route import ROUTE, Route
from clary.resources.zones import ZONES_DEFAULT
from clary.store.records import Change, Kind, Record, Records
from clary.store.store import Store

ALARM = Kind("cloudwatch", "alarm")
RINGING = "ALARM"


class Endpoints:
    """Brings what serves in line with what each endpoint asks for."""

    kind = ENDPOINT

    def __init__(self, store: Store, clock: Clock, zones: int = ZONES_DEFAULT) -> None:
        self._store = store
        self._clock = clock
        self._zones = zones

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the steps that are allowed now."""
        endpoint = Endpoint.read(record)
        waits = [_act(step, endpoint, records, self._clock) for step in plan(endpoint, self._look(endpoint, records))]
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
            alarms=_ringing(endpoint, records),
            zones=self._zones,
        )


def _ringing(endpoint: Endpoint, records: Records) -> frozenset[str]:
    """Return which of the alarms that guard a change of fleets are in ALARM."""
    if endpoint.status is not Status.UPDATING:
        return frozenset()
    found = (records.find(ALARM, name) for name in endpoint.policy.alarms)
    return frozenset(each.name for each in found if each is not None and each.state == RINGING)


def _act(step: Step, endpoint: Endpoint, records: Records, clock: Clock) -> float | None:
    match step:
        case Start(name=name, spec=spec):
            records.create(INSTANCE, name, spec.to_json(), state=Phase.PENDING, parent=endpoint.uid)
        case Retry(slot=slot):
            counted = {**endpoint.attempts, slot.key: slot.attempt + 1}
            _tell(endpoint, records, {"attempts": counted}, endpoint.status)
        case Drop(instance=instance):
            _drop(endpoint, instance, records)
        case Lead(route=route):
            _lead(endpoint, route, records)
            return 0.0
        case Settle(status=status, reason=reason):
            _settle(endpoint, records, status, reason)
        case Advance(rollout=rollout):
            _tell(endpoint, records, {"rollout": rollout.to_json()}, endpoint.status)
        case RollBack(reason=reason):
            _roll_back(endpoint, records, reason, clock())
        case Forget():
            records.remove(endpoint.record)
        case Wait(seconds=seconds):
            return seconds
    return None


def _drop(endpoint: Endpoint, instance: Instance, records: Records) -> None:
    """Let an instance go, and count its attempt as over: a fleet that comes back must not meet it under its name."""
    key, attempt = attempt_of(instance.name)
    with records.together() as together:
        if not endpoint.deleting and endpoint.attempts.get(key, 0) <= attempt:
            counted = {**endpoint.attempts, key: attempt + 1}
            _tell(endpoint, together, {"attempts": counted}, endpoint.status)
        together.update(instance.record, Change(deleting=True))


def _lead(endpoint: Endpoint, route: Route | None, records: Records) -> None:
    found = records.find(ROUTE, endpoint.name)
    if route is None:
        if found is not None:
            records.remove(found)
    elif found is None:
        records.create(ROUTE, endpoint.name, route.spec(), parent=endpoint.uid)
    else:
        records.update(found, Change(spec=route.spec()))


def _settle(endpoint: Endpoint, records: Records, status: Status, reason: str) -> None:
    """Say how it stands; a change of fleets is over with it."""
    kept = {name: value for name, value in endpoint.detail.items() if name not in ("live", "rollout", "FailureReason")}
    told = {**kept, "FailureReason": reason} if reason else kept
    records.update(endpoint.record, Change(status=told, state=status))


def _roll_back(endpoint: Endpoint, records: Records, reason: str, now: float) -> None:
    """Want the old fleet again; the new one is then surplus, and goes as soon as no request is there."""
    assert endpoint.live is not None, "only a change of fleets is taken back"
    spec = {**endpoint.record.spec, **endpoint.live.to_json()}
    rollout = Rollout(began=now, reason=reason)
    told = {**endpoint.detail, "rollout": rollout.to_json(), "FailureReason": reason}
    records.update(endpoint.record, Change(spec=spec, status=told, state=Status.ROLLING_BACK))


def _tell(endpoint: Endpoint, records: Records, changes: Mapping[str, Any], status: Status) -> None:
    records.update(endpoint.record, Change(status={**endpoint.detail, **changes}, state=status))
