"""SQS as a fresh account uses it, and the other names it goes by."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def sqs(aws: Any) -> Any:
    return aws("sqs")


@pytest.fixture
def queue(sqs: Any) -> str:
    return sqs("CreateQueue", QueueName="q")["QueueUrl"]


@pytest.fixture
def fifo(sqs: Any) -> str:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs("CreateQueue", QueueName="q.fifo", Attributes=attributes)["QueueUrl"]
