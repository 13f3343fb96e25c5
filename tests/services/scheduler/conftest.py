"""EventBridge Scheduler as a fresh account uses it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def scheduler(aws: Any) -> Any:
    return aws("scheduler")


@pytest.fixture
def asked(aws: Any) -> dict[str, Any]:
    """Give what a schedule needs: a queue is sent a message every hour."""
    return {
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": f"arn:aws:sqs:us-east-1:{aws.account}:q",
            "RoleArn": f"arn:aws:iam::{aws.account}:role/sender",
        },
    }
