"""CloudWatch metrics: values put, listed, and read as statistics over periods."""

from __future__ import annotations

from clary.services.cloudwatch.metric_data import MetricData
from clary.services.cloudwatch.metrics import Metrics
from clary.services.cloudwatch.statistics import Statistics
from clary.services.operation import Operations, Platform


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return Metrics(platform), Statistics(platform), MetricData(platform)
