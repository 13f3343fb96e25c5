"""What expressions work on: numbers, time series, arrays of time series; and how operators spread over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from clary.services.cloudwatch.metric_math.syntax import BadExpression

Operator = Callable[[float, float], float | None]
"""Returns None where there is no result, as for a division by zero."""


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Values by time (epoch seconds), in order of time; `properties` are what labels may show of its metric."""

    points: Mapping[int, float]
    period: int
    label: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    def with_points(self, points: Mapping[int, float]) -> TimeSeries:
        """Return a series that has other points."""
        return replace(self, points=points)


Several = tuple[TimeSeries, ...]
Value = float | TimeSeries | Several | str


def _divide(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return None if isinstance(result, complex) else result


OPERATORS: Mapping[str, Operator] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "^": _power,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}


def combined(operator: str, left: Value, right: Value) -> Value:
    """Return `left operator right`; of two series, at the times that both have."""
    apply = OPERATORS[operator]
    if isinstance(left, str) or isinstance(right, str):
        raise BadExpression(f"The operator {operator} cannot be applied to a text")
    if isinstance(left, tuple) and isinstance(right, tuple):
        raise BadExpression(f"The operator {operator} cannot be applied to two arrays of time series")
    if isinstance(left, tuple):
        return tuple(_pair(apply, each, right, shown=each) for each in left if not isinstance(right, tuple))
    if isinstance(right, tuple):
        return tuple(_pair(apply, left, each, shown=each) for each in right)
    if isinstance(left, TimeSeries) or isinstance(right, TimeSeries):
        return _pair(apply, left, right, shown=left if isinstance(left, TimeSeries) else right)
    return _number(apply(left, right), operator)


def _number(result: float | None, operator: str) -> float:
    if result is None or not math.isfinite(result):
        raise BadExpression(f"The operator {operator} has no result for these numbers")
    return result


def _pair(
    apply: Operator, left: float | TimeSeries, right: float | TimeSeries, *, shown: float | TimeSeries
) -> TimeSeries:
    assert isinstance(shown, TimeSeries)
    if isinstance(left, TimeSeries) and isinstance(right, TimeSeries):
        period = math.lcm(left.period, right.period)
        times = [at for at in left.points if at in right.points]
        found = {at: apply(left.points[at], right.points[at]) for at in times}
    elif isinstance(left, TimeSeries):
        assert isinstance(right, float)
        period = left.period
        found = {at: apply(value, right) for at, value in left.points.items()}
    else:
        assert isinstance(right, TimeSeries)
        period = right.period
        found = {at: apply(left, value) for at, value in right.points.items()}
    points = {at: value for at, value in found.items() if value is not None and math.isfinite(value)}
    return replace(shown, points=points, period=period)
