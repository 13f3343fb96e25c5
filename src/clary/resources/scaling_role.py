"""The service-linked role that Application Auto Scaling acts with in an account.

Its policy is AWSApplicationAutoscalingSageMakerEndpointPolicy, with the right to read the metrics that it scales by.
"""

from __future__ import annotations

import json
from functools import cache

from clary.access.policy import Policy, parse
from clary.access.principal import Principal
from clary.core.ids import arn

ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
PATH = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
SESSION = "AutoScaling"
ACTIONS = (
    "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:UpdateEndpointWeightsAndCapacities",
    "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms", "cloudwatch:GetMetricData",
    "application-autoscaling:*",
)  # fmt: skip


def role_arn(account: str) -> str:
    """Return the role's ARN."""
    return arn("iam", "", account, f"role/{PATH}/{ROLE}")


@cache  # it is the same for every account, and cannot change while the program runs
def _policy() -> Policy:
    statement = {"Effect": "Allow", "Action": list(ACTIONS), "Resource": "*"}
    return parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), source=ROLE)


def scaling_role(account: str) -> Principal:
    """Return a session of the role."""
    return Principal(
        account=account,
        arn=arn("sts", "", account, f"assumed-role/{ROLE}/{SESSION}"),
        sort="AssumedRole",
        user_id=f"{ROLE}:{SESSION}",
        identity=(_policy(),),
        role_arn=role_arn(account),
    )
