"""The plan as a table, and the controller in a world that crashes after every write and every act."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.controllers import endpoints
from clary.controllers.endpoints import Drop, Endpoints, Forget, Lead, Retry, Settle, Start, Wait, World, plan
from clary.core.settings import load
from clary.resources.endpoint import ENDPOINT, Endpoint, Status
from clary.resources.instance import INSTANCE, Instance, InstanceStatus, Phase
from clary.resources.route import Route, RoutedInstance, RoutedVariant
from clary.store.changes import Feed
from clary.store.gateways import Gateway
from clary.store.records import Change, Record, Records
from clary.store.store import Store, open_store

ACCOUNT, REGION, UID = "111111111111", "us-east-1", "a" * 16
VARIANT = {
    "name": "AllTraffic", "weight": 1.0, "count": 2, "instance_type": "ml.m5.large", "config": {},
    "model": {"container": {"Image": "i"}, "role": "arn:aws:iam::111111111111:role/r", "isolated": False},
}  # fmt: skip
SPEC = {"EndpointConfigName": "c", "variants": [VARIANT]}
NOW = 100.0


def record(kind: object, name: str, spec: Any, status: Any, state: str, *, deleting: bool = False) -> Record:
    return Record(
        account=ACCOUNT, region=REGION, kind=str(kind), name=name, uid=UID, parent=UID, spec=spec, status=status,
        state=state, deleting=deleting, generation=1, version=1, created=10.0, modified=10.0,
    )  # fmt: skip


def endpoint(status: Status = Status.CREATING, *, deleting: bool = False, **detail: Any) -> Endpoint:
    return Endpoint.read(record(ENDPOINT, "e", SPEC, detail, status, deleting=deleting))


def instance(index: int, *, ready: bool = False, ended: bool = False, attempt: int = 0, error: str = "") -> Instance:
    wanted = endpoint(attempts={f"AllTraffic/{index}": attempt})
    slot = wanted.slots()[index]
    phase = Phase.ENDED if ended else Phase.RUNNING
    status = InstanceStatus(reached={phase: NOW}, ready=ready, socket=f"/s/{index}", error=error)
    return Instance.read(
        record(INSTANCE, slot.name, endpoints.host_of(wanted, slot).to_json(), status.to_json(), phase)
    )


def route(*indices: int) -> Route:
    led = tuple(RoutedInstance(instance(index).name, Path(f"/s/{index}")) for index in indices)
    return Route(ACCOUNT, REGION, "e", UID, (RoutedVariant("AllTraffic", 1.0, led),))


def world(*instances: Instance, led: Route | None = None, applied: int = 5, holding: str = "") -> World:
    gateway = Gateway("gateway-0", applied, frozenset([holding] if holding else []), NOW)
    return World(list(instances), led, 5, [gateway], NOW)


def kinds(steps: list[Any]) -> list[type]:
    return [type(step) for step in steps]


BOTH = (instance(0, ready=True), instance(1, ready=True))
SERVING = endpoint(Status.IN_SERVICE)


@pytest.mark.parametrize(
    ("wanted", "seen", "steps"),
    [
        pytest.param(endpoint(), world(), [Start, Start], id="nothing-runs"),
        pytest.param(endpoint(), world(instance(0, ready=True)), [Start], id="one-is-missing"),
        pytest.param(endpoint(), world(instance(0, ready=True), instance(1)), [], id="one-still-loads"),
        pytest.param(endpoint(), world(*BOTH), [Lead], id="all-ready"),
        pytest.param(endpoint(), world(*BOTH, led=route(0, 1), applied=4), [Wait], id="a-gateway-is-behind"),
        pytest.param(endpoint(), world(*BOTH, led=route(0, 1)), [Settle], id="every-gateway-has-it"),
        pytest.param(SERVING, world(*BOTH, led=route(0, 1)), [], id="nothing-to-do"),
        pytest.param(
            SERVING,
            world(BOTH[0], instance(1, ended=True), led=route(0, 1)),
            [Retry, Lead],
            id="one-died-and-leaves-the-route",
        ),
        pytest.param(endpoint(), world(instance(0, ended=True), instance(1)), [Retry], id="one-died-at-the-start"),
        pytest.param(endpoint(deleting=True), world(*BOTH, led=route(0, 1)), [Lead], id="deleting-closes-the-route"),
        pytest.param(endpoint(deleting=True), world(*BOTH), [Drop, Drop], id="deleting-drops-what-is-drained"),
        pytest.param(
            endpoint(deleting=True), world(*BOTH, holding=BOTH[0].name), [Drop, Wait], id="deleting-waits-for-requests"
        ),
        pytest.param(endpoint(deleting=True), world(), [Forget], id="deleted"),
        pytest.param(endpoint(Status.FAILED), world(*BOTH), [Drop, Drop], id="failed"),
    ],
)
def test_plan_takes_the_next_steps(wanted: Endpoint, seen: World, steps: list[type]) -> None:
    assert kinds(plan(wanted, seen)) == steps


def test_an_instance_that_keeps_dying_fails_a_new_endpoint_with_its_reason() -> None:
    worn = endpoint(attempts={"AllTraffic/0": 2})
    (step,) = plan(worn, world(instance(0, ended=True, attempt=2, error="Could not find model data"), BOTH[1]))
    assert step == Settle(Status.FAILED, "Could not find model data")


def test_an_instance_that_keeps_dying_in_service_is_restarted_later_and_later() -> None:
    worn = replace(SERVING, attempts={"AllTraffic/0": 9})
    steps = plan(worn, world(instance(0, ended=True, attempt=9), BOTH[1], led=route(1)))
    (wait,) = [step for step in steps if isinstance(step, Wait)]
    assert wait.seconds == endpoints.RESTART_S_MAX


def test_weight_and_count_keep_instances_and_the_model_does_not() -> None:
    names = {slot.name for slot in endpoint().slots()}
    heavier = replace(endpoint(), variants=[replace(endpoint().variants[0], weight=2.0, count=3)])
    assert names < {slot.name for slot in heavier.slots()}
    other = replace(endpoint(), variants=[replace(endpoint().variants[0], model={"container": {"Image": "j"}})])
    assert names.isdisjoint(slot.name for slot in other.slots())


class Crash(BaseException):
    """The process died."""


class Agent:
    """Plays the agent: what is asked for runs and is ready at once, what is to go goes."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def act(self, owner: str) -> None:
        for each in self._records.children(owner):
            if each.kind != str(INSTANCE):
                continue
            if each.deleting:
                self._records.remove(each)
            elif each.state == Phase.PENDING:
                status = InstanceStatus(ready=True, socket=f"/s/{each.name}").to_json()
                self._records.update(each, Change(status=status, state=Phase.RUNNING))


