"""From the gateways' counters to CloudWatch: every count once, whatever is killed in between.

What is to be sent is written down before it is sent, under a number that the
series keeps in the same transaction; after a crash the number tells which of the two readings counts.
How many requests were under way is no count: what a crash loses of it is lost.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from clary.core.clock import Clock
from clary.store.counters import Counter, Latency, bucket_start_us, complete, files, read
from clary.store.series import Datum, Dimensions
from clary.store.store import Store
from clary.store.summaries import Summary

log = logging.getLogger(__name__)

NAMESPACE = "AWS/SageMaker"
SENT = ".sent"
MINUTE_S = 60
COLLECT_S = 5
"""How often counts are sent: at every multiple, so that a period of ten seconds is complete when it ends."""
LATE_S = 2
"""A collection that comes later than this after its time no longer knows which interval its counts are of."""
ERRORS = (
    ("Invocation4XXErrors", "errors_4xx", "invocations"),
    ("Invocation5XXErrors", "errors_5xx", "invocations"),
    ("InvocationModelErrors", "model_errors", "invocations"),
    ("MidStreamErrors", "mid_stream_errors", "streams"),
)
"""Names of metrics, what they count, and of what."""
COUNTS = ("invocations", "per_instance_e9", "streams", *(count for _, count, _ in ERRORS))
LATENCIES = (
    ("ModelLatency", "model_latency"),
    ("OverheadLatency", "overhead_latency"),
    ("FirstChunkLatency", "first_chunk_latency"),
    ("FirstChunkModelLatency", "first_chunk_model_latency"),
    ("FirstChunkOverheadLatency", "first_chunk_overhead_latency"),
)
Owner = tuple[str, str]
Numbers = dict[str, Any]
"""What one reading tells of a variant: counts, and those latencies of which there were any."""
Totals = dict[str, Numbers]
"""By a variant's key."""


@dataclass
class Ledger:
    """The last two readings of one worker's file, and the number of the newer."""

    path: Path
    number: int = 0
    before: Totals = field(default_factory=dict)
    after: Totals = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Return the ledger as it was written last."""
        try:
            return cls(path, **json.loads(path.read_text()))
        except FileNotFoundError:
            return cls(path)

    def turn(self, totals: Totals) -> None:
        """Write a new reading down, durably, before any of it is sent."""
        self.number, self.before, self.after = self.number + 1, self.after, totals
        draft = self.path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump({"number": self.number, "before": self.before, "after": self.after}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path)


@dataclass
class Collector:
    """Reads the counters of every gateway worker."""

    store: Store
    folder: Path
    clock: Clock
    due: float = 0.0  # when to collect next
    _ledgers: dict[Path, Ledger] = field(default_factory=dict)
    _sampled: dict[Path, dict[str, Counter]] = field(default_factory=dict)

    def collect(self) -> None:
        """Send what was counted since the last time; forget the files of workers that are gone."""
        now = self.clock()
        self.due = (now // COLLECT_S + 1) * COLLECT_S
        if not self.folder.is_dir():
            return
        found = list(chain.from_iterable(self._collect(path, _ended(now)) for path in files(self.folder)))
        self._send_concurrency(found, _ended(now))

    def _collect(self, path: Path, at: float) -> list[tuple[Counter, float]]:
        """Send the counts of one worker; return how many requests it had under way, by variant."""
        last = complete(path)
        try:
            counters = read(path)
        except ValueError as error:  # of another version, as what was noted of it may be
            log.warning("%s", error)
            counters = []
        else:
            self._send_counts(path, counters, at)
        if last:
            self._forget(path)
            return []
        before, after = self._sampled.get(path, {}), {_key(each): each for each in counters}
        self._sampled[path] = after
        return [(each, _under_way(before.get(key), each)) for key, each in after.items() if _looked(before, key, each)]

    def _forget(self, path: Path) -> None:
        path.unlink()
        self._ledgers.pop(path, None)
        self._sampled.pop(path, None)
        path.with_suffix(SENT).unlink(missing_ok=True)

    def _send_counts(self, path: Path, counters: list[Counter], at: float) -> None:
        ledger = self._ledgers.get(path)
        if ledger is None:
            ledger = self._ledgers[path] = Ledger.open(path.with_suffix(SENT))
            self._send(path, ledger, at)  # A crash may have come between the note and the sending.
        shown = {_key(each): _numbers(each) for each in counters}
        totals = {key: _settled(ledger.after.get(key, {}), numbers) for key, numbers in shown.items()}
        if totals != ledger.after:
            ledger.turn(totals)
            self._send(path, ledger, at)

    def _send(self, path: Path, ledger: Ledger, at: float) -> None:
        """Send the difference of the two readings, to each owner whose series does not have it yet."""
        by_owner: dict[Owner, list[Datum]] = {}
        for key, numbers in ledger.after.items():
            account, region, endpoint, variant = json.loads(key)
            data = list(_data(_difference(ledger.before.get(key, {}), numbers), _dimensions(endpoint, variant), at))
            by_owner.setdefault((account, region), []).extend(data)
        for (account, region), data in by_owner.items():
            if data:
                self.store.series(account, region).put(NAMESPACE, data, mark=(path.name, ledger.number))

    def _send_concurrency(self, found: list[tuple[Counter, float]], at: float) -> None:
        """Send how many requests an instance had at once; a variant's are those of all workers."""
        instances: dict[str, int] = {}
        under_way: dict[str, float] = {}
        for counter, seen in found:
            key = _key(counter)
            instances[key] = max(instances.get(key, 1), counter.instances)
            under_way[key] = under_way.get(key, 0.0) + seen
        by_owner: dict[Owner, list[Datum]] = {}
        for key, total in under_way.items():
            account, region, endpoint, variant = json.loads(key)
            each = total / instances[key]
            told = Summary.of_totals(instances[key], total, each, each)
            dimensions = _dimensions(endpoint, variant)
            datum = Datum("ConcurrentRequestsPerModel", dimensions, at, totals=told, high_resolution=True)
            by_owner.setdefault((account, region), []).append(datum)
        for (account, region), data in by_owner.items():
            self.store.series(account, region).put(NAMESPACE, data)


