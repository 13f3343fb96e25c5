"""The endpoint as a noun: what is wanted, what is seen, and the statuses in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clary.resources.instance import name_of
from clary.store.records import Kind, Record

ENDPOINT = Kind("sagemaker", "endpoint")
ENDPOINT_CONFIG = Kind("sagemaker", "endpoint-config")
MODEL = Kind("sagemaker", "model")
ATTEMPTS_MAX = 3
"""Starts of one instance before a new endpoint fails."""
HASH_LENGTH = 6


class Status(StrEnum):
    """EndpointStatus, the part that endpoints of one variant go through."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Variant:
    """One production variant, with the model as it was when the endpoint was made."""

    name: str
    weight: float
    count: int
    instance_type: str
    model: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Return what tells instances of this variant from those of another make; weight and count do not count."""
        told = json.dumps([self.name, self.instance_type, self.model, self.config], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Slot:
    """One instance that an endpoint wants: the index-th of a variant, at its attempt-th start."""

    variant: Variant
    index: int
    attempt: int
    name: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the user wants, and what we last told them."""

    name: str
    uid: str
    account: str
    region: str
    status: Status
    deleting: bool
    variants: Sequence[Variant]
    attempts: Mapping[str, int]
    detail: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Endpoint:
        """Return the endpoint that a record holds."""
        return cls(
            name=record.name,
            uid=record.uid,
            account=record.account,
            region=record.region,
            status=Status(record.state),
            deleting=record.deleting,
            variants=[Variant(**each) for each in record.spec["variants"]],
            attempts=record.status.get("attempts", {}),
            detail=record.status,
            record=record,
        )

    def slots(self) -> list[Slot]:
        """Return the instances that must run: the same ones after any crash."""
        return [self._slot(variant, index) for variant in self.variants for index in range(variant.count)]

    def _slot(self, variant: Variant, index: int) -> Slot:
        attempt = self.attempts.get(f"{variant.name}/{index}", 0)
        return Slot(variant, index, attempt, name_of(self.uid, variant.hash, index, attempt))
