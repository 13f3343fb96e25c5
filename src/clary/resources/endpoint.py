"""The endpoint as a noun: what is wanted, what is seen, and the statuses in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from clary.resources.instance import name_of
from clary.resources.rollout import Policy, Rollout, policy_of
from clary.resources.route import Strategy
from clary.store.records import Kind, Record

ENDPOINT = Kind("sagemaker", "endpoint")
ENDPOINT_CONFIG = Kind("sagemaker", "endpoint-config")
MODEL = Kind("sagemaker", "model")
CREATED = "Created"
"""The one state of a model: no API shows it, but there is an event when a model comes to it."""
ATTEMPTS_MAX = 3
"""Starts of one instance before a new endpoint fails."""
HASH_LENGTH = 6


class Status(StrEnum):
    """EndpointStatus, the part that Clary's endpoints go through."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Variant:
    """One production or shadow variant, with the model as it was when the endpoint was made."""

    name: str
    weight: float
    count: int
    instance_type: str
    model: Mapping[str, Any]
    config: Mapping[str, Any]
    routing: str = Strategy.RANDOM

    @property
    def hash(self) -> str:
        """Return what tells instances of this variant from those of another make; how it is called does not count."""
        told = json.dumps([self.name, self.instance_type, self.model, self.config], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Slot:
    """One instance that a fleet wants: the index-th of a variant, at its attempt-th start."""

    variant: Variant
    index: int
    attempt: int
    name: str

    @property
    def key(self) -> str:
        """Return what the attempts of this slot are counted under."""
        return _attempts_key(self.variant.hash, self.index)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The variants of one endpoint configuration, as they were when an endpoint took it."""

    config: str
    variants: tuple[Variant, ...]
    shadows: tuple[Variant, ...] = ()

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Fleet:
        """Return the fleet that a spec, or the `live` part of a status, holds."""
        variants, shadows = (tuple(Variant(**each) for each in told.get(part, ())) for part in ("variants", "shadows"))
        return cls(told["EndpointConfigName"], variants, shadows)

    def to_json(self) -> dict[str, Any]:
        """Return the fleet as a record stores it."""
        return {
            "EndpointConfigName": self.config,
            "variants": [asdict(each) for each in self.variants],
            "shadows": [asdict(each) for each in self.shadows],
        }

    def every(self) -> tuple[Variant, ...]:
        """Return the production variants and the shadow variants."""
        return self.variants + self.shadows

    def altered(self, change: Callable[[Variant], Variant]) -> Fleet:
        """Return the fleet with each of its variants changed."""
        return replace(self, variants=tuple(map(change, self.variants)), shadows=tuple(map(change, self.shadows)))

    def size(self) -> int:
        """Return how many instances the fleet has."""
        return sum(variant.count for variant in self.every())


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the user wants, and what we last told them; `live` is the fleet that an update replaces."""

    name: str
    uid: str
    account: str
    region: str
    status: Status
    deleting: bool
    wanted: Fleet
    live: Fleet | None
    policy: Policy
    rollout: Rollout | None
    attempts: Mapping[str, int]
    detail: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Endpoint:
        """Return the endpoint that a record holds."""
        wanted = Fleet.read(record.spec)
        live, rollout = record.status.get("live"), record.status.get("rollout")
        return cls(
            name=record.name,
            uid=record.uid,
            account=record.account,
            region=record.region,
            status=Status(record.state),
            deleting=record.deleting,
            wanted=wanted,
            live=None if live is None else Fleet.read(live),
            policy=policy_of(record.spec.get("DeploymentConfig"), wanted.size()),
            rollout=None if rollout is None else Rollout(**rollout),
            attempts=record.status.get("attempts", {}),
            detail=record.status,
            record=record,
        )

    def slots(self, fleet: Fleet) -> dict[str, Slot]:
        """Return the instances that a fleet has, by name: the same ones after any crash."""
        return {slot.name: slot for variant in fleet.every() for slot in self._slots(variant)}

    def _slots(self, variant: Variant) -> Iterator[Slot]:
        make = variant.hash
        for index in range(variant.count):
            attempt = self.attempts.get(_attempts_key(make, index), 0)
            yield Slot(variant, index, attempt, name_of(self.uid, make, index, attempt))


def _attempts_key(make: str, index: int) -> str:
    return f"{make}/{index}"
