"""What a gateway worker counts, in a file that it maps: a worker that is killed takes no count along.

Every number only grows, so a reader takes differences. What makes an invocation or a stream count is written
last and read first: a reader that looks in the middle of an update may see what belongs to one that it does not
see yet, never less than belongs to those it sees. A worker holds a lock on its file for life: a file without
one is complete, and may be deleted once it is read.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.core.ids import uid

log = logging.getLogger(__name__)

MAGIC = int.from_bytes(b"CLARYCT3", "little")
WORD_BYTES = 8
HEADER_WORDS = 8
KEY_BYTES = 256
SLOTS_MAX = 4096
"""Variants that one worker tells apart; what comes after is counted under an empty name."""
BUCKETS = 112
"""Of a latency's histogram: four an octave, up to about four minutes."""
MINUTE_S = 60
EXTREMES = 3  # minute, smallest, largest
MINUTES_KEPT = 2
LATENCY_WORDS = 1 + EXTREMES * MINUTES_KEPT + BUCKETS
COUNTS = (
    "errors_4xx", "errors_5xx", "model_errors", "per_instance_e9", "samples", "sampled", "instances", "streams",
    "mid_stream_errors",
)  # fmt: skip
ERRORS_4XX, ERRORS_5XX, MODEL_ERRORS, PER_INSTANCE, SAMPLES, SAMPLED, INSTANCES, STREAMS, MID_STREAM_ERRORS = range(9)
LATENCIES = (
    "model_latency", "overhead_latency", "first_chunk_latency", "first_chunk_model_latency",
    "first_chunk_overhead_latency",
)  # fmt: skip
KEY_WORDS = KEY_BYTES // WORD_BYTES
COUNTS_AT = KEY_WORDS
LATENCIES_AT = tuple(COUNTS_AT + len(COUNTS) + LATENCY_WORDS * number for number in range(len(LATENCIES)))
SLOT_WORDS = LATENCIES_AT[-1] + LATENCY_WORDS
FILE_BYTES = (HEADER_WORDS + SLOTS_MAX * SLOT_WORDS) * WORD_BYTES
SUFFIX = ".counters"
Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Extremes:
    """The smallest and largest value of one minute since the epoch, in microseconds."""

    minute: int
    smallest: int
    largest: int


@dataclass(frozen=True, slots=True)
class Latency:
    """A sum of latencies in microseconds since the worker began, and the extremes of its last two minutes."""

    total_us: int
    buckets: tuple[int, ...]
    minutes: tuple[Extremes, ...]

    @property
    def count(self) -> int:
        """Return how many there were."""
        return sum(self.buckets)

    def extremes(self, since_minute: int) -> tuple[int, int] | None:
        """Return the smallest and largest value of the minutes from `since_minute` on, or None."""
        told = [each for each in self.minutes if each.minute >= since_minute]
        return (min(each.smallest for each in told), max(each.largest for each in told)) if told else None


NO_LATENCY = Latency(0, (0,) * BUCKETS, ())


@dataclass(frozen=True, slots=True)
class Counter:
    """All that one worker counted of one variant since it began."""

    account: str
    region: str
    endpoint: str
    variant: str
    errors_4xx: int
    errors_5xx: int
    model_errors: int
    per_instance_e9: int  # each invocation adds one divided by the number of instances, in billionths
    samples: int  # how often it was looked how many requests were under way
    sampled: int  # the sum of what was seen
    instances: int  # that the route leads to now
    streams: int  # that have ended after they had begun
    mid_stream_errors: int  # of them
    model_latency: Latency
    overhead_latency: Latency
    first_chunk_latency: Latency
    first_chunk_model_latency: Latency
    first_chunk_overhead_latency: Latency

    @property
    def invocations(self) -> int:
        """Return how many there were."""
        return self.model_latency.count


