"""Counters that outlive the worker that counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clary.store import counters
from clary.store.counters import Extremes, Meter

KEY = ("123456789012", "us-east-1", "churn", "AllTraffic")
MINUTE = 1_000_000
COUNT_FOR_EVER = """
import sys
from pathlib import Path
from clary.store.counters import Meter
slot = Meter(Path(sys.argv[1]), "gateway-0").slot("123456789012", "us-east-1", "churn", "AllTraffic")
done = 0
while True:
    slot.count(200, model_us=5, overhead_us=1, minute=1)
    done += 1
    if done % 1000 == 0:
        print(done, flush=True)
"""


@pytest.fixture
def meter(tmp_path):
    meter = Meter(tmp_path, "gateway-0")
    yield meter
    meter.close()


def test_what_is_counted_is_what_is_read(meter):
    slot = meter.slot(*KEY)
    for status in (200, 201, 400, 499, 500, 503, 0):
        slot.count(status, model_us=1000, overhead_us=10, minute=MINUTE)
    (counter,) = counters.read(meter.path)
    assert (counter.account, counter.region, counter.endpoint, counter.variant) == KEY
    assert (counter.invocations, counter.errors_4xx, counter.errors_5xx, counter.model_errors) == (7, 2, 2, 5)
    assert (counter.model_latency.count, counter.model_latency.total_us) == (7, 7000)
    assert (counter.overhead_latency.count, counter.overhead_latency.total_us) == (7, 70)


def test_streams_are_counted_when_their_first_chunk_is_sent_and_when_they_end(meter):
    slot = meter.slot(*KEY)
    for model_us, overhead_us in ((700, 30), (900, 50)):
        slot.count_first_chunk(model_us=model_us, overhead_us=overhead_us, minute=MINUTE)
    for broken in (False, True, False):
        slot.count_stream(broken=broken)
    (counter,) = counters.read(meter.path)
    assert (counter.streams, counter.mid_stream_errors, counter.invocations) == (3, 1, 0)
    assert (counter.first_chunk_latency.count, counter.first_chunk_latency.total_us) == (2, 1680)
    assert counter.first_chunk_latency.extremes(MINUTE) == (730, 950)
    assert counter.first_chunk_model_latency.total_us == 1600
    assert counter.first_chunk_overhead_latency.total_us == 80


def test_each_invocation_counts_for_its_part_of_the_instances_that_there_are(meter):
    slot = meter.slot(*KEY)
    for instances, times in ((1, 3), (4, 8)):
        slot.spread_over(instances)
        for _ in range(times):
            slot.count(200, model_us=1, overhead_us=1, minute=MINUTE)
    (counter,) = counters.read(meter.path)
    assert (counter.instances, counter.per_instance_e9) == (4, 5_000_000_000)


def test_what_was_under_way_is_summed_over_the_times_it_was_looked_at(meter):
    slot = meter.slot(*KEY)
    for under_way in (3, 0, 5):
        slot.sample(under_way)
    (counter,) = counters.read(meter.path)
    assert (counter.samples, counter.sampled, counter.invocations) == (3, 8, 0)


def test_variants_are_counted_apart_and_each_slot_is_found_again(meter):
    for number in range(50):
        for _ in range(number):
            meter.slot("123456789012", "us-east-1", f"e{number}", "A").count(
                200, model_us=1, overhead_us=1, minute=MINUTE
            )
    told = {each.endpoint: each.invocations for each in counters.read(meter.path)}
    assert told == {f"e{number}": number for number in range(1, 50)}


def test_extremes_are_kept_for_this_minute_and_the_one_before(meter):
    slot = meter.slot(*KEY)
    for minute, values in ((0, (7, 900)), (1, (50, 20, 80)), (2, (30, 60))):
        for value in values:
            slot.count(200, model_us=value, overhead_us=0, minute=MINUTE + minute)
    latency = counters.read(meter.path)[0].model_latency
    first = MINUTE
    assert latency.minutes == (Extremes(first + 1, 20, 80), Extremes(first + 2, 30, 60))
    assert latency.extremes(first + 2) == (30, 60)
    assert latency.extremes(first + 1) == (20, 80)
    assert latency.extremes(first + 3) is None


def test_the_histogram_counts_every_value_in_the_bucket_it_lies_in(meter):
    slot = meter.slot(*KEY)
    values = [0, 1, 3, 4, 7, 8, 100, 12_345, 60_000_000, 2**40]
    for value in values:
        slot.count(200, model_us=value, overhead_us=0, minute=MINUTE)
    buckets = counters.read(meter.path)[0].model_latency.buckets
    assert sum(buckets) == len(values)
    for value in values[:-1]:
        number = counters.bucket(value)
        assert buckets[number]
        assert counters.bucket_start_us(number) <= value < counters.bucket_start_us(number + 1)
    assert buckets[-1] == 1


def test_buckets_are_in_order_and_each_begins_where_the_one_before_ends():
    starts = [counters.bucket_start_us(number) for number in range(counters.BUCKETS)]
    assert starts == sorted(set(starts))
    assert all(counters.bucket(start) == number for number, start in enumerate(starts))
    assert all(counters.bucket(start - 1) == number - 1 for number, start in enumerate(starts) if number)


def test_too_many_variants_are_still_counted_without_a_name(tmp_path, caplog):
    meter = Meter(tmp_path, "gateway-0")
    for number in range(counters.SLOTS_MAX + 10):
        meter.slot("1", "r", str(number), "v").count(200, model_us=1, overhead_us=1, minute=MINUTE)
    told = counters.read(meter.path)
    assert sum(each.invocations for each in told) == counters.SLOTS_MAX + 10
    assert told[-1].endpoint == ""
    assert told[-1].invocations == 11
    assert caplog.messages == [f"more than {counters.SLOTS_MAX} variants: counting the others without a name"]
    meter.close()


def test_a_file_is_complete_once_its_worker_has_gone(tmp_path):
    meter = Meter(tmp_path, "gateway-0")
    meter.slot(*KEY).count(200, model_us=1, overhead_us=1, minute=MINUTE)
    assert counters.files(tmp_path) == [meter.path]
    assert not counters.complete(meter.path)
    meter.close()
    assert counters.complete(meter.path)
    assert counters.read(meter.path)[0].invocations == 1


def test_a_killed_worker_takes_no_count_along(tmp_path):
    worker = subprocess.Popen(
        [sys.executable, "-c", COUNT_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, env=_environment()
    )
    with worker:
        told = [int(worker.stdout.readline()) for _ in range(5)]
        (path,) = counters.files(tmp_path)
        assert not counters.complete(path)
        worker.send_signal(signal.SIGKILL)
        told += [int(line) for line in worker.stdout]
    assert counters.complete(path)
    counted = counters.read(path)[0].invocations
    assert told[-1] <= counted <= told[-1] + 1000


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    path = tmp_path / "odd.counters"
    path.write_bytes(b"x" * counters.FILE_BYTES)
    with pytest.raises(ValueError, match="does not hold counters"):
        counters.read(path)


def _environment():
    source = Path(__file__).parents[2] / "src"
    return {**os.environ, "PYTHONPATH": str(source)}
