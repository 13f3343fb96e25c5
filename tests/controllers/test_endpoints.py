"""The controller of endpoints in a world that crashes after every write."""

from __future__ import annotations

from contextlib import suppress

import pytest

from clary.controllers.endpoints import Endpoints
from clary.core.errors import StaleRecord
from clary.resources.endpoint import ENDPOINT, Endpoint, Status
from clary.resources.instance import INSTANCE, InstanceStatus, Phase
from clary.store.changes import Feed
from clary.store.records import Change, Record, Records
from clary.store.store import Store

ACCOUNT, REGION = "111111111111", "us-east-1"
VARIANT = {
    "name": "AllTraffic", "weight": 1.0, "count": 2, "instance_type": "ml.m5.large", "config": {},
    "model": {"container": {"Image": "i"}, "role": "arn:aws:iam::111111111111:role/r", "isolated": False},
}  # fmt: skip
SPEC = {"EndpointConfigName": "c", "variants": [VARIANT]}


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
def test_a_crash_after_any_write_loses_and_leaks_nothing(crash_after: int, store: Store, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    records = store.records(ACCOUNT, REGION)
    made = records.create(ENDPOINT, "e", SPEC, state=Status.CREATING)
    settle(store, Dying(crash_after), monkeypatch)
    monkeypatch.undo()
    names = sorted(each.name for each in records.children(made.uid) if each.kind == str(INSTANCE))
    found = records.find(ENDPOINT, "e")
    assert found is not None
    assert found.state == "InService"
    endpoint = Endpoint.read(found)
    assert names == sorted(endpoint.slots(endpoint.wanted))

    records.update(found, Change(deleting=True, state=Status.DELETING))
    settle(store, Dying(crash_after), monkeypatch)
    monkeypatch.undo()
    assert records.find(ENDPOINT, "e") is None
    assert store.world.owned_by(ACCOUNT) == []


def test_the_newest_change_of_a_route_is_what_gateways_must_have_applied(store: Store) -> None:
    assert Feed(store.database).last(ENDPOINT, ACCOUNT, REGION, "e") == 0


def test_a_fleet_that_comes_back_never_meets_its_old_instances(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    records = store.records(ACCOUNT, REGION)
    made = records.create(ENDPOINT, "e", SPEC, state=Status.CREATING)
    settle(store, Dying(None), monkeypatch)
    seen = {each.name for each in records.children(made.uid) if each.kind == str(INSTANCE)}
    for count in (0, 2):
        found = records.find(ENDPOINT, "e")
        assert found is not None
        spec = {**SPEC, "variants": [{**VARIANT, "count": count}]}
        records.update(found, Change(spec=spec))
        for _ in range(20):
            store.gateways.report("gateway-0", store.feed.newest(), [])
            found = records.find(ENDPOINT, "e")
            assert found is not None
            with suppress(StaleRecord):  # the loop looks again then
                Endpoints(store, store.clock).reconcile(found, records)
            Agent(records).act(made.uid)
    again = {each.name for each in records.children(made.uid) if each.kind == str(INSTANCE)}
    assert len(again) == 2
    assert again.isdisjoint(seen)