class Meter:
    """The file of one worker; `minute` since the epoch is kept right by whoever counts."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.minute = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{worker}-{uid()}{SUFFIX}"
        # Locked before it bears its name, so that no reader takes it for a dead worker's.
        unnamed = self.path.with_suffix(".new")
        self._descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        os.ftruncate(self._descriptor, FILE_BYTES)
        self._map = mmap.mmap(self._descriptor, FILE_BYTES)
        self._words = memoryview(self._map).cast("Q")
        self._words[0] = MAGIC
        os.rename(unnamed, self.path)
        self._slots: dict[Key, Slot] = {}

    def slot(self, account: str, region: str, endpoint: str, variant: str) -> Slot:
        """Return where the invocations of a variant are counted."""
        key = (account, region, endpoint, variant)
        slot = self._slots.get(key)
        return slot if slot is not None else self._add(key)

    def close(self) -> None:
        """Give the file to its readers."""
        self._slots.clear()
        self._words.release()
        self._map.close()
        os.close(self._descriptor)

    def _add(self, key: Key) -> Slot:
        used = len(self._slots)
        text = "\0".join(key).encode()
        if used >= SLOTS_MAX - 1 or len(text) > KEY_BYTES:
            return self._remainder()
        return self._place(key, text, used)

    def _remainder(self) -> Slot:
        key = ("", "", "", "")
        if key in self._slots:
            return self._slots[key]
        log.error("more than %d variants: counting the others without a name", SLOTS_MAX)
        return self._place(key, b"\0\0\0", len(self._slots))

    def _place(self, key: Key, text: bytes, number: int) -> Slot:
        at = HEADER_WORDS + number * SLOT_WORDS
        self._map[at * WORD_BYTES : at * WORD_BYTES + KEY_BYTES] = text.ljust(KEY_BYTES, b"\0")
        self._words[1] = number + 1  # readers look no further than this, so the key comes first
        self._slots[key] = slot = Slot(self._words, at)
        return slot


class Slot:
    """The numbers of one variant in the map; to be used by one thread."""

    __slots__ = ("_at", "_first_chunk", "_model", "_overhead", "_part_e9", "_words")

    def __init__(self, words: memoryview[int], at: int) -> None:
        self._words = words
        self._at = at + COUNTS_AT
        self._model, self._overhead, *self._first_chunk = (Times(words, at + each) for each in LATENCIES_AT)
        self._part_e9 = 0

    def spread_over(self, instances: int) -> None:
        """Note how many instances take the variant's invocations from now on."""
        self._words[self._at + INSTANCES] = instances
        self._part_e9 = round(1e9 / max(1, instances))

    def count(self, status: int, *, model_us: int, overhead_us: int, minute: int) -> None:
        """Count one invocation; `status` is the model's own, 0 if it gave none."""
        self._words[self._at + PER_INSTANCE] += self._part_e9
        if status != 200 and not 200 <= status < 300:
            self._count_error(status)
        self._overhead.add(overhead_us, minute)
        self._model.add(model_us, minute)

    def count_first_chunk(self, *, model_us: int, overhead_us: int, minute: int) -> None:
        """Count how long the first chunk of a stream took: the model, and all else until it was sent on."""
        for times, value_us in zip(self._first_chunk, (model_us + overhead_us, model_us, overhead_us), strict=True):
            times.add(value_us, minute)

    def count_stream(self, *, broken: bool) -> None:
        """Count a stream that has ended; `broken` is whether an error ended it after it had begun."""
        self._words[self._at + MID_STREAM_ERRORS] += broken
        self._words[self._at + STREAMS] += 1

    def sample(self, under_way: int) -> None:
        """Note how many requests are under way."""
        self._words[self._at + SAMPLED] += under_way
        self._words[self._at + SAMPLES] += 1

    def _count_error(self, status: int) -> None:
        self._words[self._at + MODEL_ERRORS] += 1
        if 400 <= status < 500:
            self._words[self._at + ERRORS_4XX] += 1
        elif status >= 500:
            self._words[self._at + ERRORS_5XX] += 1


