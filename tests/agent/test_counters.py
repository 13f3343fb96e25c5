from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from operator import add
from pathlib import Path

import pytest

from clary.agent.counters import Collector, Ledger
from clary.store import counters
from clary.store.counters import Meter, Times, read
from clary.store.points import Range
from clary.store.series import Metric, Series
from clary.store.store import Store
from clary.store.summaries import Summary

ACCOUNT, REGION = "111111111111", "us-east-1"
DIMENSIONS = (("EndpointName", "e"), ("VariantName", "v"))
BOTH = {
    "Invocations": (2, 2), "InvocationsPerInstance": (2, 2), "Invocation5XXErrors": (2, 1),
    "ModelLatency": (2, 2000), "OverheadLatency": (2, 100),
}  # fmt: skip
"""What is told of two invocations of which one failed."""


def points(store: Store, name: str, period: int = 60) -> list[Summary]:
    now = int(store.clock()) // 60 * 60
    wanted = Range(now - 3600, now + 120, period)
    found = store.series(ACCOUNT, REGION).read(Metric.of("AWS/SageMaker", name, DIMENSIONS), wanted)
    return [each.summary for each in found]


def total(store: Store, name: str, period: int = 60) -> tuple[float, float]:
    found = points(store, name, period)
    return sum(each.count for each in found), sum(each.sum for each in found)


def count(meter: Meter, store: Store, status: int, times: int) -> None:
    for _ in range(times):
        slot = meter.slot(ACCOUNT, REGION, "e", "v")
        slot.count(status, model_us=1000, overhead_us=50, minute=int(store.clock()) // 60)


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


@pytest.fixture
def counted(store: Store, home: Path) -> Iterator[tuple[Meter, Collector]]:
    """Give a worker's meter and its collector, which has sent one invocation."""
    with closing(Meter(home / "run" / "counters", "gateway-0")) as meter:
        meter.slot(ACCOUNT, REGION, "e", "v").spread_over(1)
        count(meter, store, 200, 1)
        collector = Collector(store, home / "run" / "counters", store.clock)
        collector.collect()
        yield meter, collector


def test_a_collection_in_the_middle_of_a_count_loses_nothing_of_it(
    store: Store, counted: tuple[Meter, Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, collector = counted
    add_only = Times.add

    def collect_and_add(self: Times, value_us: int, minute: int) -> None:
        collector.collect()
        add_only(self, value_us, minute)

    monkeypatch.setattr(Times, "add", collect_and_add)
    count(meter, store, 500, 1)
    collector.collect()
    assert {name: total(store, name) for name in BOTH} == BOTH


def test_a_count_in_the_middle_of_a_collection_is_told_whole(
    store: Store, counted: tuple[Meter, Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, collector = counted
    look, late = counters._latency, iter([500])

    def count_and_look(words: memoryview[int], at: int) -> counters.Latency:
        for status in late:
            count(meter, store, status, 1)
        return look(words, at)

    monkeypatch.setattr(counters, "_latency", count_and_look)
    collector.collect()
    assert {name: total(store, name) for name in BOTH} == BOTH


def test_what_gateways_count_is_served_in_periods_of_ten_seconds(store: Store, home: Path) -> None:
    meter = Meter(home / "run" / "counters", "gateway-0")
    count(meter, store, 200, 3)
    Collector(store, home / "run" / "counters", store.clock).collect()
    assert total(store, "Invocations", period=10) == (3, 3)
    assert total(store, "OverheadLatency", period=10) == (3, 150)
    meter.close()


def test_streams_reach_cloudwatch_when_they_begin_and_when_they_end(store: Store, home: Path) -> None:
    meter = Meter(home / "run" / "counters", "gateway-0")
    collector = Collector(store, home / "run" / "counters", store.clock)
    slot = meter.slot(ACCOUNT, REGION, "e", "v")
    slot.count_first_chunk(model_us=700, overhead_us=30, minute=int(store.clock()) // 60)
    collector.collect()
    assert total(store, "FirstChunkLatency") == (1, 730)
    assert total(store, "MidStreamErrors") == total(store, "Invocations") == (0, 0)
    slot.count_first_chunk(model_us=900, overhead_us=50, minute=int(store.clock()) // 60)
    slot.count_stream(broken=True)
    slot.count_stream(broken=False)
    collector.collect()
    assert total(store, "FirstChunkLatency") == (2, 1680)
    assert total(store, "FirstChunkModelLatency") == (2, 1600)
    assert total(store, "FirstChunkOverheadLatency") == (2, 80)
    assert total(store, "MidStreamErrors") == (2, 1)
    meter.close()


def test_an_invocation_counts_for_its_part_of_the_instances(store: Store, home: Path) -> None:
    meter = Meter(home / "run" / "counters", "gateway-0")
    meter.slot(ACCOUNT, REGION, "e", "v").spread_over(4)
    count(meter, store, 200, 10)
    Collector(store, home / "run" / "counters", store.clock).collect()
    assert total(store, "InvocationsPerInstance") == (10, 2.5)
    meter.close()


def test_requests_at_once_are_those_of_all_workers_divided_by_the_instances(store: Store, home: Path) -> None:
    meters = [Meter(home / "run" / "counters", f"gateway-{number}") for number in range(2)]
    collector = Collector(store, home / "run" / "counters", store.clock)
    for meter, seen in zip(meters, ((6, 2), (0, 0)), strict=True):
        slot = meter.slot(ACCOUNT, REGION, "e", "v")
        slot.spread_over(2)
        for under_way in seen:
            slot.sample(under_way)
    collector.collect()
    (told,) = points(store, "ConcurrentRequestsPerModel", period=10)
    assert (told.count, told.sum, told.max) == (2, 4, 2)
    collector.collect()  # nobody looked again: nothing is told
    assert total(store, "ConcurrentRequestsPerModel") == (2, 4)
    for meter in meters:
        meter.close()


def test_the_extremes_of_an_interval_are_not_those_of_the_minute_before_it(store: Store, home: Path) -> None:
    now = store.clock() // 60 * 60
    meter = Meter(home / "run" / "counters", "gateway-0")
    slot = meter.slot(ACCOUNT, REGION, "e", "v")
    for later, value in ((10.1, 9_000_000), (20.1, 100)):
        slot.count(200, model_us=value, overhead_us=1, minute=int(now) // 60)
        Collector(store, home / "run" / "counters", partial(add, now, later)).collect()
    told = points(store, "ModelLatency", period=10)
    assert [(each.count, each.sum) for each in told] == [(1, 9_000_000), (1, 100)]
    assert told[0].max == 9_000_000
    assert told[1].max <= 112
    meter.close()


def test_a_file_of_another_version_is_passed_over(store: Store, home: Path) -> None:
    folder = home / "run" / "counters"
    folder.mkdir(parents=True)
    (folder / "gateway-0-old.counters").write_bytes(b"CLARYCT1" * 100)
    (folder / "gateway-0-old.sent").write_text('{"number": 1, "before": {}, "after": {"[]": [1, [0, 0, 0], 1]}}')
    Collector(store, folder, store.clock).collect()
    assert list(folder.iterdir()) == []


def test_counts_are_collected_at_every_multiple_of_the_interval_and_belong_to_the_one_before(
    store: Store, home: Path
) -> None:
    collector = Collector(store, home / "run" / "counters", lambda: 1003.2)
    assert collector.due == 0
    collector.collect()
    assert collector.due == 1005


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
