from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from clary.resources.scaling_forecasts import (
    DAY_S,
    HORIZON_S,
    HOUR_S,
    LEVEL_MAX,
    WEEK_S,
    Forecast,
    carried,
    forecast,
    outlook,
)

NOW = 2_000 * WEEK_S + 3 * DAY_S  # a Sunday at midnight: the epoch was a Thursday


def history(days: int, load: Callable[[int], float]) -> dict[int, float]:
    return {at: load(at) for at in range(NOW - days * DAY_S, NOW, HOUR_S)}


def wave(at: int) -> float:
    """Return a load with a peak at noon."""
    return 100.0 - 80.0 * math.cos(2 * math.pi * (at % DAY_S) / DAY_S)


def working_week(at: int) -> float:
    """Return a load that is a tenth on two days of seven."""
    return wave(at) * (0.1 if (at // DAY_S) % 7 in (2, 3) else 1.0)


def error(found: Forecast | None, truth: Callable[[int], float]) -> float:
    """Return the mean of the errors, as a share of the mean load."""
    assert found is not None
    hours = list(found.hours())
    missed = sum(abs(load - truth(at)) for at, load in zip(hours, found.loads, strict=True))
    return missed / sum(truth(at) for at in hours)


@pytest.mark.parametrize(("days", "truth"), [(1, wave), (5, wave), (14, wave), (14, working_week), (20, working_week)])
def test_what_repeats_is_foreseen(days: int, truth: Callable[[int], float]) -> None:
    found = forecast(history(days, truth), NOW + 5.0)
    assert found is not None
    assert (found.start, len(found.loads)) == (NOW, HORIZON_S // HOUR_S)
    assert error(found, truth) < 0.01


def test_a_forecast_knows_weekends_better_than_one_that_knows_days_only() -> None:
    known = error(forecast(history(14, working_week), NOW), working_week)
    unknown = error(forecast(history(13, working_week), NOW), working_week)
    assert known < 0.01 < 0.5 < unknown


def test_growth_is_followed_within_limits() -> None:
    grown = history(14, lambda at: wave(at) * (1.5 if at >= NOW - DAY_S else 1.0))
    assert error(forecast(grown, NOW), lambda at: wave(at) * 1.5) < 0.01
    jumped = history(14, lambda at: wave(at) * (50 if at >= NOW - DAY_S else 1.0))
    assert error(forecast(jumped, NOW), lambda at: wave(at) * LEVEL_MAX) < 0.01


def test_hours_without_a_value_had_no_load() -> None:
    nights_off = {at: load for at, load in history(5, wave).items() if 6 <= at // HOUR_S % 24 < 20}
    found = forecast(nights_off, NOW)
    assert found is not None
    assert found.loads[2] == 0.0
    assert found.loads[12] == pytest.approx(wave(12 * HOUR_S))


@pytest.mark.parametrize("days", [0, 0.5])
def test_less_than_a_day_tells_nothing(days: float) -> None:
    assert forecast({NOW - int(days * DAY_S) + at: 1.0 for at in range(0, int(days * DAY_S), HOUR_S)}, NOW) is None


def test_silence_foresees_silence() -> None:
    found = forecast(history(14, lambda at: 0.0), NOW)
    assert found is not None
    assert set(found.loads) == {0.0}


def test_capacity_follows_from_what_a_unit_was_seen_to_carry() -> None:
    loads = {0: 6_000.0, HOUR_S: 12_000.0, 2 * HOUR_S: 500.0}
    each = {0: 100.0, HOUR_S: 100.0, 2 * HOUR_S: 0.0}  # a minute, of one or of two instances
    units = {0: 1.0, HOUR_S: 2.0, 2 * HOUR_S: 2.0}
    found = carried(loads, each, units, target=50.0)
    assert found == pytest.approx(3_000.0)
    assert outlook(Forecast(0, (0.0, 1.0, 3_000.0, 3_001.0, 12_000.0)), found or 0.0).capacities == (0, 1, 1, 2, 4)
    assert carried(loads, {}, units, target=50.0) is None
