"""Metric alarms: put, and found by the metric they watch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clary.resources.alarm import ALARM, DAY_S, HOUR_S, Alarm, AlarmType, period_of
from clary.resources.alarm_verdict import COMPARISONS
from clary.services.cloudwatch.alarm_records import check_actions, put_alarm, tags_of
from clary.services.cloudwatch.alarm_views import metric_alarm_shown
from clary.services.cloudwatch.data import dimensions_of
from clary.services.cloudwatch.faults import Invalid, InvalidCombination
from clary.services.cloudwatch.metric_math.syntax import Apply, walk
from clary.services.cloudwatch.queries import Query, Wanted, read_queries
from clary.services.cloudwatch.stats import stat
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import PAGE_MAX
from clary.store.query import Query as RecordQuery

MISSING = ("breaching", "notBreaching", "ignore", "missing")
LOW_SAMPLES = ("evaluate", "ignore")
SHORT_PERIODS = (10, 20, 30)
WEEK_S = 7 * DAY_S
OF_ONE_METRIC = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
NOT_OFFERED = ("EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval",
               "ActionConfiguration")  # fmt: skip


class MetricAlarms(Operations):
    """Alarms on a metric or on metric math."""

    @operation("PutMetricAlarm")
    def put(self, call: Call, request: Params) -> Result:
        """Make an alarm, or give one other parameters; its first evaluation follows at once."""
        spec = {name: value for name, value in request.items() if name not in ("AlarmName", "Tags")}
        if "Threshold" in spec:
            spec["Threshold"] = float(spec["Threshold"])  # Which in JSON may come as a whole number.
        _check(spec)
        put_alarm(call, request["AlarmName"], spec, _attributes(spec), tags_of(request))
        return None

    @operation("DescribeAlarmsForMetric")
    def of_metric(self, call: Call, request: Params) -> Result:
        """Return the alarms that watch one metric, and nothing else of it than is asked for."""
        page = call.store.records.page(
            ALARM, RecordQuery(limit=PAGE_MAX, attributes={"type": AlarmType.METRIC, "metric": _metric_text(request)})
        )
        alarms = [Alarm.read(record) for record in page.items]
        told = [name for name in ("Statistic", "ExtendedStatistic", "Period", "Unit") if name in request]
        return {
            "MetricAlarms": [
                metric_alarm_shown(alarm)
                for alarm in alarms
                if all(alarm.spec.get(name) == request[name] for name in told)
            ]
        }


def _attributes(spec: Mapping[str, Any]) -> dict[str, str]:
    metric = {} if "Metrics" in spec else {"metric": _metric_text(spec)}
    return {"type": AlarmType.METRIC, **metric}


def _metric_text(spec: Mapping[str, Any]) -> str:
    return json.dumps([spec["Namespace"], spec["MetricName"], dimensions_of(spec.get("Dimensions", ()))])


def _check(spec: Mapping[str, Any]) -> None:
    for name in NOT_OFFERED:
        if name in spec:
            raise Invalid(f"The parameter {name} is not offered by Clary.")
    for name in ("EvaluationPeriods", "ComparisonOperator"):
        if name not in spec:
            raise Invalid(f"The parameter {name} is required.")
    _check_watched(spec)
    _check_threshold(spec)
    _check_periods(spec)
    _check_words(spec)
    check_actions(spec)


def _check_watched(spec: Mapping[str, Any]) -> None:
    if "Metrics" in spec:
        both = [name for name in OF_ONE_METRIC if name in spec]
        if both:
            raise InvalidCombination(f"The parameters Metrics and {both[0]} are mutually exclusive.")
        _check_queries(spec)
        return
    for name in ("MetricName", "Namespace", "Period"):
        if name not in spec:
            raise Invalid(f"The parameter {name} is required for an alarm on a metric.")
    if ("Statistic" in spec) == ("ExtendedStatistic" in spec):
        raise InvalidCombination("You must specify either Statistic or ExtendedStatistic, but not both.")
    extended = spec.get("ExtendedStatistic")
    if extended is not None and ((known := stat(extended)) is None or not known.spread):
        raise Invalid(f"The value {extended} for parameter ExtendedStatistic is not supported.")


def _check_queries(spec: Mapping[str, Any]) -> None:
    queries = read_queries(spec["Metrics"])
    if sum(query.returned for query in queries.values()) != 1 + ("ThresholdMetricId" in spec and _returns(spec)):
        raise Invalid("Invalid metrics list: Exactly one element of the metrics list should return data.")
    for query in queries.values():
        _check_query(query)
    periods = {query.source.period for query in queries.values() if isinstance(query.source, Wanted)}
    if not periods:
        raise Invalid("Invalid metrics list: At least one element must be a metric.")
    if len(periods) > 1:
        raise Invalid("Invalid metrics list: All metrics of an alarm must have the same period.")


def _returns(spec: Mapping[str, Any]) -> bool:
    return any(each["Id"] == spec["ThresholdMetricId"] and each.get("ReturnData", True) for each in spec["Metrics"])


def _check_query(query: Query) -> None:
    if isinstance(query.source, Wanted):
        return
    for each in walk(query.source):
        if isinstance(each, Apply) and each.function in ("SEARCH", "ANOMALY_DETECTION_BAND"):
            raise Invalid(f"{each.function} is not supported on Metric Alarms.")


def _check_threshold(spec: Mapping[str, Any]) -> None:
    if spec["ComparisonOperator"] not in COMPARISONS:
        raise Invalid(f"The ComparisonOperator {spec['ComparisonOperator']} needs anomaly detection, "
                      "which is not offered by Clary.")  # fmt: skip
    if "ThresholdMetricId" in spec:
        if "Threshold" in spec:
            raise InvalidCombination("The parameters Threshold and ThresholdMetricId are mutually exclusive.")
        if spec["ThresholdMetricId"] not in {each["Id"] for each in spec.get("Metrics", ())}:
            raise Invalid("The ThresholdMetricId must be the id of an element of the metrics list.")
    elif "Threshold" not in spec:
        raise Invalid("The parameter Threshold is required.")


def _check_periods(spec: Mapping[str, Any]) -> None:
    period, count = period_of(spec), spec["EvaluationPeriods"]
    if period not in SHORT_PERIODS and period % 60:
        raise Invalid("The parameter Period must be 10, 20, 30 or a multiple of 60.")
    most = DAY_S if period < HOUR_S else WEEK_S
    if period * count > most:
        span = "a day" if most == DAY_S else "seven days"
        raise Invalid(
            f"Metrics cannot be checked across more than {span} (EvaluationPeriods * Period must be <= {most})."
        )
    if spec.get("DatapointsToAlarm", 1) > count:
        raise Invalid("The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.")


def _check_words(spec: Mapping[str, Any]) -> None:
    for name, allowed in (("TreatMissingData", MISSING), ("EvaluateLowSampleCountPercentile", LOW_SAMPLES)):
        if name in spec and spec[name] not in allowed:
            raise Invalid(f"Option {spec[name]} is not supported for {name}; it must be one of {', '.join(allowed)}.")
