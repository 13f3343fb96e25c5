"""Periods: which are allowed, and where a request's first one begins."""

from __future__ import annotations

from clary.services.cloudwatch.faults import InvalidValue

MINUTE_S, FIVE_MINUTES_S, HOUR_S, DAY_S = 60, 300, 3600, 24 * 3600
SHORT = (1, 5, 10, 20, 30)


def check_period(period: int, parameter: str = "Period") -> None:
    """Raise unless a period is one of the short ones or whole minutes."""
    if period not in SHORT and period % MINUTE_S:
        raise InvalidValue(f"The parameter {parameter} must be 1, 5, 10, 20, 30 or a multiple of 60.")


def check_times(start: float, end: float) -> None:
    """Raise unless the start is before the end."""
    if start >= end:
        raise InvalidValue("The parameter StartTime must be less than the parameter EndTime.")


def rounded_start(start: float, period: int, now: float) -> int:
    """Return a start as CloudWatch rounds it: by its age, and to the division of a minute for short periods."""
    age = now - start
    if age > 63 * DAY_S:
        step = HOUR_S
    elif age > 15 * DAY_S:
        step = FIVE_MINUTES_S
    else:
        step = period if period in SHORT else MINUTE_S
    return int(start // step) * step
