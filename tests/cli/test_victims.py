"""Who may be killed: instances that serve, and that fit all that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from clary.cli.victims import Choice, chosen
from clary.resources.instance import INSTANCE, Instance, InstanceSpec, InstanceStatus, Log, MetricRules, Phase, Serving
from clary.store.records import Record


def instance(name: str, variant: str, zone: str, *, ready: bool = True, serves: bool = True) -> Instance:
    spec = InstanceSpec(
        node="local", image="i", instance_type="ml.m5.large", zone=zone, host_name="model", role_arn="r",
        entrypoint=(), environment={}, isolated=False, log=Log("g", "s"), metrics=MetricRules("n", {}, ()),
        volume_bytes=1, serving=Serving("e", variant, {}, 1, 1) if serves else None,
    )  # fmt: skip
    return Instance.read(
        Record(
            account="1" * 12, region="us-east-1", kind=str(INSTANCE), name=name, uid=name, parent="p",
            spec=spec.to_json(), status=InstanceStatus(ready=ready).to_json(), state=Phase.RUNNING, deleting=False,
            generation=1, version=1, created=0.0, modified=0.0,
        )
    )  # fmt: skip


ALL = [
    instance("one", "A", "us-east-1a"),
    instance("two", "B", "us-east-1b"),
    instance("three", "B", "us-east-1a"),
    instance("starts", "B", "us-east-1a", ready=False),
    instance("job", "B", "us-east-1a", serves=False),
]


def last(found: Sequence[Instance]) -> Instance:
    return found[-1]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"endpoint": "e"}, ["three"]),
        ({"endpoint": "e", "variant": "A"}, ["one"]),
        ({"name": "two"}, ["two"]),
        ({"name": "starts"}, []),
        ({"zone": "us-east-1a"}, ["one", "three"]),
        ({"zone": "us-east-1a", "variant": "B"}, ["three"]),
        ({"zone": "us-east-1c"}, []),
        ({"endpoint": "other"}, []),
        ({"endpoint": "e", "account": "2" * 12}, []),
    ],
)
def test_one_instance_is_picked_or_a_whole_zone(choice: dict[str, Any], names: list[str]) -> None:
    assert [each.name for each in chosen(Choice(**choice), ALL, last)] == names
