"""The functions of metric math that need nothing but their arguments.

A function of one series gives a series or a number; of an array, one series over all of it, or one for each.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from clary.services.cloudwatch.metric_math.syntax import BadExpression
from clary.services.cloudwatch.metric_math.values import Several, TimeSeries, Value

Function = Callable[..., Value]
Numbers = Sequence[float]
Point = tuple[int, float]


def _log(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def _log10(value: float) -> float | None:
    return math.log10(value) if value > 0 else None


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


EACH: Mapping[str, Callable[[float], float | None]] = {
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
    "LOG": _log,
    "LOG10": _log10,
}
TOTAL: Mapping[str, Callable[[Numbers], float]] = {
    "AVG": lambda values: math.fsum(values) / len(values),
    "DATAPOINT_COUNT": lambda values: float(len(values)),
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}
CALENDAR: Mapping[str, Callable[[int], float]] = {
    "MINUTE": lambda at: float(_moment(at).minute),
    "HOUR": lambda at: float(_moment(at).hour),
    "DAY": lambda at: float(_moment(at).isoweekday()),
    "DATE": lambda at: float(_moment(at).day),
    "MONTH": lambda at: float(_moment(at).month),
    "YEAR": lambda at: float(_moment(at).year),
    "EPOCH": float,
}


def _difference(points: Sequence[Point]) -> Iterable[Point]:
    return ((at, value - before) for (_, before), (at, value) in pairwise(points))


def _difference_of_times(points: Sequence[Point]) -> Iterable[Point]:
    return ((at, float(at - before)) for (before, _), (at, _) in pairwise(points))


def _rate(points: Sequence[Point]) -> Iterable[Point]:
    return ((at, (value - old) / (at - before)) for (before, old), (at, value) in pairwise(points))


def _running_sum(points: Sequence[Point]) -> Iterable[Point]:
    return zip((at for at, _ in points), accumulate(value for _, value in points), strict=True)


RUNS: Mapping[str, Callable[[Sequence[Point]], Iterable[Point]]] = {
    "DIFF": _difference,
    "DIFF_TIME": _difference_of_times,
    "RATE": _rate,
    "RUNNING_SUM": _running_sum,
}


def each_value(function: str) -> Function:
    """Return a function that changes every value by itself."""
    change = EACH[function]

    def apply(value: Value) -> Value:
        if isinstance(value, float):
            result = change(value)
            if result is None:
                raise BadExpression(f"{function} has no result for {value}")
            return result
        return _for_each(function, value, lambda series: _kept(series, ((a, change(v)) for a, v in _points(series))))

    return apply


def total(function: str) -> Function:
    """Return a function that makes a number of a series, and a series of an array."""
    of = TOTAL[function]

    def apply(value: Value) -> Value:
        if isinstance(value, TimeSeries):
            if not value.points and function not in ("SUM", "DATAPOINT_COUNT"):
                return value  # No number can stand for nothing: what is made of it stays empty too.
            return of(list(value.points.values()))
        return across(_array(function, value), of)

    return apply


def run(function: str) -> Function:
    """Return a function that looks at a series' points one behind the other."""
    of = RUNS[function]

    def apply(value: Value) -> Value:
        return _for_each(function, value, lambda series: _kept(series, of(_points(series))))

    return apply


def calendar(function: str) -> Function:
    """Return a function that puts a part of its time in place of each value."""
    of = CALENDAR[function]

    def apply(value: Value) -> Value:
        return _for_each(function, value, lambda series: _kept(series, ((at, of(at)) for at in series.points)))

    return apply


def across(array: Several, of: Callable[[Numbers], float]) -> TimeSeries:
    """Return one series over an array: at each time, of the values that there are."""
    times = sorted({at for series in array for at in series.points})
    points = {at: of([series.points[at] for series in array if at in series.points]) for at in times}
    return TimeSeries(points, math.lcm(*(series.period for series in array)) if array else 1)


def condition(test: Value, yes: Value, no: Value | None = None) -> Value:
    """Return IF(test, yes, no): value by value, or as a whole by a number; without `no` the rest is left out."""
    if isinstance(test, float):
        chosen = yes if test else no
        if chosen is None:
            if not isinstance(yes, TimeSeries):
                raise BadExpression("IF of two arguments needs a time series as the second")
            return yes.with_points({})
        return chosen
    if isinstance(test, tuple):
        return tuple(_conditional(each, yes, no) for each in test)
    if isinstance(test, str):
        raise BadExpression("The condition of IF must be a number or time series")
    return _conditional(test, yes, no)


