from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.agent.counters import Collector, Ledger
from clary.core.settings import load
from clary.store.counters import Meter, read
from clary.store.points import Range
from clary.store.series import Metric, Series
from clary.store.store import Store, open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
DIMENSIONS = (("EndpointName", "e"), ("VariantName", "v"))


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    store = open_store(load({"home": str(home)}, {}))
    yield store
    store.close()


def total(store: Store, name: str) -> tuple[float, float]:
    now = int(store.clock()) // 60 * 60
    points = store.series(ACCOUNT, REGION).read(
        Metric.of("AWS/SageMaker", name, DIMENSIONS), Range(now - 3600, now + 120, 60)
    )
    return sum(each.summary.count for each in points), sum(each.summary.sum for each in points)


def count(meter: Meter, store: Store, status: int, times: int) -> None:
    for _ in range(times):
        meter.slot(ACCOUNT, REGION, "e", "v").count(status, model_us=1000, overhead_us=50, now=store.clock())


def test_counts_reach_cloudwatch_once(store: Store, home: Path) -> None:
    meter = Meter(home / "run" / "counters", "gateway-0")
    collector = Collector(store, home / "run" / "counters", store.clock)
    count(meter, store, 200, 7)
    count(meter, store, 400, 2)
    collector.collect()
    collector.collect()
    count(meter, store, 500, 1)
    collector.collect()
    assert total(store, "Invocations") == (10, 10)
    assert total(store, "Invocation4XXErrors") == (10, 2)
    assert total(store, "Invocation5XXErrors") == (10, 1)
    assert total(store, "ModelLatency") == (10, 10_000)
    meter.close()
    collector.collect()
    assert list((home / "run" / "counters").iterdir()) == []
    assert total(store, "Invocations") == (10, 10)


@pytest.mark.parametrize("die_before_sending", [True, False])
def test_a_collector_killed_around_the_sending_counts_nothing_twice(
    store: Store, home: Path, die_before_sending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "run" / "counters"
    meter = Meter(folder, "gateway-0")
    Collector(store, folder, store.clock).collect()
    count(meter, store, 200, 5)

    class Killed(BaseException):
        pass

    put = Series.put

    def dying(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        if not die_before_sending:
            put(self, *args, **kwargs)
        raise Killed

    monkeypatch.setattr(Series, "put", dying)
    with pytest.raises(Killed):
        Collector(store, folder, store.clock).collect()
    monkeypatch.undo()
    Collector(store, folder, store.clock).collect()
    count(meter, store, 200, 1)
    Collector(store, folder, store.clock).collect()
    assert total(store, "Invocations") == (6, 6)
    meter.close()


def test_the_ledger_survives(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "x.sent")
    ledger.turn({"k": [1]})
    ledger.turn({"k": [2]})
    again = Ledger.open(tmp_path / "x.sent")
    assert (again.number, again.before, again.after) == (2, {"k": [1]}, {"k": [2]})


def test_a_meter_counts_what_it_is_told(store: Store, home: Path) -> None:
    meter = Meter(home / "run" / "counters", "gateway-0")
    count(meter, store, 200, 3)
    (counter,) = read(meter.path)
    assert (counter.invocations, counter.model_latency.total_us) == (3, 3000)
    meter.close()
