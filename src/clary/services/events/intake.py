"""Events come in: held against rules and archives, and stored with whom they go to in one transaction.

What was taken in is delivered at least once, whatever is killed; the position of the source that it came from
moves in the same transaction.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from clary.access.decide import Requirement, decide
from clary.access.principal import Principal
from clary.core.errors import AccessDenied
from clary.core.ids import Arn
from clary.resources.event import Arrival
from clary.resources.event_metrics import MATCHED, NAMESPACE, TRIGGERED, counted
from clary.resources.event_patterns import read_event
from clary.resources.event_rules import DEFAULT_BUS, EVENT_BUS, Rule, bus_arn
from clary.services.events.faults import NotFound
from clary.services.events.reach import policies_of
from clary.services.events.rule_books import RuleBooks
from clary.store.deliveries import Notice
from clary.store.event_positions import Move
from clary.store.store import Store


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that an archive wants."""

    archive: str
    account: str
    event: str


class Intake:
    """Takes events in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._books = RuleBooks(store)

    def take(self, arrivals: Sequence[Arrival], move: Move | None = None) -> None:
        """Take events in, and let their source move on; raises Moved if that was somewhere else."""
        notices: list[Notice] = []
        kept: list[Kept] = []
        matched: list[Rule] = []
        places = {(each.account, each.region, each.bus) for each in arrivals}
        books = {place: self._books.of(*place) for place in places}
        for arrival in arrivals:
            event, book = read_event(arrival.event), books[arrival.account, arrival.region, arrival.bus]
            wanting = [rule for rule in book.wanting(event) if not arrival.rules or rule.arn in arrival.rules]
            matched += wanting
            notices += _notices(arrival, wanting)
            if not arrival.replayed:
                kept += [Kept(archive.uid, archive.account, arrival.event) for archive in book.keeping(event)]
        self._write(notices, kept, move)
        self._count(matched, (MATCHED, TRIGGERED))

    def send(self, rule: Rule, event: str, move: Move) -> None:
        """Send an event to the targets of one rule, as its schedule does; raises Moved if that was done already."""
        self._write(_notices(Arrival(rule.account, rule.region, rule.bus, event), [rule]), (), move)
        self._count([rule], (TRIGGERED,))

    def forward(self, event: str, destination: Arn, sender: Principal, hops: int) -> None:
        """Pass an event on to another bus, if the sender may put events there; else raise a ServiceError."""
        name = destination.resource.removeprefix("event-bus/")
        bus = self._store.records(destination.account, destination.region).find(EVENT_BUS, name)
        told = json.loads(event)
        context = {"events:source": told["source"], "events:detail-type": told["detail-type"]}
        needed = Requirement("events:PutEvents", str(destination), context)
        decision = decide(sender, needed, policies_of(bus), owner=destination.account)
        if not decision.allowed:
            raise AccessDenied(decision.message)
        if bus is None and name != DEFAULT_BUS:
            raise NotFound(f"Event bus {name} does not exist.")
        self.take([Arrival(destination.account, destination.region, name, event, hops)])

    def _write(self, notices: Sequence[Notice], kept: Sequence[Kept], move: Move | None) -> None:
        now_ms = int(self._store.clock() * 1000)

        def beside(connection: Connection) -> None:
            at_ms = int(self._store.clock() * 1000)  # once it is this writer's turn: archives are in order of time
            for each in kept:
                self._store.event_archives.add(connection, each.archive, each.account, at_ms, each.event)
            if move is not None:
                move.write(connection)

        if notices or kept or move is not None:
            self._store.event_deliveries.publish(notices, now_ms, beside)

    def _count(self, rules: Sequence[Rule], names: Sequence[str]) -> None:
        now, counts = self._store.clock(), Counter(rule.arn for rule in rules)
        for arn, rule in {rule.arn: rule for rule in rules}.items():
            data = [counted(name, rule, now, counts[arn]) for name in names]
            self._store.series(rule.account, rule.region).put(NAMESPACE, data)


def _notices(arrival: Arrival, wanting: Iterable[Rule]) -> list[Notice]:
    """Return the event for all targets of the rules that want it; nothing if there are none."""
    lanes = {address: None for rule in wanting for address in rule.addresses()}
    if not lanes:
        return []
    content = json.dumps({"event": arrival.event, "hops": arrival.hops})
    return [Notice(bus_arn(arrival.account, arrival.region, arrival.bus), content.encode(), lanes)]
