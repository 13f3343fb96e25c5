"""The event as it is told: one JSON envelope, whoever sends it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from clary.core.clock import iso8601


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in an account."""

    id: str
    source: str
    detail_type: str
    account: str
    region: str
    at: float
    detail: str  # a JSON object, as it was sent
    resources: Sequence[str] = ()

    def to_json(self, **more: str) -> str:
        """Return the event as targets get it; `more` are fields that are added, such as a replay's name."""
        told = {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": iso8601(self.at),
            "region": self.region,
            "resources": list(self.resources),
            **more,
        }
        return f'{json.dumps(told, separators=(",", ":"), ensure_ascii=False)[:-1]},"detail":{self.detail}}}'


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that comes to a bus; one that is replayed may be for some rules alone, and is not archived again."""

    account: str
    region: str
    bus: str
    event: str
    hops: int = 0  # how many buses it was passed on by
    rules: frozenset[str] = frozenset()
    replayed: bool = False


def new_id() -> str:
    """Return the id of a new event."""
    return str(uuid.uuid4())
