"""What Clary tells other monitoring systems of itself: totals, distributions and present numbers, by labels.

Totals are those of the gateways' own counters, each worker's by itself, so that one that is started anew counts from
zero as Prometheus and OpenTelemetry expect. CloudWatch is told the same counts by the agent.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from pathlib import Path

from clary.resources.endpoint import ENDPOINT
from clary.resources.instance import INSTANCE, Instance
from clary.resources.training_job import TRAINING_JOB
from clary.store.counters import Counter, Latency, complete, files, read
from clary.store.records import Kind
from clary.store.store import Store

FIRST_OCTAVE, LAST_OCTAVE = 7, 26
BOUNDS_S = tuple(2**octave / 1e6 for octave in range(FIRST_OCTAVE, LAST_OCTAVE + 1))
"""Of latencies: from an eighth of a millisecond to a minute, each twice the one before."""
QUARTERS = 4  # that the counters divide an octave into
Labels = Mapping[str, str]


class Sort(StrEnum):
    """What kind of numbers a family has."""

    TOTAL = "counter"
    NUMBER = "gauge"
    DISTRIBUTION = "histogram"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many values there were up to each of BOUNDS_S and since the one before, those above all last."""

    counts: Sequence[int]
    sum_s: float

    @property
    def count(self) -> int:
        """Return how many values there were."""
        return sum(self.counts)

    def up_to(self) -> list[int]:
        """Return how many values there were up to each bound, and in all."""
        return list(accumulate(self.counts))


@dataclass(frozen=True, slots=True)
class Family:
    """Numbers of one name; distributions are of seconds."""

    name: str  # in words, with dots between
    help: str
    sort: Sort
    samples: Sequence[tuple[Labels, float | Distribution]]


TOTALS: Sequence[tuple[str, str, Callable[[Counter], int]]] = (
    ("invocations", "Invocations that reached a model.", lambda each: each.invocations),
    ("invocation_4xx_errors", "Invocations that the model answered with a 4xx status.", lambda each: each.errors_4xx),
    ("invocation_5xx_errors", "Invocations that the model answered with a 5xx status.", lambda each: each.errors_5xx),
    ("invocation_model_errors", "Invocations without a 2xx answer of the model.", lambda each: each.model_errors),
    ("streams", "Answers as streams that began and have ended.", lambda each: each.streams),
    ("mid_stream_errors", "Streams that an error ended after they had begun.", lambda each: each.mid_stream_errors),
)
LATENCIES: Sequence[tuple[str, str, Callable[[Counter], Latency]]] = (
    ("model_latency", "How long the model took to answer.", lambda each: each.model_latency),
    ("overhead_latency", "How long Clary took beside the model.", lambda each: each.overhead_latency),
    ("first_chunk_latency", "How long the first chunk of a stream took.", lambda each: each.first_chunk_latency),
    (
        "first_chunk_model_latency",
        "How long the model took for the first chunk of a stream.",
        lambda each: each.first_chunk_model_latency,
    ),
    (
        "first_chunk_overhead_latency",
        "How long Clary took beside the model for the first chunk of a stream.",
        lambda each: each.first_chunk_overhead_latency,
    ),
)


@dataclass(frozen=True, slots=True)
class Readings:
    """Where the numbers come from."""

    store: Store
    counters: Path

    def families(self, account: str | None) -> list[Family]:
        """Return all families as they stand now, of one account or of all."""
        return [*self._invocations(account), *self._nouns(account)]

    def _invocations(self, account: str | None) -> Iterator[Family]:
        counted = [
            (_labels(each, worker), each) for worker, each in self._counters() if account in (None, each.account)
        ]
        for name, text, value in TOTALS:
            yield Family(
                f"sagemaker.{name}", text, Sort.TOTAL, [(labels, float(value(each))) for labels, each in counted]
            )
        for name, text, latency in LATENCIES:
            samples = [(labels, distribution(told)) for labels, each in counted if (told := latency(each)).count]
            yield Family(f"sagemaker.{name}", text, Sort.DISTRIBUTION, samples)

    def _counters(self) -> Iterator[tuple[str, Counter]]:
        """Give what the workers that live have counted, with their names."""
        for path in files(self.counters):
            try:
                counters = [] if complete(path) else read(path)
            except FileNotFoundError:  # the agent has read it for the last time meanwhile
                continue
            worker = path.name.rpartition("-")[0]
            yield from ((worker, each) for each in counters if each.endpoint)

    def _nouns(self, account: str | None) -> Iterator[Family]:
        for name, kind in (("endpoints", ENDPOINT), ("training_jobs", TRAINING_JOB)):
            text = f"{name.replace('_', ' ').capitalize()} by status."
            yield Family(f"sagemaker.{name}", text, Sort.NUMBER, self._states(kind, account))
        yield Family("sagemaker.instances", "Instances of endpoints.", Sort.NUMBER, self._instances(account))

    def _states(self, kind: Kind, account: str | None) -> list[tuple[Labels, float]]:
        return [
            ({"account": owner, "region": region, "status": state}, float(count))
            for (owner, region, state), count in self.store.world.states(kind).items()
            if account in (None, owner)
        ]

    def _instances(self, account: str | None) -> list[tuple[Labels, float]]:
        tally = Tally[tuple[str, ...]]()
        for record in self.store.world.all(INSTANCE):
            each = Instance.read(record)
            if each.spec.serving is not None and account in (None, record.account):
                serving, phase = each.spec.serving, "Ready" if each.status.ready and not each.ended else each.phase
                told = (record.account, record.region, serving.endpoint, serving.variant, each.spec.zone, str(phase))
                tally[told] += 1
        names = ("account", "region", "endpoint", "variant", "zone", "phase")
        return [(dict(zip(names, told, strict=True)), float(count)) for told, count in sorted(tally.items())]


def distribution(latency: Latency) -> Distribution:
    """Return a latency's quarters of octaves as the coarser buckets that others are told."""
    ends = [QUARTERS * (octave - 1) for octave in range(FIRST_OCTAVE, LAST_OCTAVE + 1)]
    starts = [0, *ends]
    counts = [sum(latency.buckets[start:end]) for start, end in zip(starts, [*ends, None], strict=True)]
    return Distribution(counts, latency.total_us / 1e6)


def _labels(counter: Counter, worker: str) -> Labels:
    return {
        "account": counter.account,
        "region": counter.region,
        "endpoint": counter.endpoint,
        "variant": counter.variant,
        "worker": worker,
    }
