"""Which time a report covers: what people write for it, and the periods that CloudWatch is asked for. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")
UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
PERIODS = 24
"""How many periods a span has, about."""
MINUTE_S = 60
DAY_S = 86_400
GRAIN_S = ((63, 3600), (15, 300))
"""What the period of data that is older than so many days must be a multiple of (CloudWatch, GetMetricData)."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a time to another, in periods of so many seconds; `start` is where a period begins."""

    start: datetime
    end: datetime
    period_s: int


def span(since: str, now: datetime) -> Span:
    """Return the span from a time, such as 90m, 24h, 7d or 2026-11-22T10:00, to now; raise ValueError for no time."""
    start = _start(since.strip(), now)
    if start >= now:
        raise ValueError(f"{since} is not in the past.")
    wanted_s = (now - start).total_seconds() / PERIODS
    grain_s = next((grain for days, grain in GRAIN_S if now - start > timedelta(days=days)), MINUTE_S)
    period_s = min(DAY_S, max(1, math.ceil(wanted_s / grain_s)) * grain_s)
    first = int(start.timestamp()) // period_s * period_s
    return Span(datetime.fromtimestamp(first, UTC), now, period_s)


def _start(since: str, now: datetime) -> datetime:
    if ago := AGO.fullmatch(since):
        return now - timedelta(seconds=float(ago[1]) * UNITS_S[ago[2]])
    try:
        told = datetime.fromisoformat(since)
    except ValueError:
        raise ValueError(f"{since!r} is no time; write 90m, 24h, 7d or 2026-11-22T10:00.") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
