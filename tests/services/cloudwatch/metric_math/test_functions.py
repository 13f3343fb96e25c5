"""Functions and operators on series, as the user guide describes them."""

from __future__ import annotations

import math

import pytest

from clary.services.cloudwatch.metric_math.evaluation import Scene, evaluate
from clary.services.cloudwatch.metric_math.syntax import BadExpression, parse
from clary.services.cloudwatch.metric_math.values import TimeSeries, Value

START = 1795305600  # Sunday, 22 November 2026, 00:00 UTC


def series(*values: float | None, period: int = 60) -> TimeSeries:
    points = {START + place * period: value for place, value in enumerate(values) if value is not None}
    return TimeSeries(points, period)


KNOWN: dict[str, Value] = {
    "a": series(1.0, 2.0, 3.0, 4.0),
    "b": series(10.0, None, 30.0, 40.0),
    "z": series(),
    "neg": series(-1.5, 0.0, 2.5),
    "both": (series(1.0, 2.0), series(3.0, None, 5.0)),
}


def value(expression: str) -> Value:
    metrics = {name: each for name, each in KNOWN.items() if isinstance(each, TimeSeries)}
    scene = Scene(
        KNOWN.__getitem__, metrics, lambda *asked: (), lambda period: range(START, START + 240, period), period=60
    )
    return evaluate(parse(expression), scene)


def plain(found: Value) -> object:
    """Return a value without times: of a series its values, None where there is no point."""
    match found:
        case TimeSeries(points, period):
            last = max(points, default=START - period)
            return [points.get(at) for at in range(START, last + 1, period)]
        case tuple():
            return [plain(each) for each in found]
        case _:
            return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("a * 2", [2.0, 4.0, 6.0, 8.0]),
        ("a + b", [11.0, None, 33.0, 44.0]),
        ("a / 0", []),
        ("both + 1", [[2.0, 3.0], [4.0, None, 6.0]]),
        ("a + both", [[2.0, 4.0], [4.0, None, 8.0]]),
        ("a >= 3", [0.0, 0.0, 1.0, 1.0]),
        ("a > 1 AND a < 4", [0.0, 1.0, 1.0, 0.0]),
        ("neg || 0", [1.0, 0.0, 1.0]),
        ("ABS(neg)", [1.5, 0.0, 2.5]),
        ("CEIL(neg)", [-1.0, 0.0, 3.0]),
        ("FLOOR(neg)", [-2.0, 0.0, 2.0]),
        ("LOG10(a * 0 + 100)", [2.0, 2.0, 2.0, 2.0]),
        ("LOG(neg)", [None, None, math.log(2.5)]),
        ("AVG(a)", 2.5),
        ("AVG(both)", [2.0, 2.0, 5.0]),
        ("SUM([a, b])", [11.0, 2.0, 33.0, 44.0]),
        ("MAX(a) - MIN(a)", 3.0),
        ("STDDEV(a)", math.sqrt(1.25)),
        ("DATAPOINT_COUNT(b)", 3.0),
        ("DATAPOINT_COUNT(both)", [2.0, 1.0, 1.0]),
        ("DIFF(a)", [None, 1.0, 1.0, 1.0]),
        ("DIFF(b)", [None, None, 20.0, 10.0]),
        ("DIFF_TIME(b)", [None, None, 120.0, 60.0]),
        ("RATE(b)", [None, None, 20 / 120, 10 / 60]),
        ("RUNNING_SUM(a)", [1.0, 3.0, 6.0, 10.0]),
        ("FILL(b, 0)", [10.0, 0.0, 30.0, 40.0]),
        ("FILL(b, REPEAT)", [10.0, 10.0, 30.0, 40.0]),
        ("FILL(b, LINEAR)", [10.0, 20.0, 30.0, 40.0]),
        ("FILL(b, a)", [10.0, 2.0, 30.0, 40.0]),
        ("FILL(z, 7)", [7.0, 7.0, 7.0, 7.0]),
        ("IF(a > 2, 1, 0)", [0.0, 0.0, 1.0, 1.0]),
        ("IF(a > 2, b)", [None, None, 30.0, 40.0]),
        ("IF(1, a, b)", [1.0, 2.0, 3.0, 4.0]),
        ("FIRST(both)", [1.0, 2.0]),
        ("LAST(both)", [3.0, None, 5.0]),
        ("SLICE(both, 1)", [3.0, None, 5.0]),
        ("SLICE(both, 0, 1)", [[1.0, 2.0]]),
        ("SORT(both, MAX, DESC, 1)", [[3.0, None, 5.0]]),
        ("SORT([z, a], SUM, ASC)", [[1.0, 2.0, 3.0, 4.0], []]),
        ("REMOVE_EMPTY([z, a])", [[1.0, 2.0, 3.0, 4.0]]),
        ("METRIC_COUNT(both)", 2.0),
        ("METRIC_COUNT(METRICS())", 4.0),
        ("PERIOD(a)", 60.0),
        ("TIME_SERIES(3)", [3.0, 3.0, 3.0, 3.0]),
        ("MINUTE(a)", [0.0, 1.0, 2.0, 3.0]),
        ("HOUR(neg)", [0.0, 0.0, 0.0]),
        ("DAY(neg)", [7.0, 7.0, 7.0]),
        ("DATE(neg)", [22.0, 22.0, 22.0]),
        ("MONTH(neg)", [11.0, 11.0, 11.0]),
        ("YEAR(neg)", [2026.0, 2026.0, 2026.0]),
        ("EPOCH(neg) - 1795305600", [0.0, 60.0, 120.0]),
    ],
)
def test_a_function_gives_what_the_guide_says(expression: str, expected: object) -> None:
    assert plain(value(expression)) == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("both + both", "cannot be applied to two arrays"),
        ("MAX()", "takes 1 arguments, not 0"),
        ("FROB(a)", "Unknown function 'FROB'"),
        ("FILL(a, 'x')", "FILL needs"),
        ("DIFF(1)", "DIFF needs a time series"),
        ("SORT(both, LINEAR, ASC)", "SORT needs one of"),
        ("1 / 0", "has no result"),
        ("a + 'x'", "cannot be applied to a text"),
        ("[1, a]", "An array holds time series only"),
        ("LAMBDA('f')", "is not offered by Clary"),
    ],
)
def test_what_a_function_cannot_take_is_refused(expression: str, message: str) -> None:
    with pytest.raises(BadExpression, match=message):
        value(expression)
