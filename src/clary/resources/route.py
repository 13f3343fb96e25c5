"""The route of an endpoint: which instances of which variants answer its invocations.

The controller of endpoints writes routes, gateways read them. A route names only
instances that answer; one that is dropped from it is stopped after every gateway let it go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.store.records import Kind, Record

ROUTE = Kind("clary", "route")


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


@dataclass(frozen=True, slots=True)
class Route:
    """Where the invocations of one endpoint go; `uid` is the endpoint's own."""

    account: str
    region: str
    endpoint: str
    uid: str
    variants: tuple[RoutedVariant, ...]

    @classmethod
    def read(cls, record: Record) -> Route:
        """Return the route that a record holds."""
        variants = tuple(_variant(each) for each in record.spec["variants"])
        return cls(record.account, record.region, record.name, record.spec["uid"], variants)

    def spec(self) -> dict[str, Any]:
        """Return what the route's record holds."""
        return {
            "uid": self.uid,
            "variants": [
                {
                    "name": variant.name,
                    "weight": variant.weight,
                    "instances": [{"name": each.name, "socket": str(each.socket)} for each in variant.instances],
                }
                for variant in self.variants
            ],
        }

    def instances(self) -> frozenset[str]:
        """Return the names of all instances that it leads to."""
        return frozenset(each.name for variant in self.variants for each in variant.instances)


def _variant(spec: Mapping[str, Any]) -> RoutedVariant:
    instances = tuple(RoutedInstance(each["name"], Path(each["socket"])) for each in spec["instances"])
    return RoutedVariant(spec["name"], float(spec["weight"]), instances)