def _ended(now: float) -> float:
    """Return the beginning of the interval that has just ended."""
    boundary = now // COLLECT_S * COLLECT_S
    return boundary - COLLECT_S if now - boundary < LATE_S else now


def _dimensions(endpoint: str, variant: str) -> Dimensions:
    return (("EndpointName", endpoint), ("VariantName", variant))


def _looked(before: Mapping[str, Counter], key: str, after: Counter) -> bool:
    return after.samples > (before[key].samples if key in before else 0)


def _under_way(before: Counter | None, after: Counter) -> float:
    """Return how many requests were under way on average between two readings."""
    samples, sampled = (before.samples, before.sampled) if before else (0, 0)
    return (after.sampled - sampled) / (after.samples - samples)


def _key(counter: Counter) -> str:
    return json.dumps([counter.account, counter.region, counter.endpoint, counter.variant])


def _numbers(counter: Counter) -> Numbers:
    latencies = ((name, getattr(counter, name)) for _, name in LATENCIES)
    return {
        **{name: getattr(counter, name) for name in COUNTS},
        **{name: _latency(each) for name, each in latencies if each.count},
    }


def _settled(before: Numbers, after: Numbers) -> Numbers:
    """Return a reading without what belongs to invocations and streams that it does not show yet."""
    come = {name: after[name] - before.get(name, 0) for name in ("invocations", "streams")}
    errors = {count: min(after[count], before.get(count, 0) + come[among]) for _, count, among in ERRORS}
    parts = {} if come["invocations"] else {"per_instance_e9": before.get("per_instance_e9", 0)}
    still = {name: before[name] for _, name in LATENCIES if name in before and before[name][1] == after[name][1]}
    return {**after, **errors, **parts, **still}


def _latency(latency: Latency) -> list[Any]:
    minutes = [[each.minute, each.smallest, each.largest] for each in latency.minutes]
    return [latency.total_us, list(latency.buckets), minutes]


def _difference(before: Numbers, after: Numbers) -> Numbers:
    """Return what came since `before`, which may tell of less."""
    return {
        name: _latency_difference(before.get(name), new) if isinstance(new, list) else new - before.get(name, 0)
        for name, new in after.items()
    }


def _latency_difference(before: list[Any] | None, after: list[Any]) -> list[Any]:
    if before is None:
        return after
    buckets = [new - old for old, new in zip(before[1], after[1], strict=True)]
    return [after[0] - before[0], buckets, after[2]]


def _data(numbers: Numbers, dimensions: Dimensions, at: float) -> Iterator[Datum]:
    def datum(name: str, told: Summary, unit: str = "None") -> Datum:
        return Datum(name, dimensions, at, totals=told, unit=unit, high_resolution=True)

    if invocations := numbers["invocations"]:
        part = numbers["per_instance_e9"] / 1e9
        yield datum("Invocations", _counted(invocations, invocations))
        yield datum("InvocationsPerInstance", Summary.of_totals(invocations, part, *[part / invocations] * 2))
    for name, count, among in ERRORS:
        if numbers[among]:
            yield datum(name, _counted(numbers[among], numbers[count]))
    for name, latency in LATENCIES:
        if any(numbers.get(latency, (0, ()))[1]):
            yield datum(name, _summary(numbers[latency], at), "Microseconds")


def _counted(times: int, count: int) -> Summary:
    """Return a count as AWS sends it: each of the times brings a 0 or a 1."""
    spread: Mapping[float, float] = {0.0: times - count, 1.0: count}
    told = {value: times for value, times in spread.items() if times}
    return Summary(times, count, min(told), max(told), told)


def _summary(latency: list[Any], at: float) -> Summary:
    """Return latencies as a summary; the extremes are a minute's, so they hold within the outermost buckets only."""
    total, buckets, minutes = latency
    spread = {number: float(times) for number, times in enumerate(buckets) if times}
    recent = [each for each in minutes if each[0] >= int(at) // MINUTE_S - 1]
    first, last = min(spread), max(spread)
    low = float(max(bucket_start_us(first), min((each[1] for each in recent), default=0)))
    end = bucket_start_us(last + 1)
    high = float(min(end, max((each[2] for each in recent), default=end)))
    inside: dict[float, float] = {}
    for number, times in spread.items():
        held = min(max(float(bucket_start_us(number)), low), high)
        inside[held] = inside.get(held, 0.0) + times
    return Summary(sum(spread.values()), total, low, high, inside)
