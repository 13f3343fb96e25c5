"""SQS as a fresh account uses it, and the other names it goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clary.core.errors import ServiceError


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


@pytest.fixture
def refused() -> Callable[[str], Any]:
    """Give a context that wants a ServiceError of a code."""

    @contextmanager
    def wanted(code: str) -> Iterator[None]:
        with pytest.raises(ServiceError) as caught:
            yield
        assert caught.value.code == code

    return wanted
