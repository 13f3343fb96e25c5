"""Statistics by name: Average, p99.9, tm90, TC(0.005:0.030), … of a summary.

Source: CloudWatch user guide, «CloudWatch statistics definitions».
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clary.store.summaries import Spread, Summary

Evaluate = Callable[[Summary], float | None]
"""Returns None where the values' spread is not known, or has negative values."""

TOTALS: Mapping[str, Evaluate] = {
    "SampleCount": lambda summary: summary.count,
    "Average": lambda summary: summary.sum / summary.count,
    "Sum": lambda summary: summary.sum,
    "Minimum": lambda summary: summary.min,
    "Maximum": lambda summary: summary.max,
}
PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,10})?)", re.IGNORECASE)
UP_TO = re.compile(r"(tm|wm|tc|ts)(\d{1,3}(?:\.\d{1,10})?)", re.IGNORECASE)
BETWEEN = re.compile(r"(tm|wm|tc|ts|pr)\((\d*\.?\d*)(%?):(\d*\.?\d*)(%?)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stat:
    """A statistic; `spread` says that totals are not enough for it."""

    evaluate: Evaluate
    spread: bool


def stat(name: str) -> Stat | None:
    """Return the statistic of that name, or None if there is none."""
    if name in TOTALS:
        return Stat(TOTALS[name], spread=False)
    if match := PERCENTILE.fullmatch(name):
        share = float(match[1]) / 100
        return _spread_stat(lambda spread: _percentile(spread, share)) if share <= 1 else None
    if name.lower() == "iqm":
        return _spread_stat(lambda spread: _mean(_shares(spread, 0.25, 0.75)))
    if match := UP_TO.fullmatch(name):
        return _trimmed(match[1], 0.0, float(match[2]) / 100)
    if match := BETWEEN.fullmatch(name):
        return _ranged(*match.groups())
    return None


def _ranged(sort: str, low: str, low_percent: str, high: str, high_percent: str) -> Stat | None:
    """Return the statistic between two bounds: both per cents, or both values; an open end is one of either."""
    percent = bool(low_percent or high_percent)
    mixed = percent and not ((low_percent or not low) and (high_percent or not high))
    if mixed or not (low or high) or "." in (low, high):
        return None
    if percent:
        return _trimmed(sort, float(low or 0) / 100, float(high or 100) / 100) if sort.lower() != "pr" else None
    bounds = (float(low) if low else -math.inf, float(high) if high else math.inf)
    return _of_part(sort, lambda spread: _values(spread, *bounds), *bounds)


def _trimmed(sort: str, low: float, high: float) -> Stat | None:
    if not 0 <= low < high <= 1:
        return None
    if sort.lower() == "wm":
        return _spread_stat(lambda spread: _winsorized(spread, low, high))
    return _of_part(sort, lambda spread: _shares(spread, low, high), -math.inf, math.inf)


def _of_part(sort: str, part: Callable[[Spread], Spread], low: float, high: float) -> Stat | None:
    match sort.lower():
        case "tm":
            return _spread_stat(lambda spread: _mean(part(spread)))
        case "tc":
            return _spread_stat(lambda spread: math.fsum(part(spread).values()))
        case "ts":
            return _spread_stat(lambda spread: _total(part(spread)))
        case "pr":
            return _spread_stat(lambda spread: 100 * math.fsum(part(spread).values()) / math.fsum(spread.values()))
        case "wm":
            return _spread_stat(lambda spread: _mean(_clamped(spread, low, high)))
        case _:
            return None


def _spread_stat(evaluate: Callable[[Spread], float | None]) -> Stat:
    def of_summary(summary: Summary) -> float | None:
        if summary.spread is None or summary.min < 0:
            return None
        return evaluate(summary.spread)

    return Stat(of_summary, spread=True)


def _percentile(spread: Spread, share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    values = sorted(spread)
    wanted = share * math.fsum(spread.values()) * (1 - 1e-12)
    seen = 0.0
    for value in values:
        seen += spread[value]
        if seen >= wanted:
            return value
    return values[-1]


def _shares(spread: Spread, low: float, high: float) -> Spread:
    """Return the values between two shares of their number; one that lies across a bound counts in part."""
    total = math.fsum(spread.values())
    first, last = low * total, high * total
    part: dict[float, float] = {}
    seen = 0.0
    for value in sorted(spread):
        inside = min(last, seen + spread[value]) - max(first, seen)
        if inside > 0:
            part[value] = inside
        seen += spread[value]
    return part


def _values(spread: Spread, low: float, high: float) -> Spread:
    """Return the values above one bound and up to another."""
    return {value: count for value, count in spread.items() if low < value <= high}


def _winsorized(spread: Spread, low: float, high: float) -> float | None:
    return _mean(_clamped(spread, _percentile(spread, low), _percentile(spread, high)))


def _clamped(spread: Spread, low: float, high: float) -> Spread:
    clamped: dict[float, float] = {}
    for value, count in spread.items():
        inside = min(max(value, low), high)
        clamped[inside] = clamped.get(inside, 0.0) + count
    return clamped


def _total(spread: Spread) -> float:
    return math.fsum(value * count for value, count in spread.items())


def _mean(spread: Spread) -> float | None:
    count = math.fsum(spread.values())
    return _total(spread) / count if count else None
