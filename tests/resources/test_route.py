"""Routes as records hold them."""

from __future__ import annotations

import json
from pathlib import Path

from clary.resources.route import ROUTE, Route, RoutedInstance, RoutedVariant
from clary.store.records import Record


def test_a_route_survives_its_record():
    instances = tuple(RoutedInstance(name, Path(f"/i/{name}/serve.sock")) for name in ("a", "b"))
    variants = (RoutedVariant("blue", 0.5, instances), RoutedVariant("green", 1.0, ()))
    route = Route("123456789012", "us-east-1", "churn", "0123456789abcdef", variants)
    spec = json.loads(json.dumps(route.spec()))
    record = Record(
        account="123456789012", region="us-east-1", kind=str(ROUTE), name="churn", uid="f" * 16, parent="",
        spec=spec, status={}, state="", deleting=False, generation=1, version=1, created=0.0, modified=0.0,
    )  # fmt: skip
    assert Route.read(record) == route
    assert route.instances() == {"a", "b"}
