"""What capacity follows from a metric's value: target tracking, steps, bounds and cooldowns. Pure.

Source: Application Auto Scaling user guide, «Target tracking scaling policies» and «Step scaling policies».
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

AT_MAX, AT_MIN, AT_DESIRED = "AlreadyAtMaxCapacity", "AlreadyAtMinCapacity", "AlreadyAtDesiredCapacity"
FLAPPING = "AutoScalingAnticipatedFlapping"
COOLDOWN_S = 300
"""The cooldown of whoever names none."""
ALMOST = 1e-9
"""Less than this above a whole number is that number: what is left is the rounding of division."""
Wish = Callable[[int], int]
"""What capacity a policy would have, given the one that there is."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """MinCapacity and MaxCapacity."""

    low: int
    high: int

    def clamp(self, capacity: int) -> int:
        """Return the capacity within the bounds that is nearest."""
        return max(self.low, min(self.high, capacity))


@dataclass(frozen=True, slots=True)
class Past:
    """When capacity was last added and taken away by policies, and what there was before it was added."""

    out_at: float | None = None
    out_base: int = 0
    in_at: float | None = None

    def scaled(self, before: int, after: int, now: float) -> Past:
        """Return the past once capacity went from one number to another; adding ends the wait of taking away."""
        if after < before:
            return replace(self, in_at=now)
        return Past(out_at=now, out_base=before)

    def ended(self, began: float, at: float | None) -> Past:
        """Return the past with the cooldown of what began at a time counted from its end, none if it failed."""
        return Past(
            out_at=at if self.out_at == began else self.out_at,
            out_base=self.out_base,
            in_at=at if self.in_at == began else self.in_at,
        )


@dataclass(frozen=True, slots=True)
class Cooldowns:
    """How long to wait after capacity was added, and after it was taken away."""

    out_s: float = COOLDOWN_S
    in_s: float = COOLDOWN_S


@dataclass(frozen=True, slots=True)
class Situation:
    """A target at the time of a decision."""

    capacity: int
    bounds: Bounds
    past: Past
    now: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The capacity that is to be; `reason` is the code of why it is the present one, '' where that needs no telling."""

    desired: int
    reason: str = ""


def decide(wish: Wish, there: Situation, cooldowns: Cooldowns) -> Decision:
    """Return what follows from a policy's wish.

    While capacity that was added is cooling down, what was added counts: more is added only if the policy,
    asked from where it started, wants more than there is now. Nothing is taken away while that cools down.
    """
    wanted = wish(there.capacity)
    if wanted > there.capacity and _cooling(there.past.out_at, cooldowns.out_s, there.now):
        wanted = wish(there.past.out_base)
        if wanted <= there.capacity:
            return Decision(there.capacity)
    if wanted < there.capacity and _cooling(there.past.in_at, cooldowns.in_s, there.now):
        return Decision(there.capacity)
    desired = there.bounds.clamp(wanted)
    if (desired - there.capacity) * (wanted - there.capacity) <= 0:
        return Decision(there.capacity, _unscaled(wanted, there.capacity))
    return Decision(desired)


def _cooling(at: float | None, cooldown_s: float, now: float) -> bool:
    return at is not None and now < at + cooldown_s


def _unscaled(wanted: int, capacity: int) -> str:
    if wanted == capacity:
        return AT_DESIRED
    return AT_MAX if wanted > capacity else AT_MIN


def tracking(value: float, target: float, *, shrinks: bool) -> Wish:
    """Return the wish of target tracking: as much as brings the metric to its target.

    An alarm that asks for less never gets more, and one that asks for more never less.
    """

    def wish(capacity: int) -> int:
        wanted = math.ceil(capacity * value / target - ALMOST)
        return min(capacity, wanted) if shrinks else max(capacity, wanted)

    return wish


def stepping(configuration: Mapping[str, Any], breach: float, *, above: bool) -> Wish | None:
    """Return the wish of step scaling for a breach of the threshold, None if no step covers it."""
    step = step_for(configuration["StepAdjustments"], breach, above=above)
    if step is None:
        return None
    adjustment: int = step["ScalingAdjustment"]
    match configuration["AdjustmentType"]:
        case "ExactCapacity":
            return lambda capacity: adjustment
        case "ChangeInCapacity":
            return lambda capacity: max(0, capacity + adjustment)
        case _:
            least = configuration.get("MinAdjustmentMagnitude", 0)
            return lambda capacity: max(0, capacity + _percent(capacity, adjustment, least))


def step_for(steps: Sequence[Mapping[str, Any]], breach: float, *, above: bool) -> Mapping[str, Any] | None:
    """Return the step whose interval holds the difference of value and threshold.

    Above the threshold the lower bound belongs to the interval, below it the upper one.
    """
    for step in steps:
        low = step.get("MetricIntervalLowerBound", -math.inf)
        high = step.get("MetricIntervalUpperBound", math.inf)
        if (low <= breach < high) if above else (low < breach <= high):
            return step
    return None


def _percent(capacity: int, percent: int, least: int) -> int:
    """Return a percentage of a capacity, rounded towards 0 but not to it."""
    change = math.trunc(capacity * percent / 100)
    size = max(abs(change), least, 1 if percent and capacity else 0)
    return size if percent > 0 else -size
