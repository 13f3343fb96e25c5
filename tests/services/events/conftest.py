"""EventBridge as a fresh account uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def events(aws: Any) -> Any:
    return aws("events")


@pytest.fixture
def due(aws: Any) -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """Give a function that returns what is to be delivered: to whom, and the event."""

    def read() -> list[tuple[str, dict[str, Any]]]:
        found = aws.store.event_deliveries.due(int(aws.store.clock() * 1000) + 1000, 100)
        return [(each.subscription_arn, json.loads(json.loads(each.content)["event"])) for each in found]

    return read


@pytest.fixture
def rule(aws: Any) -> Callable[..., str]:
    """Give a function that makes a rule with a queue as its target, and returns the rule's ARN."""

    def make(pattern: dict[str, Any], name: str = "r", **more: Any) -> str:
        told = aws("events")("PutRule", Name=name, EventPattern=json.dumps(pattern), **more)
        bus = {"EventBusName": more["EventBusName"]} if "EventBusName" in more else {}
        target = {"Id": "t", "Arn": f"arn:aws:sqs:{aws.region}:{aws.account}:q"}
        aws("events")("PutTargets", Rule=name, Targets=[target], **bus)
        return str(told["RuleArn"])

    return make