class Dying:
    """Counts the writes of a transaction log and dies right after the n-th."""

    def __init__(self, after: int | None) -> None:
        self.left = after

    def __call__(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise Crash


def settle(store: Store, dying: Dying, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart the controller, as a supervisor would, until it has nothing left to do."""
    records = store.records(ACCOUNT, REGION)
    for name in ("create", "update", "remove"):
        monkeypatch.setattr(Records, name, _then(getattr(Records, name), dying))
    for _ in range(100):
        store.gateways.report("gateway-0", store.feed.newest(), [])
        found = store.records(ACCOUNT, REGION).find(ENDPOINT, "e")
        if found is None:
            return
        try:
            again = Endpoints(store, store.clock).reconcile(found, records)
        except Crash:
            continue
        finally:
            left, dying.left = dying.left, None
            Agent(records).act(found.uid)
            dying.left = left
        if again is None and _quiet(records, found):
            return
    pytest.fail("did not settle in 100 looks")


def _quiet(records: Records, before: Record) -> bool:
    children = [each for each in records.children(before.uid) if each.kind == str(INSTANCE)]
    found = records.find(ENDPOINT, "e")
    return found is not None and found.version == before.version and found.state == "InService" and len(children) == 2


def _then(write, dying):  # type: ignore[no-untyped-def]
    def call(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        result = write(self, *args, **kwargs)
        dying()
        return result

    return call


@pytest.mark.parametrize("crash_after", range(1, 9))
def test_a_crash_after_any_write_loses_and_leaks_nothing(crash_after: int, home: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    store = open_store(load({"home": str(home)}, {}))
    records = store.records(ACCOUNT, REGION)
    made = records.create(ENDPOINT, "e", SPEC, state=Status.CREATING)
    settle(store, Dying(crash_after), monkeypatch)
    monkeypatch.undo()
    names = sorted(each.name for each in records.children(made.uid) if each.kind == str(INSTANCE))
    found = records.find(ENDPOINT, "e")
    assert found is not None
    assert found.state == "InService"
    assert names == sorted(slot.name for slot in Endpoint.read(found).slots())

    records.update(found, Change(deleting=True, state=Status.DELETING))
    settle(store, Dying(crash_after), monkeypatch)
    monkeypatch.undo()
    assert records.find(ENDPOINT, "e") is None
    assert store.world.owned_by(ACCOUNT) == []
    store.close()


def test_the_newest_change_of_a_route_is_what_gateways_must_have_applied(home: Path) -> None:
    store = open_store(load({"home": str(home)}, {}))
    assert Feed(store.database).last(ENDPOINT, ACCOUNT, REGION, "e") == 0
    store.close()
