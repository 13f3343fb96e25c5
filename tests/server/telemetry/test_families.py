"""What other monitoring systems are told: totals by worker, latencies in coarse buckets, nouns by state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.resources.endpoint import ENDPOINT
from clary.server.telemetry.families import BOUNDS_S, Distribution, Family, Readings, distribution
from clary.store.counters import Meter, read
from clary.store.store import Store

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "us-east-1"


@pytest.fixture
def meter(home: Path) -> Iterator[Meter]:
    made = Meter(home / "run/counters", "gateway-1")
    yield made
    made.close()


def count(meter: Meter, account: str, status: int, model_us: int) -> None:
    slot = meter.slot(account, REGION, "e", "v")
    slot.count(status, model_us=model_us, overhead_us=100, minute=int(time.time()) // 60)


def named(families: list[Family], name: str) -> Family:
    return next(each for each in families if each.name == f"sagemaker.{name}")


def test_totals_are_told_by_worker_and_to_their_own_account(store: Store, meter: Meter, home: Path) -> None:
    count(meter, ACCOUNT, 200, 1000)
    count(meter, ACCOUNT, 500, 1000)
    count(meter, OTHER, 200, 1000)
    readings = Readings(store, home / "run/counters")
    labels = {"account": ACCOUNT, "region": REGION, "endpoint": "e", "variant": "v", "worker": "gateway-1"}
    own = readings.families(ACCOUNT)
    assert named(own, "invocations").samples == [(labels, 2.0)]
    assert named(own, "invocation_5xx_errors").samples == [(labels, 1.0)]
    assert len(named(readings.families(None), "invocations").samples) == 2


def test_streams_are_told_of_where_there_were_any(store: Store, meter: Meter, home: Path) -> None:
    count(meter, ACCOUNT, 200, 1000)
    readings = Readings(store, home / "run/counters")
    assert named(readings.families(ACCOUNT), "first_chunk_latency").samples == []
    slot = meter.slot(ACCOUNT, REGION, "e", "v")
    slot.count_first_chunk(model_us=700, overhead_us=300, minute=int(time.time()) // 60)
    slot.count_stream(broken=True)
    told = readings.families(ACCOUNT)
    for name, sum_s in (("", 0.001), ("_model", 0.0007), ("_overhead", 0.0003)):
        ((_, found),) = named(told, f"first_chunk{name}_latency").samples
        assert isinstance(found, Distribution)
        assert (found.count, found.sum_s) == (1, sum_s)
    assert [each for _, each in named(told, "streams").samples] == [1.0]
    assert [each for _, each in named(told, "mid_stream_errors").samples] == [1.0]


def test_what_a_dead_worker_counted_is_told_no_more(store: Store, home: Path) -> None:
    dead = Meter(home / "run/counters", "gateway-2")
    count(dead, ACCOUNT, 200, 1000)
    dead.close()
    assert named(Readings(store, home / "run/counters").families(None), "invocations").samples == []


def test_latencies_fall_into_buckets_that_double(store: Store, meter: Meter, home: Path) -> None:
    for value_us in (1, 127, 128, 255, 256, 90_000_000):
        count(meter, ACCOUNT, 200, value_us)
    (counter,) = read(meter.path)
    told = distribution(counter.model_latency)
    assert (told.counts[0], told.counts[1], told.counts[2], told.counts[-1]) == (2, 2, 1, 1)
    assert len(told.counts) == len(BOUNDS_S) + 1
    assert told.count == 6
    assert told.sum_s == pytest.approx(90.000767)
    (sample,) = named(Readings(store, home / "run/counters").families(None), "model_latency").samples
    assert isinstance(sample[1], Distribution)


def test_nouns_are_counted_by_status(store: Store, home: Path) -> None:
    for number, state in enumerate(("InService", "InService", "Failed")):
        store.records(ACCOUNT, REGION).create(ENDPOINT, f"e{number}", {}, state=state)
    told = named(Readings(store, home / "run/counters").families(ACCOUNT), "endpoints").samples
    assert {labels["status"]: value for labels, value in told} == {"InService": 2.0, "Failed": 1.0}
    assert named(Readings(store, home / "run/counters").families(OTHER), "endpoints").samples == []
