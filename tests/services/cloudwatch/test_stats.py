"""Statistics by name, against the definitions in the CloudWatch user guide."""

from __future__ import annotations

import pytest

from clary.services.cloudwatch.stats import stat
from clary.store.summaries import Summary

TO_100 = Summary.of([float(value) for value in range(1, 101)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 100),
        ("Average", 50.5),
        ("p50", 50),
        ("p99.9", 100),
        ("p0", 1),
        ("p100", 100),
        ("tm90", sum(range(1, 91)) / 90),
        ("TM(10%:90%)", sum(range(11, 91)) / 80),
        ("TM(10:20)", sum(range(11, 21)) / 10),
        ("TM(:20)", 10.5),
        ("TM(95%:)", sum(range(96, 101)) / 5),
        ("wm90", (sum(range(1, 91)) + 10 * 90) / 100),
        ("tc90", 90),
        ("TC(90:)", 10),
        ("ts90", sum(range(1, 91))),
        ("TS(80%:)", sum(range(81, 101))),
        ("PR(:25)", 25),
        ("PR(25:75)", 50),
        ("IQM", sum(range(26, 76)) / 50),
    ],
)
def test_a_statistic_of_the_numbers_to_a_hundred(name: str, expected: float) -> None:
    known = stat(name)
    assert known is not None
    assert known.evaluate(TO_100) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["p101", "q50", "tm", "TM(90%:10%)", "TM(10%:20)", "PR(1%:2%)", "PR(:)", "average"])
def test_a_name_that_is_no_statistic_is_none(name: str) -> None:
    assert stat(name) is None


def test_a_value_across_a_bound_counts_in_part() -> None:
    known = stat("tm75")
    assert known is not None
    assert known.evaluate(Summary.of([1.0, 5.0])) == pytest.approx((1.0 + 0.5 * 5.0) / 1.5)


def test_negative_values_have_no_percentiles() -> None:
    known = stat("p50")
    assert known is not None
    assert known.evaluate(Summary.of([-1.0, 1.0])) is None
