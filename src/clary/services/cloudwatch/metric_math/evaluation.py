"""Expressions evaluated: a tree and a scene that knows the other queries give a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from clary.services.cloudwatch.metric_math.functions import ARGUMENTS, FUNCTIONS
from clary.services.cloudwatch.metric_math.syntax import (
    Apply,
    BadExpression,
    Binary,
    Name,
    Negative,
    Node,
    Number,
    Text,
)
from clary.services.cloudwatch.metric_math.syntax import Several as Brackets
from clary.services.cloudwatch.metric_math.values import Several, TimeSeries, Value, combined

WORDS = frozenset({"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM", "STDDEV", "DATAPOINT_COUNT"})
NOT_OFFERED = frozenset(
    {"ANOMALY_DETECTION_BAND", "DB_PERF_INSIGHTS", "INSIGHT_RULE_METRIC", "LAMBDA", "SERVICE_QUOTA"}
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an expression can see: the other queries, all metrics of the request, a search, and the times."""

    value: Callable[[str], Value]
    metrics: Mapping[str, TimeSeries]
    search: Callable[[str, str, int], Several]
    grid: Callable[[int], range]
    period: int


def evaluate(node: Node, scene: Scene) -> Value:
    """Return the value of a tree, or raise BadExpression."""
    match node:
        case Number(value):
            return value
        case Text(value):
            return value
        case Name(name):
            return name if name in WORDS else scene.value(name)
        case Negative(operand):
            return combined("*", evaluate(operand, scene), -1.0)
        case Binary(operator, left, right):
            return combined(operator, evaluate(left, scene), evaluate(right, scene))
        case Brackets(items):
            return tuple(_flat([evaluate(item, scene) for item in items]))
        case Apply():
            return _applied(node, scene)


def _flat(values: list[Value]) -> Iterator[TimeSeries]:
    for value in values:
        if isinstance(value, TimeSeries):
            yield value
        elif isinstance(value, tuple):
            yield from value
        else:
            raise BadExpression("An array holds time series only")


def _applied(node: Apply, scene: Scene) -> Value:
    name = node.function
    arguments = [evaluate(each, scene) for each in node.arguments]
    match name:
        case "METRICS":
            return _metrics(scene, arguments)
        case "SEARCH":
            return _search(scene, arguments)
        case "FILL":
            _check_count(name, arguments, 2, 2)
            return _filled(arguments[0], arguments[1], scene)
        case "TIME_SERIES":
            _check_count(name, arguments, 1, 1)
            return _constant(arguments[0], scene)
        case _:
            return _called(name, arguments)


def _called(name: str, arguments: list[Value]) -> Value:
    if name in NOT_OFFERED:
        raise BadExpression(f"The function {name} is not offered by Clary")
    if name not in FUNCTIONS:
        raise BadExpression(f"Unknown function '{name}'")
    _check_count(name, arguments, *ARGUMENTS.get(name, (1, 1)))
    return FUNCTIONS[name](*arguments)


def _check_count(name: str, arguments: list[Value], fewest: int, most: int) -> None:
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise BadExpression(f"The function {name} takes {wanted} arguments, not {len(arguments)}")


def _metrics(scene: Scene, arguments: list[Value]) -> Value:
    _check_count("METRICS", arguments, 0, 1)
    part = arguments[0] if arguments else ""
    if not isinstance(part, str):
        raise BadExpression("METRICS needs a text")
    return tuple(series for name, series in scene.metrics.items() if part in name)


def _search(scene: Scene, arguments: list[Value]) -> Value:
    _check_count("SEARCH", arguments, 2, 3)
    text, stat = arguments[:2]
    period = arguments[2] if len(arguments) > 2 else float(scene.period)
    if not (isinstance(text, str) and isinstance(stat, str) and isinstance(period, float)):
        raise BadExpression("SEARCH needs a search text, a statistic and a period")
    return scene.search(text, stat, int(period))


def _constant(value: Value, scene: Scene) -> Value:
    if not isinstance(value, float):
        raise BadExpression("TIME_SERIES needs a number")
    return TimeSeries(dict.fromkeys(scene.grid(scene.period), value), scene.period)


def _filled(value: Value, filling: Value, scene: Scene) -> Value:
    if isinstance(value, tuple):
        return tuple(_filled_series(series, filling, scene) for series in value)
    if not isinstance(value, TimeSeries):
        raise BadExpression("FILL needs a time series")
    return _filled_series(value, filling, scene)


def _filled_series(series: TimeSeries, filling: Value, scene: Scene) -> TimeSeries:
    grid = scene.grid(series.period)
    missing = [at for at in grid if at not in series.points]
    match filling:
        case "REPEAT":
            found = _repeated(series, grid)
        case "LINEAR":
            found = _linear(series, grid)
        case float():
            found = dict.fromkeys(missing, filling)
        case TimeSeries():
            found = {at: filling.points[at] for at in missing if at in filling.points}
        case _:
            raise BadExpression("FILL needs a number, a time series, REPEAT or LINEAR")
    return series.with_points(dict(sorted({**found, **series.points}.items())))


def _repeated(series: TimeSeries, grid: range) -> dict[int, float]:
    """Return the last value before each missing time; before the first value there is none."""
    found: dict[int, float] = {}
    before: float | None = None
    for at in grid:
        before = series.points.get(at, before)
        if before is not None:
            found[at] = before
    return found


def _linear(series: TimeSeries, grid: range) -> dict[int, float]:
    """Return what lies on the line between the values around each missing time."""
    found: dict[int, float] = {}
    for (start, low), (end, high) in pairwise(series.points.items()):
        for at in range(start + grid.step, end, grid.step):
            found[at] = low + (high - low) * (at - start) / (end - start)
    return found
