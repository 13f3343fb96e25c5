"""The route of an endpoint: which instances of which variants answer its invocations.

The controller of endpoints writes routes, gateways read them. A route names only
instances that answer; one that is dropped from it is stopped after every gateway let it go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from clary.store.records import Kind, Record

ROUTE = Kind("clary", "route")


class Strategy(StrEnum):
    """RoutingStrategy: which instance of a variant gets a request."""

    RANDOM = "RANDOM"
    LEAST_OUTSTANDING_REQUESTS = "LEAST_OUTSTANDING_REQUESTS"


@dataclass(frozen=True, slots=True)
class RoutedInstance:
    """An instance that answers; its name is never used again for another."""

    name: str
    socket: Path


@dataclass(frozen=True, slots=True)
class RoutedVariant:
    """A production variant: its share of the endpoint's invocations, and its instances."""

    name: str
    weight: float
    instances: tuple[RoutedInstance, ...]
    strategy: Strategy = Strategy.RANDOM
    concurrency_max: int = 0
    """Requests that it may have at once over all gateway workers; 0 leaves it to the bounds of the workers."""


@dataclass(frozen=True, slots=True)
class RoutedShadow:
    """A shadow variant: it gets a copy of this share of the invocations, from 0 to 1, and its answers are dropped."""

    name: str
    share: float
    instances: tuple[RoutedInstance, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the invocations of one endpoint go; `uid` is the endpoint's own."""

    account: str
    region: str
    endpoint: str
    uid: str
    variants: tuple[RoutedVariant, ...]
    shadows: tuple[RoutedShadow, ...] = ()

    @classmethod
    def read(cls, record: Record) -> Route:
        """Return the route that a record holds."""
        spec = record.spec
        variants = tuple(_variant(each) for each in spec["variants"])
        shadows = tuple(_shadow(each) for each in spec.get("shadows", ()))
        return cls(record.account, record.region, record.name, spec["uid"], variants, shadows)

    def spec(self) -> dict[str, Any]:
        """Return what the route's record holds."""
        return {
            "uid": self.uid,
            "variants": [
                {
                    "name": each.name,
                    "weight": each.weight,
                    "instances": _listed(each.instances),
                    "strategy": each.strategy,
                    "concurrency_max": each.concurrency_max,
                }
                for each in self.variants
            ],
            "shadows": [
                {"name": each.name, "share": each.share, "instances": _listed(each.instances)} for each in self.shadows
            ],
        }

    def instances(self) -> frozenset[str]:
        """Return the names of all instances that it leads to."""
        parts: tuple[RoutedVariant | RoutedShadow, ...] = (*self.variants, *self.shadows)
        return frozenset(each.name for part in parts for each in part.instances)


def _listed(instances: tuple[RoutedInstance, ...]) -> list[dict[str, str]]:
    return [{"name": each.name, "socket": str(each.socket)} for each in instances]


def _instances(spec: Mapping[str, Any]) -> tuple[RoutedInstance, ...]:
    return tuple(RoutedInstance(each["name"], Path(each["socket"])) for each in spec["instances"])


def _variant(spec: Mapping[str, Any]) -> RoutedVariant:
    strategy = Strategy(spec.get("strategy", Strategy.RANDOM))
    concurrency_max = spec.get("concurrency_max", 0)
    return RoutedVariant(spec["name"], float(spec["weight"]), _instances(spec), strategy, concurrency_max)


def _shadow(spec: Mapping[str, Any]) -> RoutedShadow:
    return RoutedShadow(spec["name"], float(spec["share"]), _instances(spec))
