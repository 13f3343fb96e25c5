"""Which time a report covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clary.cli.ab.span import span

NOW = datetime(2026, 11, 22, 3, 17, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "start", "period_s"),
    [
        ("10m", NOW.replace(minute=7, second=0), 60),
        ("1h", NOW.replace(hour=2, minute=15, second=0), 180),
        ("1.5 h", NOW.replace(hour=1, minute=44, second=0), 240),
        ("24h", NOW.replace(day=21, hour=3, minute=0, second=0), 3600),
        ("2026-11-22T03:00", NOW.replace(minute=0, second=0), 60),
        ("2026-11-22T05:00+02:00", NOW.replace(minute=0, second=0), 60),
        ("7d", datetime(2026, 11, 14, 22, 0, tzinfo=UTC), 25_200),
    ],
)
def test_a_span_begins_with_a_period(since: str, start: datetime, period_s: int) -> None:
    told = span(since, NOW)
    assert (told.start, told.end, told.period_s) == (start, NOW, period_s)


@pytest.mark.parametrize("days", [1, 14, 16, 62, 64, 400])
def test_old_data_are_asked_for_in_the_periods_that_cloudwatch_keeps(days: int) -> None:
    told = span(f"{days}d", NOW)
    grain_s = 3600 if days > 63 else 300 if days > 15 else 60
    assert told.period_s % grain_s == 0
    assert told.period_s <= 86_400
    assert timedelta(0) <= NOW - timedelta(days=days) - told.start < timedelta(seconds=told.period_s)


@pytest.mark.parametrize(("since", "words"), [("tomorrow", "is no time"), ("", "is no time"), ("2030-01-01", "past")])
def test_what_is_no_time_in_the_past_is_refused(since: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        span(since, NOW)
