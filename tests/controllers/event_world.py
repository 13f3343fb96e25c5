"""A store with a bus, an intake, and time that is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.core.settings import load
from clary.resources.event_rules import EVENT_BUS, RULE, Rule
from clary.services.events.intake import Intake
from clary.store.deliveries import Delivery
from clary.store.records import Record, Records
from clary.store.store import Store, open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
NOON = 1_795_348_800.0  # 22 November 2026, 12:00 UTC
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"


@dataclass
class World:
    """What event controllers work on."""

    store: Store
    intake: Intake
    now: list[float]

    def clock(self) -> float:
        return self.now[0]

    @property
    def records(self) -> Records:
        return self.store.records(ACCOUNT, REGION)

    def bus(self, name: str = "default") -> Record:
        return self.records.find(EVENT_BUS, name) or self.records.create(EVENT_BUS, name, {})

    def rule(
        self, name: str = "r", *, bus: str = "default", targets: Sequence[Mapping[str, Any]] | None = None, **spec: Any
    ) -> Rule:
        """Make a rule as PutRule and PutTargets do; it wants everything unless it is told."""
        whole = {
            "State": "ENABLED",
            "since": self.now[0],
            "Targets": [{"Id": "t", "Arn": QUEUE}] if targets is None else list(targets),
            **({} if "ScheduleExpression" in spec else {"EventPattern": '{"source": [{"exists": true}]}'}),
            **spec,
        }
        return Rule.read(self.records.create(RULE, f"{bus}/{name}", whole, parent=self.bus(bus).uid))

    def due(self) -> list[Delivery]:
        return self.store.event_deliveries.due(int(self.now[0] * 1000) + 1, 1000)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that are to be delivered."""
        return [json.loads(json.loads(each.content)["event"]) for each in self.due()]


@contextmanager
def world_in(home: Path) -> Iterator[World]:
    now = [NOON]
    store = open_store(load({"home": home}, {}), clock=lambda: now[0])
    yield World(store, Intake(store), now)
    store.close()


def event(source: str = "s", **detail: Any) -> str:
    told = {"version": "0", "id": "1", "detail-type": "d", "source": source, "account": ACCOUNT, "region": REGION}
    return json.dumps({**told, "time": "2026-11-22T12:00:00Z", "resources": [], "detail": detail})
