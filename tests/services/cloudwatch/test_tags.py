"""TagResource, UntagResource and ListTagsForResource."""

from __future__ import annotations

from typing import Any

import pytest
from tests.services.cloudwatch.test_metric_alarms import WATCH

from clary.core.errors import ServiceError


def test_alarms_and_dashboards_have_tags(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    cloudwatch("PutMetricAlarm", AlarmName="a", **WATCH, Tags=[{"Key": "x", "Value": "1"}])
    cloudwatch("PutDashboard", DashboardName="d", DashboardBody='{"widgets": []}', Tags=[{"Key": "x", "Value": "1"}])
    for arn in (
        f"arn:aws:cloudwatch:us-east-1:{aws.account}:alarm:a",
        f"arn:aws:cloudwatch::{aws.account}:dashboard/d",
    ):
        cloudwatch("TagResource", ResourceARN=arn, Tags=[{"Key": "x", "Value": "2"}, {"Key": "y", "Value": ""}])
        cloudwatch("UntagResource", ResourceARN=arn, TagKeys=["y", "z"])
        assert cloudwatch("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "x", "Value": "2"}]
    assert len(cloudwatch("DescribeAlarmsForMetric", Namespace="N", MetricName="m")["MetricAlarms"]) == 1


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:cloudwatch:us-east-1:{account}:alarm:gone", "ResourceNotFoundException"),
        ("arn:aws:cloudwatch:eu-west-1:{account}:alarm:a", "ResourceNotFoundException"),
        ("arn:aws:cloudwatch:us-east-1:999999999999:alarm:a", "ResourceNotFoundException"),
        ("alarm:a", "InvalidParameterValue"),
    ],
)
def test_what_is_not_there_has_no_tags(aws: Any, arn: str, code: str) -> None:
    aws("cloudwatch")("PutMetricAlarm", AlarmName="a", **WATCH)
    with pytest.raises(ServiceError) as caught:
        aws("cloudwatch")("ListTagsForResource", ResourceARN=arn.format(account=aws.account))
    assert caught.value.code == code
