"""From the gateways' counters to CloudWatch: every count once, whatever is killed in between.

What is to be sent is written down before it is sent, under a number that the
series keeps in the same transaction; after a crash the number tells which of the two readings counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.core.clock import Clock
from clary.store.counters import Counter, Latency, bucket_start_us, complete, files, read
from clary.store.series import Datum, Dimensions
from clary.store.store import Store
from clary.store.summaries import Summary

NAMESPACE = "AWS/SageMaker"
SENT = ".sent"
MINUTE_S = 60
COUNTS = (
    ("Invocation4XXErrors", "errors_4xx"),
    ("Invocation5XXErrors", "errors_5xx"),
    ("InvocationModelErrors", "model_errors"),
)
Owner = tuple[str, str]
Totals = dict[str, list[Any]]
"""By a variant's key: the numbers of one reading."""


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
    _ledgers: dict[Path, Ledger] = field(default_factory=dict)

    def collect(self) -> None:
        """Send what was counted since the last time; forget the files of workers that are gone."""
        if not self.folder.is_dir():
            return
        for path in files(self.folder):
            last = complete(path)
            self._collect(path)
            if last:
                path.unlink()
                self._ledgers.pop(path, None)
                path.with_suffix(SENT).unlink(missing_ok=True)

    def _collect(self, path: Path) -> None:
        ledger = self._ledgers.get(path)
        if ledger is None:
            ledger = self._ledgers[path] = Ledger.open(path.with_suffix(SENT))
            self._send(path, ledger)  # A crash may have come between the note and the sending.
        totals = {_key(each): _numbers(each) for each in read(path)}
        if totals != ledger.after:
            ledger.turn(totals)
            self._send(path, ledger)

    def _send(self, path: Path, ledger: Ledger) -> None:
        """Send the difference of the two readings, to each owner whose series does not have it yet."""
        by_owner: dict[Owner, list[Datum]] = {}
        now = self.clock()
        for key, numbers in ledger.after.items():
            account, region, endpoint, variant = json.loads(key)
            dimensions = (("EndpointName", endpoint), ("VariantName", variant))
            data = list(_data(_difference(ledger.before.get(key), numbers), dimensions, now))
            by_owner.setdefault((account, region), []).extend(data)
        for (account, region), data in by_owner.items():
            if data:
                self.store.series(account, region).put(NAMESPACE, data, mark=(path.name, ledger.number))


def _key(counter: Counter) -> str:
    return json.dumps([counter.account, counter.region, counter.endpoint, counter.variant])


def _numbers(counter: Counter) -> list[Any]:
    counts = [counter.invocations, *(getattr(counter, name) for _, name in COUNTS)]
    return [counts, *(_latency(each) for each in (counter.model_latency, counter.overhead_latency))]


def _latency(latency: Latency) -> list[Any]:
    minutes = [[each.minute, each.smallest, each.largest] for each in latency.minutes]
    return [latency.count, latency.total_us, list(latency.buckets), minutes]


def _difference(before: list[Any] | None, after: list[Any]) -> list[Any]:
    if before is None:
        return after
    counts = [new - old for old, new in zip(before[0], after[0], strict=True)]
    return [counts, *(_latency_difference(old, new) for old, new in zip(before[1:], after[1:], strict=True))]


def _latency_difference(before: list[Any], after: list[Any]) -> list[Any]:
    buckets = [new - old for old, new in zip(before[2], after[2], strict=True)]
    return [after[0] - before[0], after[1] - before[1], buckets, after[3]]


def _data(numbers: list[Any], dimensions: Dimensions, now: float) -> Iterator[Datum]:
    (invocations, *errors), model, overhead = numbers
    if invocations <= 0:
        return
    yield Datum("Invocations", dimensions, now, totals=_counted(invocations, invocations))
    for (name, _), count in zip(COUNTS, errors, strict=True):
        yield Datum(name, dimensions, now, totals=_counted(invocations, count))
    for name, latency in (("ModelLatency", model), ("OverheadLatency", overhead)):
        if latency[0] > 0:
            yield Datum(name, dimensions, now, totals=_summary(latency, now), unit="Microseconds")


def _counted(invocations: int, count: int) -> Summary:
    """Return a count as AWS sends it: each invocation brings a 0 or a 1."""
    spread: Mapping[float, float] = {0.0: invocations - count, 1.0: count}
    told = {value: times for value, times in spread.items() if times}
    return Summary(invocations, count, min(told), max(told), told)


def _summary(latency: list[Any], now: float) -> Summary:
    count, total, buckets, minutes = latency
    spread = {float(bucket_start_us(number)): float(times) for number, times in enumerate(buckets) if times}
    recent = [each for each in minutes if each[0] >= int(now) // MINUTE_S - 1]
    low = min((each[1] for each in recent), default=min(spread))
    high = max((each[2] for each in recent), default=max(spread))
    inside: dict[float, float] = {}
    for value, times in spread.items():
        held = min(max(value, low), high)
        inside[held] = inside.get(held, 0.0) + times
    return Summary(count, total, low, high, inside)
