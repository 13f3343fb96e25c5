"""Load forecast from its history, hour by hour: the habit of the week, the habit of the day, and the level of late.

Each hour before the last day is an observation. The forecast of an hour is a weighted mean of what was seen at
that hour of that weekday (given a fortnight), else at that hour of the day; newer weeks weigh more. It is then
scaled by how the last day compares with what the same method says of it. docs/decisions/0006 says why.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOUR_S = 3600
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
HISTORY_S = 14 * DAY_S
"""How far back history is looked at."""
NEEDED_S = DAY_S
"""How much of it there must be."""
HORIZON_S = 48 * HOUR_S
"""How far ahead a forecast goes."""
FADE_A_WEEK = 0.5
"""What an observation weighs beside one that is a week newer."""
SLOTS_OF_WEEK, SLOTS_OF_DAY = 168, 24
LEVEL_MIN, LEVEL_MAX = 0.5, 2.0
"""The last day may make the level differ by this much from what habit says."""
ALMOST = 1e-9
Loads = Mapping[int, float]
"""The load of each hour, by when the hour begins."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The load that is expected in each hour from a start on."""

    start: int
    loads: tuple[float, ...]

    def hours(self) -> Sequence[int]:
        """Return when each hour begins."""
        return range(self.start, self.start + HOUR_S * len(self.loads), HOUR_S)


def forecast(history: Loads, now: float) -> Forecast | None:
    """Return the forecast from the present hour on, None where history is shorter than a day."""
    start = int(now) // HOUR_S * HOUR_S
    past = {hour: max(0.0, load) for hour, load in history.items() if start - HISTORY_S <= hour < start}
    if not past or start - min(past) < NEEDED_S:
        return None
    last = start - DAY_S
    before = {hour: load for hour, load in past.items() if hour < last}
    knows_weeks = start - min(past) >= HISTORY_S
    if last - min(past) < DAY_S:
        habit, level = _Habit(past, start, knows_weeks=False), 1.0
    else:
        habit = _Habit(before, last, knows_weeks=knows_weeks)
        level = _level(past, habit, start)
    return Forecast(start, tuple(habit.at(hour) * level for hour in range(start, start + HORIZON_S, HOUR_S)))


class _Habit:
    """What is usual at an hour: hours that were not measured had no load, since what is idle emits nothing."""

    def __init__(self, past: Loads, end: int, *, knows_weeks: bool) -> None:
        self._weekly: dict[int, list[tuple[float, float]]] = defaultdict(list)
        self._daily: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for hour in range(min(past), end, HOUR_S):
            seen = (past.get(hour, 0.0), FADE_A_WEEK ** ((end - hour) / WEEK_S))
            self._weekly[hour // HOUR_S % SLOTS_OF_WEEK].append(seen)
            self._daily[hour // HOUR_S % SLOTS_OF_DAY].append(seen)
        self._knows_weeks = knows_weeks

    def at(self, hour: int) -> float:
        """Return the load that is usual in the hour that begins then."""
        weekly = self._weekly.get(hour // HOUR_S % SLOTS_OF_WEEK, []) if self._knows_weeks else []
        return _mean(weekly or self._daily[hour // HOUR_S % SLOTS_OF_DAY])


def _mean(seen: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in seen)
    return sum(load * weight for load, weight in seen) / total if total else 0.0


def _level(past: Loads, habit: _Habit, start: int) -> float:
    """Return how the last day compares with what is usual, within limits."""
    day = range(start - DAY_S, start, HOUR_S)
    usual = sum(habit.at(hour) for hour in day)
    if usual <= 0:
        return 1.0
    return min(LEVEL_MAX, max(LEVEL_MIN, sum(past.get(hour, 0.0) for hour in day) / usual))


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast, and the capacity that it takes in each hour."""

    start: int
    loads: tuple[float, ...]
    capacities: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as a record stores it."""
        return {"start": self.start, "loads": list(self.loads), "capacities": list(self.capacities)}


def outlook(found: Forecast, carried: float) -> Outlook:
    """Return what a forecast takes, given the load that a unit of capacity carries in an hour at its target."""
    return Outlook(found.start, found.loads, tuple(math.ceil(load / carried - ALMOST) for load in found.loads))


def carried(loads: Loads, scaling: Loads, capacity: Loads, target: float) -> float | None:
    """Return the load that a unit of capacity carries in an hour while the scaling metric is at its target.

    Learned from the hours in which all three were measured; None if there are none.
    """
    hours = [hour for hour in loads if scaling.get(hour, 0.0) * capacity.get(hour, 0.0) > 0 and loads[hour] > 0]
    if not hours:
        return None
    return target * sum(loads[hour] for hour in hours) / sum(scaling[hour] * capacity[hour] for hour in hours)
