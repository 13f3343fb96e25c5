"""What an instance prints: its lines go to CloudWatch Logs, numbers found in them to CloudWatch metrics.

Each shipper keeps its offset in the transaction that stores what it shipped, so
that an agent which was killed neither loses a line nor ships one twice.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import regex

from clary.core.clock import Clock
from clary.store.logs import Logs
from clary.store.series import Datum, Dimensions, Series

BATCH_BYTES_MAX = 512 * 1024
MATCH_S_MAX = 0.05
"""What one line may cost one expression; the expressions are the user's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and the offset behind it."""

    text: str
    end: int


def read_lines(path: Path, offset: int, *, ended: bool) -> list[Line]:
    """Return the next whole lines behind an offset; a last one without its end only once nothing more will come."""
    try:
        with path.open("rb") as file:
            offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)  # a log that outgrew its limit begins with a hole
            data = file.read(BATCH_BYTES_MAX)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO):  # no log yet, or nothing behind the offset
            return []
        raise
    if not ended and len(data) < BATCH_BYTES_MAX:
        data = data[: data.rfind(b"\n") + 1]
    return list(_split(data, offset))


def _split(data: bytes, offset: int) -> Iterator[Line]:
    for line in data.splitlines(keepends=True):
        offset += len(line)
        yield Line(line.rstrip(b"\r\n").decode("utf-8", "replace"), offset)


@dataclass
class LogShipper:
    """Ships lines to one stream."""

    logs: Logs
    group: str
    stream: str
    source: str
    clock: Clock
    offset: int = -1

    def ship(self, path: Path, *, ended: bool) -> None:
        """Ship all that is there."""
        if self.offset < 0:
            self.offset = self.logs.shipped(self.source)
        while lines := read_lines(path, self.offset, ended=ended):
            at = int(self.clock() * 1000)
            mark = (self.source, lines[-1].end)
            self.logs.put(self.group, self.stream, [(at, line.text) for line in lines], mark=mark)
            self.offset = lines[-1].end


@dataclass
class MetricShipper:
    """Finds the numbers of a job's metric definitions and ships them; remembers the last one of each."""

    series: Series
    namespace: str
    dimensions: Dimensions
    source: str
    clock: Clock
    rules: Sequence[tuple[str, regex.Pattern[str]]]
    offset: int = 0  # from the beginning, since the last values are not kept anywhere else
    final: dict[str, tuple[float, float]] = field(default_factory=dict)
    shipped: int = -1

    def ship(self, path: Path, *, ended: bool) -> None:
        """Ship all that is there."""
        if not self.rules:
            return
        if self.shipped < 0:
            self.shipped = self.series.shipped(self.source)
        while lines := read_lines(path, self.offset, ended=ended):
            at = self.clock()
            data = [datum for line in lines for datum in self._data(line, at)]
            self.offset = lines[-1].end
            if data:
                self.series.put(self.namespace, data, mark=(self.source, self.offset))

    def _data(self, line: Line, at: float) -> Iterator[Datum]:
        for name, value in found(self.rules, line.text):
            self.final[name] = (value, at)
            if line.end > self.shipped:
                yield Datum(name, self.dimensions, at, values=(value,))


def found(rules: Sequence[tuple[str, regex.Pattern[str]]], text: str) -> Iterator[tuple[str, float]]:
    """Give the metrics that a line holds; an expression that takes too long finds nothing."""
    for name, pattern in rules:
        try:
            match = pattern.search(text, timeout=MATCH_S_MAX)
            if match is not None:
                yield name, float(match[1])
        except (TimeoutError, ValueError, IndexError, TypeError):
            continue


def size(path: Path) -> int:
    """Return how long a log is; 0 if there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
