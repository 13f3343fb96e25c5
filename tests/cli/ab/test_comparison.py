"""The statistics against published values, and against SciPy."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from clary.cli.ab.comparison import (
    BETA,
    WELCH,
    Sample,
    compare,
    newcombe,
    probability_above,
    t_cdf,
    t_quantile,
    wilson,
)


def proportion(successes: int, count: int) -> Sample:
    return Sample.of([1.0] * successes + [0.0] * (count - successes))


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombes_table(successes: int, count: int, low: float, high: float) -> None:
    assert wilson(proportion(successes, count), 1.959964) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("b", "a", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombes_table(b, a, low: float, high: float) -> None:
    assert newcombe(proportion(*a), proportion(*b), 0.95) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("a", "b"),
    [((0, 1), (1, 1)), ((3, 10), (9, 10)), ((48, 80), (56, 70)), ((500, 1000), (530, 1000)), ((99, 100), (5, 9))],
)
def test_the_probability_is_the_integral_over_both_posteriors(a: tuple[int, int], b: tuple[int, int]) -> None:
    first, second = (stats.beta(successes + 1, count - successes + 1) for successes, count in (a, b))
    expected, _ = integrate.quad(lambda p: first.cdf(p) * second.pdf(p), 0, 1, epsabs=1e-12, limit=500)
    assert probability_above(proportion(*a), proportion(*b)) == pytest.approx(expected, abs=1e-8)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_one_of_two_is_better_and_its_probability_follows_the_other(won_a: int, lost_a: int, won_b: int, lost_b: int):
    assume(won_a + lost_a and won_b + lost_b)
    a, b = proportion(won_a, won_a + lost_a), proportion(won_b, won_b + lost_b)
    assert probability_above(a, b) + probability_above(b, a) == pytest.approx(1.0)
    low, high = newcombe(a, b, 0.95)
    assert -1 - 1e-9 <= low <= b.mean - a.mean <= high <= 1 + 1e-9


def test_equal_proportions_are_better_with_a_probability_of_one_half() -> None:
    assert probability_above(proportion(30, 100), proportion(30, 100)) == pytest.approx(0.5)


def test_very_many_rewards_go_over_to_the_normal_distribution_without_a_step() -> None:
    few = [Sample(190_000, share, share * (1 - share), True) for share in (0.5, 0.502)]
    many = [Sample(210_000, share, share * (1 - share), True) for share in (0.5, 0.502)]
    assert probability_above(*few) < probability_above(*many) < probability_above(*few) + 0.02


@pytest.mark.parametrize("freedom", [1.0, 2.5, 10.0, 29.0, 500.0, 1e6])
@pytest.mark.parametrize("value", [-40.0, -3.1, -0.2, 0.0, 0.7, 2.228139, 9.0])
def test_students_distribution_is_scipys(value: float, freedom: float) -> None:
    assert t_cdf(value, freedom) == pytest.approx(stats.t.cdf(value, freedom), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [(0.975, 10, 2.228139), (0.975, 1, 12.706205), (0.95, 5, 2.015048), (0.025, 30, -2.042272), (0.5, 7, 0.0)],
)
def test_students_quantiles_are_those_of_the_tables(probability: float, freedom: float, value: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(value, abs=1e-6)


def test_real_rewards_are_compared_as_welch_does() -> None:
    a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 25.0]
    told = compare(Sample.of(a), Sample.of(b), 0.95)
    assert told is not None
    expected = stats.ttest_ind(b, a, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert told.method == WELCH
    assert (told.low, told.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert 1 - told.probability == pytest.approx(expected.pvalue / 2, rel=1e-9)


def test_rewards_of_0_and_1_are_proportions_and_any_other_makes_them_real() -> None:
    told = compare(proportion(10, 100), proportion(90, 100), 0.95)
    assert told is not None
    assert (told.method, round(told.difference, 9)) == (BETA, 0.8)
    assert told.probability > 0.999999
    mixed = compare(proportion(10, 100), Sample.of([0.0, 1.0, 0.5]), 0.95)
    assert mixed is not None
    assert mixed.method == WELCH


@pytest.mark.parametrize(("a", "b"), [([0.5], [0.1, 0.7]), ([2.0, 2.0], [3.0, 3.0])])
def test_nothing_is_said_where_the_spread_is_not_known(a: list[float], b: list[float]) -> None:
    assert compare(Sample.of(a), Sample.of(b), 0.95) is None


def test_more_confidence_makes_a_wider_interval() -> None:
    narrow, wide = (compare(proportion(40, 90), proportion(50, 90), each) for each in (0.8, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low < narrow.difference < narrow.high < wide.high
    assert math.isclose(narrow.probability, wide.probability)