def _conditional(test: TimeSeries, yes: Value, no: Value | None) -> TimeSeries:
    shown = yes if isinstance(yes, TimeSeries) else no if isinstance(no, TimeSeries) else test
    chosen = ((at, _value_at(yes if value else no, at)) for at, value in _points(test))
    return _kept(shown, chosen)


def _value_at(value: Value | None, at: int) -> float | None:
    if isinstance(value, TimeSeries):
        return value.points.get(at)
    if value is None or isinstance(value, float):
        return value
    raise BadExpression("IF needs numbers or time series as its values")


def metric_count(value: Value) -> Value:
    """Return how many series an array has."""
    return float(len(_array("METRIC_COUNT", value)))


def period(value: Value) -> Value:
    """Return a series' period in seconds."""
    if not isinstance(value, TimeSeries):
        raise BadExpression("PERIOD needs a time series")
    return float(value.period)


def first(value: Value) -> Value:
    """Return the first series of an array."""
    return _array("FIRST", value)[0] if _array("FIRST", value) else ()


def last(value: Value) -> Value:
    """Return the last series of an array."""
    return _array("LAST", value)[-1] if _array("LAST", value) else ()


def remove_empty(value: Value) -> Value:
    """Return the series of an array that have points."""
    return tuple(series for series in _array("REMOVE_EMPTY", value) if series.points)


def cut(value: Value, start: Value, end: Value | None = None) -> Value:
    """Return SLICE: the series from `start` to before `end`; without an end, the one at `start`."""
    array = _array("SLICE", value)
    if not isinstance(start, float) or not (end is None or isinstance(end, float)):
        raise BadExpression("SLICE needs numbers as its bounds")
    if end is not None:
        return array[max(0, int(start)) : max(0, int(end))]
    return array[int(start)] if 0 <= start < len(array) else ()


def sort(value: Value, by: Value, order: Value, limit: Value | None = None) -> Value:
    """Return SORT: an array's series by a total of each, those without points last."""
    if by not in TOTAL or order not in ("ASC", "DESC"):
        raise BadExpression("SORT needs one of " + ", ".join(sorted(TOTAL)) + " and one of ASC, DESC")
    assert isinstance(by, str)
    of, sign = TOTAL[by], 1 if order == "ASC" else -1

    def place(series: TimeSeries) -> tuple[bool, float]:
        values = list(series.points.values())
        return not values, sign * of(values) if values else 0.0

    ordered = tuple(sorted(_array("SORT", value), key=place))
    return ordered[: int(limit)] if isinstance(limit, float) else ordered


def _array(function: str, value: Value) -> Several:
    if isinstance(value, TimeSeries):
        return (value,)
    if not isinstance(value, tuple):
        raise BadExpression(f"{function} needs an array of time series")
    return value


def _for_each(function: str, value: Value, change: Callable[[TimeSeries], TimeSeries]) -> Value:
    if isinstance(value, TimeSeries):
        return change(value)
    if isinstance(value, tuple):
        return tuple(change(series) for series in value)
    raise BadExpression(f"{function} needs a time series")


def _points(series: TimeSeries) -> list[Point]:
    return list(series.points.items())


def _kept(series: TimeSeries, points: Iterable[tuple[int, float | None]]) -> TimeSeries:
    return series.with_points({at: value for at, value in points if value is not None})


FUNCTIONS: Mapping[str, Function] = {
    **{name: each_value(name) for name in EACH},
    **{name: total(name) for name in TOTAL},
    **{name: run(name) for name in RUNS},
    **{name: calendar(name) for name in CALENDAR},
    "FIRST": first,
    "IF": condition,
    "LAST": last,
    "METRIC_COUNT": metric_count,
    "PERIOD": period,
    "REMOVE_EMPTY": remove_empty,
    "SLICE": cut,
    "SORT": sort,
}
ARGUMENTS: Mapping[str, tuple[int, int]] = {"IF": (2, 3), "SLICE": (2, 3), "SORT": (3, 4)}
"""The fewest and the most arguments, where that is not one."""
