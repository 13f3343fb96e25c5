"""What a metric's values add up to in one period: totals, and how the values spread.

A stored spread is exact up to SPREAD_MAX distinct values; beyond, values share
buckets 2 % wide, so that a percentile is off by 1 % at most.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

SPREAD_MAX = 128
PLAIN_MAX = 8
"""Values of a spread that is not compressed: that would take longer, and hardly save."""
PLAIN = b"\0"  # what no compressed spread begins with
BUCKET_WIDTH = math.log(1.02)
Spread = Mapping[float, float]
"""How often each value came."""


class Summary(NamedTuple):  # which is made many times as quickly as a frozen dataclass, for every value that comes
    """Totals of some values; `spread` is None where only the totals are known."""

    count: float  # type: ignore[assignment] # it hides tuple.count, which nobody asks for here
    sum: float
    min: float
    max: float
    spread: Spread | None

    @classmethod
    def of(cls, values: Sequence[float], counts: Sequence[float] = ()) -> Summary:
        """Return what values add up to; each came once, or as often as `counts` says."""
        if len(values) == 1 and not counts:
            (value,) = values
            return cls(1.0, value, value, value, {value: 1.0})
        weights = counts or [1.0] * len(values)
        total = sum(value * weight for value, weight in zip(values, weights, strict=True))
        return cls(sum(weights), total, min(values), max(values), _added(zip(values, weights, strict=True)))

    @classmethod
    def of_totals(cls, count: float, total: float, low: float, high: float) -> Summary:
        """Return a statistic set; its spread is known only if all its values are the same."""
        return cls(count, total, low, high, {low: count} if low == high else None)


def merged(parts: Sequence[Summary]) -> Summary:
    """Return what several add up to; their spread is known if each one's is."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2 and None not in (parts[0].spread, parts[1].spread):
        return _together(*parts)
    spreads = [part.spread for part in parts if part.spread is not None]
    known = len(spreads) == len(parts)
    return Summary(
        count=sum(part.count for part in parts),
        sum=sum(part.sum for part in parts),
        min=min(part.min for part in parts),
        max=max(part.max for part in parts),
        spread=_added(pair for spread in spreads for pair in spread.items()) if known else None,
    )


def _together(one: Summary, other: Summary) -> Summary:
    """Return what two summaries add up to whose spreads are known, as is usual: one is stored, one has come."""
    spread = dict(one.spread or {})
    for value, count in (other.spread or {}).items():
        spread[value] = spread.get(value, 0.0) + count
    low, high = min(one.min, other.min), max(one.max, other.max)
    return Summary(one.count + other.count, one.sum + other.sum, low, high, spread)


def packed(summary: Summary) -> bytes | None:
    """Return the spread as it is stored; None where the totals say as much."""
    if summary.spread is None or summary.min == summary.max:
        return None
    spread = summary.spread if len(summary.spread) <= SPREAD_MAX else _coarse(summary, summary.spread)
    values = sorted(spread)
    numbers = (*values, *(spread[value] for value in values))
    raw = struct.pack(f"<{len(numbers)}d", *numbers)
    return PLAIN + raw if len(values) <= PLAIN_MAX else zlib.compress(raw, level=1)


def unpacked(count: float, total: float, low: float, high: float, spread: bytes | None) -> Summary:
    """Return the summary that a row holds."""
    if spread is None:
        return Summary.of_totals(count, total, low, high)
    raw = spread[1:] if spread[:1] == PLAIN else zlib.decompress(spread)
    numbers = struct.unpack(f"<{len(raw) // 8}d", raw)
    half = len(numbers) // 2
    return Summary(count, total, low, high, dict(zip(numbers[:half], numbers[half:], strict=True)))


def _added(pairs: Iterable[tuple[float, float]]) -> dict[float, float]:
    spread: dict[float, float] = {}
    for value, count in pairs:
        spread[value] = spread.get(value, 0.0) + count
    return spread


def _coarse(summary: Summary, spread: Spread) -> dict[float, float]:
    return _added((min(max(_bucket(value), summary.min), summary.max), count) for value, count in spread.items())


def _bucket(value: float) -> float:
    """Return the middle of a value's bucket."""
    if value == 0:
        return 0.0
    return math.copysign(math.exp(round(math.log(abs(value)) / BUCKET_WIDTH) * BUCKET_WIDTH), value)
