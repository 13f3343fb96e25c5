from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.resources.scaling_decisions import (
    AT_DESIRED,
    AT_MAX,
    AT_MIN,
    Bounds,
    Cooldowns,
    Decision,
    Past,
    Situation,
    decide,
    stepping,
    tracking,
)

NOW = 10_000.0
NEVER = Past()
BOUNDS = Bounds(1, 10)


def there(capacity: int, past: Past = NEVER, bounds: Bounds = BOUNDS) -> Situation:
    return Situation(capacity, bounds, past, NOW)


@pytest.mark.parametrize(
    ("capacity", "value", "shrinks", "expected"),
    [
        (2, 150.0, False, Decision(3)),
        (2, 100.1, False, Decision(3)),
        (2, 100.0, False, Decision(2, AT_DESIRED)),
        (2, 40.0, False, Decision(2, AT_DESIRED)),  # the alarm that asks for more never takes away
        (2, 5000.0, False, Decision(10)),
        (10, 150.0, False, Decision(10, AT_MAX)),
        (4, 50.0, True, Decision(2)),
        (4, 51.0, True, Decision(3)),
        (4, 80.0, True, Decision(4, AT_DESIRED)),
        (4, 120.0, True, Decision(4, AT_DESIRED)),
        (4, 0.0, True, Decision(1)),
        (1, 0.0, True, Decision(1, AT_MIN)),
        (3, 100 / 3, True, Decision(1)),  # not two, for a rounding of the last digit
    ],
)
def test_tracking_brings_the_metric_to_its_target(
    capacity: int, value: float, shrinks: bool, expected: Decision
) -> None:
    assert decide(tracking(value, 100.0, shrinks=shrinks), there(capacity), Cooldowns()) == expected


@pytest.mark.parametrize(
    ("past", "capacity", "value", "expected"),
    [
        (Past(out_at=NOW - 10, out_base=2), 4, 190.0, Decision(4)),  # what was added counts
        (Past(out_at=NOW - 10, out_base=2), 4, 250.0, Decision(5)),  # from where it began, five are wanted
        (Past(out_at=NOW - 400, out_base=2), 4, 190.0, Decision(8)),
        (Past(in_at=NOW - 10), 4, 190.0, Decision(8)),  # more is made at once, whatever was taken away
    ],
)
def test_more_is_added_while_capacity_cools_down_only_if_more_was_wanted_from_the_start(
    past: Past, capacity: int, value: float, expected: Decision
) -> None:
    assert decide(tracking(value, 100.0, shrinks=False), there(capacity, past), Cooldowns()) == expected


@pytest.mark.parametrize(
    ("past", "expected"),
    [(Past(in_at=NOW - 10), 4), (Past(in_at=NOW - 300), 2), (Past(out_at=NOW - 10, out_base=1), 2), (NEVER, 2)],
)
def test_nothing_is_taken_away_until_the_last_time_has_cooled_down(past: Past, expected: int) -> None:
    assert decide(tracking(50.0, 100.0, shrinks=True), there(4, past), Cooldowns()).desired == expected


def test_adding_ends_the_wait_of_taking_away_and_a_cooldown_counts_from_the_end() -> None:
    past = Past(in_at=1.0).scaled(2, 5, 7.0)
    assert past == Past(out_at=7.0, out_base=2)
    assert past.ended(7.0, 9.0) == Past(out_at=9.0, out_base=2)
    assert past.ended(7.0, None).out_at is None  # it failed
    assert past.ended(6.0, 9.0) == past  # that was another activity
    assert Past(out_at=1.0, out_base=2).scaled(5, 3, 8.0) == Past(out_at=1.0, out_base=2, in_at=8.0)


def steps(kind: str, *intervals: tuple[float | None, float | None, int], **more: Any) -> dict[str, Any]:
    told = []
    for low, high, adjustment in intervals:
        bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
        told.append({name: bound for name, bound in bounds.items() if bound is not None})
        told[-1]["ScalingAdjustment"] = adjustment
    return {"AdjustmentType": kind, "StepAdjustments": told, **more}


OUT = ((0, 10, 1), (10, None, 3))
IN = ((-10, 0, -1), (None, -10, -2))


@pytest.mark.parametrize(
    ("configuration", "breach", "above", "capacity", "expected"),
    [
        (steps("ChangeInCapacity", *OUT), 0.0, True, 2, 3),  # above, the lower bound belongs to a step
        (steps("ChangeInCapacity", *OUT), 9.9, True, 2, 3),
        (steps("ChangeInCapacity", *OUT), 10.0, True, 2, 5),
        (steps("ChangeInCapacity", *OUT), -1.0, True, 2, None),
        (steps("ChangeInCapacity", *IN), 0.0, False, 5, 4),  # below, the upper one does
        (steps("ChangeInCapacity", *IN), -9.9, False, 5, 4),
        (steps("ChangeInCapacity", *IN), -10.0, False, 5, 3),
        (steps("ChangeInCapacity", *IN), -10.0, False, 1, 0),
        (steps("ExactCapacity", (0, None, 7)), 3.0, True, 2, 7),
        (steps("PercentChangeInCapacity", (0, None, 25)), 3.0, True, 10, 12),
        (steps("PercentChangeInCapacity", (0, None, 10)), 3.0, True, 4, 5),  # less than one is one
        (steps("PercentChangeInCapacity", (0, None, 25), MinAdjustmentMagnitude=2), 3.0, True, 4, 6),
        (steps("PercentChangeInCapacity", (None, 0, -25)), -3.0, False, 10, 8),
        (steps("PercentChangeInCapacity", (None, 0, -10)), -3.0, False, 4, 3),
        (steps("PercentChangeInCapacity", (0, None, 25)), 3.0, True, 0, 0),
    ],
)
def test_a_step_is_chosen_by_how_far_the_threshold_is_breached(
    configuration: dict[str, Any], breach: float, above: bool, capacity: int, expected: int | None
) -> None:
    wish = stepping(configuration, breach, above=above)
    assert (wish and wish(capacity)) == expected


def test_a_larger_step_while_cooling_down_adds_the_difference() -> None:
    wish = stepping(steps("ChangeInCapacity", *OUT), 12.0, above=True)
    assert wish is not None
    assert decide(wish, there(3, Past(out_at=NOW - 5, out_base=2)), Cooldowns()) == Decision(5)


@given(
    capacity=st.integers(0, 20),
    value=st.floats(0, 1e6),
    low=st.integers(0, 10),
    more=st.integers(0, 10),
    shrinks=st.booleans(),
)
def test_whatever_is_decided_lies_within_the_bounds_or_stays(
    capacity: int, value: float, low: int, more: int, shrinks: bool
) -> None:
    bounds = Bounds(low, low + more)
    decided = decide(tracking(value, 10.0, shrinks=shrinks), there(capacity, NEVER, bounds), Cooldowns())
    assert decided.desired == capacity or bounds.low <= decided.desired <= bounds.high
    assert (decided.desired <= capacity) if shrinks else (decided.desired >= capacity)
    assert bool(decided.reason) is (decided.desired == capacity)
