"""What CloudWatch is told of an instance's use, and of how long it took to come up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.agent.measures import Measures, note_setup
from clary.compute.backend import Usage
from clary.core.settings import load
from clary.resources.instance import INSTANCE, Instance, InstanceSpec, Log, MetricRules, Phase, Serving
from clary.store.points import Range
from clary.store.series import Metric
from clary.store.store import Store, open_store

ACCOUNT, REGION, NOW = "111111111111", "us-east-1", 1_800_000_000.0
DIMENSIONS = (("EndpointName", "e"), ("VariantName", "v"))


@pytest.fixture
def store(prepared_home: Path) -> Iterator[Store]:
    store = open_store(load({"home": prepared_home}, {}), clock=lambda: NOW)
    yield store
    store.close()


def seen(store: Store, namespace: str, name: str) -> list[tuple[float, str]]:
    wanted = Range(int(NOW) // 60 * 60, int(NOW) // 60 * 60 + 300, 60)
    points = store.series(ACCOUNT, REGION).read(Metric.of(namespace, name, DIMENSIONS), wanted)
    return [(each.summary.sum, each.unit) for each in points]


def test_use_is_told_in_percent_of_what_the_instance_may_use(store: Store) -> None:
    usages: Iterator[Usage | None] = iter([Usage(1.0, 0, 0), Usage(7.0, 512, 25), None])
    times = iter([NOW, NOW + 4])
    measures = Measures(
        store.series(ACCOUNT, REGION), "/aws/sagemaker/Endpoints", DIMENSIONS,
        memory_bytes=1024, volume_bytes=100, usage=lambda: next(usages), clock=lambda: next(times, NOW + 8),
    )  # fmt: skip
    measures.begin()
    measures.take()
    measures.take()
    told = {name: seen(store, "/aws/sagemaker/Endpoints", f"{name}Utilization") for name in ("CPU", "Memory", "Disk")}
    assert told == {"CPU": [(150.0, "Percent")], "Memory": [(50.0, "Percent")], "Disk": [(25.0, "Percent")]}


def test_how_long_a_model_server_took_to_come_up_is_told(store: Store) -> None:
    spec = InstanceSpec(
        node="local", image="i", instance_type="ml.m5.large", zone="us-east-1a", host_name="model", role_arn="r",
        entrypoint=(), environment={}, isolated=False, log=Log("g", "s"), volume_bytes=1,
        metrics=MetricRules("n", dict(DIMENSIONS), ()), serving=Serving("e", "v", {}, 1, 1),
    )  # fmt: skip
    record = store.records(ACCOUNT, REGION).create(INSTANCE, "i", spec.to_json(), state=Phase.RUNNING)
    later = open_store(load({"home": str(store.database.path.parents[1])}, {}), clock=lambda: NOW + 2.5)
    note_setup(later, Instance.read(record))
    later.close()
    assert seen(store, "AWS/SageMaker", "ModelSetupTime") == [(2.5e6, "Microseconds")]
