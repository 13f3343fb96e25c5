"""Metrics on a real file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.store.database import Database
from clary.store.points import Datapoint, Range
from clary.store.series import Datum, Metric, MetricQuery, Series
from clary.store.series_archive import SeriesArchive
from clary.store.summaries import SPREAD_MAX, Summary, merged, packed, unpacked

NOW = 1_800_000_000  # a whole hour
DAY_S = 24 * 3600
LOSS = Metric("/aws/sagemaker/TrainingJobs", "train:loss", (("TrainingJobName", "j"),))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SeriesArchive]:
    database = Database(tmp_path, "series")
    database.migrate()
    archive = SeriesArchive(database, lambda: float(NOW))
    yield archive
    archive.close()


@pytest.fixture
def series(archive: SeriesArchive) -> Series:
    return archive.of("111111111111", "us-east-1")


def datum(*values: float, at: float = NOW, unit: str = "None", fine: bool = False) -> Datum:
    return Datum(LOSS.name, LOSS.dimensions, at, values=values, unit=unit, high_resolution=fine)


def read(series: Series, *, start: int = NOW - 3600, end: int = NOW + 3600, period: int = 60) -> list[Datapoint]:
    return series.read(LOSS, Range(start, end, period, spread=True))


def test_values_of_the_same_minute_share_a_point(series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0), datum(3.0, at=NOW + 59), datum(9.0, at=NOW + 60)])
    series.put(LOSS.namespace, [datum(2.0, at=NOW + 30)])
    first, second = read(series)
    assert (first.at, first.summary) == (NOW, Summary(3, 6, 1, 3, {1.0: 1, 2.0: 1, 3.0: 1}))
    assert (second.at, second.summary.sum) == (NOW + 60, 9)


def test_values_that_ask_for_it_are_kept_by_the_second(series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0, fine=True), datum(2.0, at=NOW + 1.7, fine=True)])
    assert [point.at for point in read(series, period=1)] == [NOW, NOW + 1]
    assert [point.summary.count for point in read(series, period=60)] == [2]


def test_a_period_finer_than_what_is_stored_has_no_points(series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0)])
    assert read(series, period=5) == []


def test_values_of_different_units_stay_apart(series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0, unit="Seconds"), datum(2.0, unit="Milliseconds")])
    assert {(point.unit, point.summary.sum) for point in read(series)} == {("Seconds", 1), ("Milliseconds", 2)}
    only = series.read(LOSS, Range(NOW, NOW + 60, 60, unit="Seconds"))
    assert [point.summary.sum for point in only] == [1]


def test_periods_begin_at_the_start_of_the_range(series: Series) -> None:
    series.put(LOSS.namespace, [datum(float(minute), at=NOW + minute * 60) for minute in range(10)])
    points = read(series, start=NOW + 120, end=NOW + 480, period=300)
    assert [(point.at, point.summary.count) for point in points] == [(NOW + 120, 5), (NOW + 420, 1)]


def test_totals_alone_answer_the_same_as_spreads_do(series: Series) -> None:
    series.put(LOSS.namespace, [datum(float(each), at=NOW + each) for each in range(500)])
    plain = series.read(LOSS, Range(NOW, NOW + 600, 300))
    assert [point.summary for point in plain] == [
        Summary(point.summary.count, point.summary.sum, point.summary.min, point.summary.max, None)
        for point in read(series, start=NOW, end=NOW + 600, period=300)
    ]


def test_a_statistic_set_hides_how_values_spread(series: Series) -> None:
    totals = Summary.of_totals(10, 50, 1, 9)
    series.put(LOSS.namespace, [Datum(LOSS.name, LOSS.dimensions, NOW, totals=totals), datum(4.0)])
    (point,) = read(series)
    assert point.summary == Summary(11, 54, 1, 9, None)


def test_a_batch_that_was_stored_already_is_skipped(series: Series) -> None:
    for _ in range(2):
        series.put(LOSS.namespace, [datum(1.0)], mark=("gateway-1", 7))
    assert [point.summary.count for point in read(series)] == [1]
    assert series.shipped("gateway-1") == 7


def test_metrics_are_listed_by_name_and_dimensions(archive: SeriesArchive, series: Series) -> None:
    for host in ("a", "b"):
        series.put("N", [Datum("m", (("Zone", "z"), ("Host", host)), NOW, values=(1.0,))])
    series.put("Other/with slash", [Datum("n", (), NOW, values=(1.0,))])

    def names(query: MetricQuery, limit: int = 500) -> list[tuple[str, ...]]:
        return [(metric.name, *(value for _, value in metric.dimensions)) for metric in series.metrics(query, limit)]

    assert names(MetricQuery()) == [("m", "a", "z"), ("m", "b", "z"), ("n",)]
    assert names(MetricQuery(dimensions=[("Host", "b"), ("Zone", None)])) == [("m", "b", "z")]
    assert names(MetricQuery(namespace="Other/with slash")) == [("n",)]
    assert names(MetricQuery(after=Metric("N", "m", (("Host", "a"), ("Zone", "z"))))) == [("m", "b", "z"), ("n",)]
    assert names(MetricQuery(seen_after=NOW + 1)) == []
    assert archive.of("222222222222", "us-east-1").metrics(MetricQuery(), 10) == []


def test_points_grow_coarser_with_age_and_lose_nothing_but_time(archive: SeriesArchive, series: Series) -> None:
    series.put(LOSS.namespace, [datum(float(second), at=NOW + second, fine=True) for second in range(600)])
    expected = {0: (600, 1), 1: (600, 60), 16: (600, 300), 64: (600, 3600)}
    for days, (count, period) in expected.items():
        archive.roll_up(NOW + days * DAY_S)
        points = read(series, start=NOW, period=period)
        assert sum(point.summary.count for point in points) == count
        assert len(points) == max(1, 600 // period)
        assert points[-1].summary.max == 599
        if period > 1:
            finer = {60: 1, 300: 60, 3600: 300}[period]
            assert read(series, start=NOW, period=finer) == []


def test_late_values_join_points_that_were_rolled_up(archive: SeriesArchive, series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0, at=NOW)])
    archive.roll_up(NOW + 16 * DAY_S)
    series.put(LOSS.namespace, [datum(2.0, at=NOW + 61)])
    archive.roll_up(NOW + 16 * DAY_S)
    assert [point.summary for point in read(series, period=300)] == [Summary(2, 3, 1, 2, {1.0: 1, 2.0: 1})]


def test_what_is_past_every_age_is_forgotten(archive: SeriesArchive, series: Series) -> None:
    series.put(LOSS.namespace, [datum(1.0)], mark=("gateway-1", 7))
    archive.roll_up(NOW + 500 * DAY_S)
    assert series.metrics(MetricQuery(), 10) == []
    assert series.shipped("gateway-1") == 0


def test_a_purge_leaves_nothing_of_an_account_and_all_of_the_others(archive: SeriesArchive, series: Series) -> None:
    other = archive.of("222222222222", "us-east-1")
    for each in (series, other):
        each.put(LOSS.namespace, [datum(1.0)])
    archive.purge("111111111111")
    assert read(series) == []
    assert series.metrics(MetricQuery(), 10) == []
    assert len(read(other)) == 1


def test_many_distinct_values_stay_within_one_per_cent() -> None:
    draw = random.Random(1)
    values = [draw.lognormvariate(3, 1) for _ in range(10_000)]
    summary = Summary.of(values)
    blob = packed(summary)
    assert blob is not None
    assert len(blob) < 5000
    stored = unpacked(summary.count, summary.sum, summary.min, summary.max, blob)
    assert stored.spread is not None
    assert sum(stored.spread.values()) == len(values)
    ranked = [value for value, count in sorted(stored.spread.items()) for _ in range(int(count))]
    for exact, kept in zip(sorted(values), ranked, strict=True):
        assert kept == pytest.approx(exact, rel=0.0101)


numbers = st.floats(min_value=-1e9, max_value=1e9).map(lambda value: value + 0.0)


@given(st.lists(numbers, min_size=1, max_size=SPREAD_MAX))
def test_a_small_spread_is_stored_exactly(values: list[float]) -> None:
    summary = Summary.of(values)
    assert unpacked(summary.count, summary.sum, summary.min, summary.max, packed(summary)).spread == summary.spread


@given(st.lists(st.lists(numbers, min_size=1, max_size=9), min_size=1, max_size=9))
def test_merging_is_adding_up_all_values_at_once(batches: list[list[float]]) -> None:
    together = Summary.of([value for batch in batches for value in batch])
    piecewise = merged([Summary.of(batch) for batch in batches])
    assert (piecewise.count, piecewise.min, piecewise.max) == (together.count, together.min, together.max)
    assert piecewise.spread == together.spread
    assert piecewise.sum == pytest.approx(together.sum, abs=1e-3)