class Times:
    """The latencies of one kind of one variant: their sum, how they spread, their extremes minute by minute."""

    __slots__ = ("_at", "_buckets", "_largest", "_minute", "_ring", "_smallest", "_words")

    def __init__(self, words: memoryview[int], at: int) -> None:
        self._words = words
        self._at = at
        self._buckets = at + 1 + EXTREMES * MINUTES_KEPT
        self._minute = -1
        self._smallest = self._largest = self._ring = 0

    def add(self, value_us: int, minute: int) -> None:
        """Add one; what is in the map already is not read again where it is known."""
        words = self._words
        words[self._at] += value_us
        if minute != self._minute:
            self._begin(value_us, minute)
        elif value_us < self._smallest:
            self._smallest = words[self._ring + 1] = value_us
        elif value_us > self._largest:
            self._largest = words[self._ring + 2] = value_us
        words[self._buckets + (SMALL[value_us] if value_us < SMALL_US else bucket(value_us))] += 1

    def _begin(self, value_us: int, minute: int) -> None:
        self._minute = minute
        self._smallest = self._largest = value_us
        self._ring = ring = self._at + 1 + EXTREMES * (minute % MINUTES_KEPT)
        self._words[ring] = 0  # belongs to no minute while it is rewritten
        self._words[ring + 1] = self._words[ring + 2] = value_us
        self._words[ring] = minute


def read(path: Path) -> list[Counter]:
    """Return what stands in a worker's file now."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        words = memoryview(mapped).cast("Q")
        try:
            if words[0] != MAGIC:
                raise ValueError(f"{path} does not hold counters")
            return [_counter(mapped, words, number) for number in range(words[1])]
        finally:
            words.release()


def files(folder: Path) -> list[Path]:
    """Return the files of all workers, dead or alive."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def complete(path: Path) -> bool:
    """Say whether nothing will be added to a file any more; ask before reading it for the last time."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def bucket(value_us: int) -> int:
    """Return the number of the bucket that counts a latency."""
    octave = value_us.bit_length() - 1
    if octave < 2:
        return max(0, value_us)
    return min((octave - 1) * 4 + ((value_us >> (octave - 2)) & 3), BUCKETS - 1)


def bucket_start_us(number: int) -> int:
    """Return the smallest latency that a bucket counts."""
    octave, quarter = divmod(number, 4)
    return number if octave == 0 else (4 + quarter) << (octave - 1)


SMALL_US = 4096
SMALL = bytes(map(bucket, range(SMALL_US)))
"""The buckets of usual values, worked out."""


def _counter(mapped: mmap.mmap, words: memoryview[int], number: int) -> Counter:
    at = HEADER_WORDS + number * SLOT_WORDS
    key = mapped[at * WORD_BYTES : at * WORD_BYTES + KEY_BYTES].decode()
    account, region, endpoint, variant = key.split("\0")[:4]
    latencies = zip(LATENCIES, LATENCIES_AT, strict=True)
    told: dict[str, Any] = {name: _latency(words, at + place) for name, place in latencies}
    told |= zip(COUNTS, words[at + COUNTS_AT : at + LATENCIES_AT[0]], strict=True)
    return Counter(account, region, endpoint, variant, **told)


def _latency(words: memoryview[int], at: int) -> Latency:
    rings = at + 1
    first = rings + EXTREMES * MINUTES_KEPT
    buckets = tuple(words[first : first + BUCKETS])
    if not any(buckets):
        return NO_LATENCY
    minutes = (Extremes(*words[ring : ring + EXTREMES]) for ring in range(rings, first, EXTREMES))
    return Latency(
        total_us=words[at],
        buckets=buckets,
        minutes=tuple(sorted((each for each in minutes if each.minute), key=lambda each: each.minute)),
    )
