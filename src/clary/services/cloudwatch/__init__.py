"""CloudWatch: metrics put, listed and calculated with; alarms on them; dashboards."""

from __future__ import annotations

from clary.services.cloudwatch.alarm_histories import AlarmHistories
from clary.services.cloudwatch.alarms import Alarms
from clary.services.cloudwatch.composite_alarms import CompositeAlarms
from clary.services.cloudwatch.dashboards import Dashboards
from clary.services.cloudwatch.metric_alarms import MetricAlarms
from clary.services.cloudwatch.metric_data import MetricData
from clary.services.cloudwatch.metrics import Metrics
from clary.services.cloudwatch.statistics import Statistics
from clary.services.cloudwatch.tags import Tags
from clary.services.operation import Operations, Platform

NOUNS = (
    Metrics, Statistics, MetricData, MetricAlarms, CompositeAlarms, Alarms, AlarmHistories, Dashboards, Tags,
)  # fmt: skip


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in NOUNS)
