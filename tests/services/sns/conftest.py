"""SNS as a fresh account uses it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def sns(aws: Any) -> Any:
    return aws("sns")


@pytest.fixture
def topic(sns: Any) -> str:
    return sns("CreateTopic", Name="t")["TopicArn"]


@pytest.fixture
def queue_arn(aws: Any) -> str:
    aws("sqs")("CreateQueue", QueueName="q")
    return f"arn:aws:sqs:us-east-1:{aws.account}:q"
