"""EventBridge Scheduler as a fresh account uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def scheduler(aws: Any) -> Any:
    return aws("scheduler")


@pytest.fixture
def refused() -> Callable[[str], Any]:
    """Give a context that wants a ServiceError of a code."""

    @contextmanager
    def wanted(code: str) -> Iterator[None]:
        with pytest.raises(ServiceError) as caught:
            yield
        assert caught.value.code == code

    return wanted


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
