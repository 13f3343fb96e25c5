"""What alarms watch, measured in rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.services.cloudwatch.test_metric_alarms import RULE, WATCH, stat

from clary.resources.alarm import ALARM, Alarm, Sample
from clary.services.cloudwatch.measurements import Remembered, Round
from clary.store.points import Datapoint, Range
from clary.store.series import Datum, Metric, MetricQuery, Series


@dataclass(frozen=True)
class Counted:
    """The series of an account; keeps what is read of them, and how many at once."""

    series: Series
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def account(self) -> str:
        return self.series.account

    @property
    def region(self) -> str:
        return self.series.region

    def read(self, metric: Metric, wanted: Range) -> list[Datapoint]:
        self.reads.append((1, (wanted.end - wanted.start) // wanted.period))
        return self.series.read(metric, wanted)

    def read_many(self, metrics: Sequence[Metric], wanted: Range) -> dict[Metric, list[Datapoint]]:
        self.reads.append((len(metrics), (wanted.end - wanted.start) // wanted.period))
        return self.series.read_many(metrics, wanted)

    def metrics(self, query: MetricQuery, limit: int) -> list[Metric]:
        return self.series.metrics(query, limit)


def alarms(aws: Any, **specs: dict[str, Any]) -> list[Alarm]:
    for name, spec in specs.items():
        aws("cloudwatch")("PutMetricAlarm", AlarmName=name, **spec)
    records = aws.call("cloudwatch", "DescribeAlarms").store.records
    return [Alarm.read(records.find(ALARM, name)) for name in specs]


def values(samples: Any) -> list[float | None]:
    assert all(isinstance(each, Sample) for each in samples)
    return [each.value for each in samples]


def test_a_metric_is_read_once_for_all_alarms_on_it_and_together_with_others(aws: Any) -> None:
    now = aws.store.clock() // 60 * 60 + 10
    series = aws.store.series(aws.account, aws.region)
    for minute, value in enumerate((3.0, 2.0, 1.0), 1):
        series.put("N", [Datum(name, (), now - 60 * minute, values=[value, value]) for name in ("m", "x")])
    watching = alarms(
        aws,
        short=WATCH,
        long={**WATCH, "EvaluationPeriods": 3},
        mean={**WATCH, "Statistic": "Average"},
        other={**WATCH, "MetricName": "x", "EvaluationPeriods": 3},
        spread={name: value for name, value in {**WATCH, "ExtendedStatistic": "p50"}.items() if name != "Statistic"},
        sum={**RULE, "Metrics": [stat("m"), stat("x"), {"Id": "e", "Expression": "m + x"}]},
    )
    counted = Counted(series)
    measured = Round(Remembered(counted), now)
    measured.prepare((alarm, alarm.span(now)) for alarm in watching)
    found = {alarm.name: values(measured.samples(alarm, alarm.span(now))) for alarm in watching}
    assert counted.reads == [(2, 5), (1, 3)]  # both metrics at once, as far back as any asks; and a percentile
    assert found == {
        "short": [2.0, 4.0, 6.0],
        "long": [None, None, 2.0, 4.0, 6.0],
        "mean": [1.0, 2.0, 3.0],
        "other": [None, None, 2.0, 4.0, 6.0],
        "spread": [1.0, 2.0, 3.0],
        "sum": [4.0, 8.0, 12.0],
    }


def test_several_metrics_read_at_once_are_what_each_is_by_itself(aws: Any) -> None:
    now = int(aws.store.clock()) // 3600 * 3600
    series = aws.store.series(aws.account, aws.region)
    metrics = [Metric("N", name, (("d", "v"),)) for name in ("a", "b", "none")]
    for second in range(0, 600, 7):
        series.put("N", [Datum("a", (("d", "v"),), now + second, values=[second], unit="Count", high_resolution=True),
                         Datum("b", (("d", "v"),), now + second, values=[-second, 1.5])])  # fmt: skip
    for wanted in (Range(now, now + 600, 60), Range(now + 30, now + 500, 90), Range(now, now + 600, 10, "Count")):
        assert series.read_many(metrics, wanted) == {metric: series.read(metric, wanted) for metric in metrics}


def test_percentiles_of_few_values_are_passed_over_where_the_alarm_says_so(aws: Any) -> None:
    now = aws.store.clock() // 60 * 60 + 10
    percentile = {name: value for name, value in {**WATCH, "ExtendedStatistic": "p90"}.items() if name != "Statistic"}
    plain, minding = alarms(aws, plain=percentile, minding={**percentile, "EvaluateLowSampleCountPercentile": "ignore"})
    series = aws.store.series(aws.account, aws.region)
    for count, told in ((99, []), (1, [None, None, 5.0])):  # a hundred values leave ten beyond the ninetieth
        series.put("N", [Datum("m", (), now - 60, values=[5.0], counts=[count])])
        measured = Round(Remembered(series), now)
        assert values(measured.samples(plain, plain.span(now))) == [None, None, 5.0]
        assert values(measured.samples(minding, minding.span(now))) == told
