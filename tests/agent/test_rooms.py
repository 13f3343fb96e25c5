"""Who gets room on a machine, and who has to make some first."""

from __future__ import annotations

from dataclasses import dataclass, field

from clary.agent.rooms import Rooms
from clary.compute.admission import GIB, MIB, Capacity, Policy
from clary.resources.endpoint import ENDPOINT, Endpoint, Fleet, Variant
from clary.resources.instance import INSTANCE, Instance, Phase
from clary.resources.serving_host import host_of
from clary.store.records import Record

ACCOUNT, REGION, UID = "111111111111", "us-east-1", "a" * 16
MODEL = {"container": {"Image": "i"}, "role": f"arn:aws:iam::{ACCOUNT}:role/r", "isolated": False}
FLEET = Fleet("c", (Variant("AllTraffic", 1.0, 1, "ml.m5.large", MODEL, {}),))


def record(kind: object, name: str, spec: object, state: str) -> Record:
    return Record(
        account=ACCOUNT, region=REGION, kind=str(kind), name=name, uid=UID, parent=UID, spec=spec, status={},
        state=state, deleting=False, generation=1, version=1, created=10.0, modified=10.0,
    )  # fmt: skip


def server() -> Instance:
    endpoint = Endpoint.read(record(ENDPOINT, "e", FLEET.to_json(), "Creating"))
    (slot,) = endpoint.slots(FLEET).values()
    return Instance.read(record(INSTANCE, slot.name, host_of(endpoint, slot).to_json(), Phase.PENDING))


@dataclass
class Machine:
    """A machine whose memory is nearly full, some of it with what only makes starts quick."""

    free: int
    kept: int
    asked: list[int] = field(default_factory=list)

    def make_room(self) -> None:
        self.asked.append(self.free)
        self.free, self.kept = self.free + self.kept, 0

    def rooms(self) -> Rooms:
        return Rooms(Capacity(4, 8 * GIB), Policy(), self.make_room, lambda: self.free)


def test_what_makes_starts_quick_yields_before_an_instance_has_to_wait_for_memory() -> None:
    machine = Machine(free=300 * MIB, kept=330 * MIB)
    assert machine.rooms().take(server()) is None
    assert machine.asked == [300 * MIB]


def test_while_memory_is_free_nothing_has_to_yield() -> None:
    machine = Machine(free=GIB, kept=330 * MIB)
    assert machine.rooms().take(server()) is None
    assert machine.asked == []


def test_an_instance_waits_where_even_that_does_not_make_room() -> None:
    machine = Machine(free=100 * MIB, kept=100 * MIB)
    refusal = machine.rooms().take(server())
    assert refusal is not None
    assert not refusal.permanent
    assert "200 MiB of memory free" in refusal.reason
