from __future__ import annotations

import pytest

from clary.access.decide import Requirement, decide
from clary.resources.scaling_role import role_arn, scaling_role


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("sagemaker:UpdateEndpointWeightsAndCapacities", True),
        ("cloudwatch:PutMetricAlarm", True),
        ("application-autoscaling:PutScalingPolicy", True),
        ("sagemaker:DeleteEndpoint", False),
        ("iam:PassRole", False),
        ("s3:GetObject", False),
    ],
)
def test_the_role_may_scale_and_nothing_else(action: str, allowed: bool) -> None:
    role = scaling_role("111111111111")
    assert (
        decide(role, Requirement(action, "arn:aws:sagemaker:us-east-1:111111111111:endpoint/e", {})).allowed is allowed
    )
    assert role.account == "111111111111"
    assert role.role_arn == role_arn("111111111111")
