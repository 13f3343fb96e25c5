"""SNS as a fresh account uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clary.core.errors import ServiceError


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


@pytest.fixture
def refused() -> Callable[[str], Any]:
    """Give a context that wants a ServiceError of a code."""

    @contextmanager
    def wanted(code: str) -> Iterator[None]:
        with pytest.raises(ServiceError) as caught:
            yield
        assert caught.value.code == code

    return wanted
