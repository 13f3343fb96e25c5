"""Routes as records hold them."""

from __future__ import annotations

import json
from pathlib import Path

from clary.resources.route import ROUTE, Route, RoutedInstance, RoutedShadow, RoutedVariant, Strategy
from clary.store.records import Record


def held(spec) -> Record:
    return Record(
        account="123456789012", region="us-east-1", kind=str(ROUTE), name="churn", uid="f" * 16, parent="",
        spec=json.loads(json.dumps(spec)), status={}, state="", deleting=False, generation=1, version=1,
        created=0.0, modified=0.0,
    )  # fmt: skip


def test_a_route_survives_its_record():
    instances = tuple(RoutedInstance(name, Path(f"/i/{name}/serve.sock")) for name in ("a", "b"))
    least = RoutedVariant("blue", 0.5, instances, Strategy.LEAST_OUTSTANDING_REQUESTS, concurrency_max=7)
    shadows = (RoutedShadow("shade", 0.25, (RoutedInstance("c", Path("/i/c/serve.sock")),)),)
    variants = (least, RoutedVariant("green", 1.0, ()))
    route = Route("123456789012", "us-east-1", "churn", "0123456789abcdef", variants, shadows)
    assert Route.read(held(route.spec())) == route
    assert route.instances() == {"a", "b", "c"}


def test_a_record_from_before_strategies_and_shadows_is_read():
    spec = {"uid": "u", "variants": [{"name": "v", "weight": 1, "instances": []}]}
    route = Route.read(held(spec))
    assert route.variants == (RoutedVariant("v", 1.0, (), Strategy.RANDOM, 0),)
    assert route.shadows == ()
