"""Topics and subscriptions: what they are called, where they stand, and how often a delivery is tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.core.ids import Arn
from clary.store.records import Kind, Record

TOPIC = Kind("sns", "topic")
SUBSCRIPTION = Kind("sns", "subscription")
CONFIRMED, PENDING = "Confirmed", "PendingConfirmation"
HTTP = ("http", "https")
NOTIFICATION, CONFIRMATION, FAREWELL = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
"""The types of messages."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How a delivery over HTTP is tried again; SNS developer guide, «Creating an HTTP/S delivery policy»."""

    minDelayTarget: float = 20  # noqa: N815 - AWS's own names, as they stand in the document
    maxDelayTarget: float = 20  # noqa: N815
    numRetries: int = 3  # noqa: N815
    numNoDelayRetries: int = 0  # noqa: N815
    numMinDelayRetries: int = 0  # noqa: N815
    numMaxDelayRetries: int = 0  # noqa: N815
    backoffFunction: str = "linear"  # noqa: N815

    def delay_s(self, tries: int) -> float | None:
        """Return how long to wait after so many tries that failed; None when it was the last."""
        retry = tries - 1  # how many retries were made
        if retry >= self.numRetries:
            return None
        if retry < self.numNoDelayRetries:
            return 0.0
        retry -= self.numNoDelayRetries
        if retry < self.numMinDelayRetries:
            return self.minDelayTarget
        retry -= self.numMinDelayRetries
        steps = self.numRetries - self.numNoDelayRetries - self.numMinDelayRetries - self.numMaxDelayRetries
        return self.maxDelayTarget if retry >= steps else self._between(retry, steps)

    def _between(self, step: int, steps: int) -> float:
        part = step / (steps - 1) if steps > 1 else 0.0
        low, high = self.minDelayTarget, self.maxDelayTarget
        match self.backoffFunction:
            case "exponential":
                return low * (high / low) ** part if low else high * part
            case "geometric":
                return low + (high - low) * part**2
            case "arithmetic":
                return low + (high - low) * step * (step + 1) / (steps * (steps - 1)) if steps > 1 else low
            case _:
                return low + (high - low) * part


SERVICE_RETRIES = Retries(1, 600, numRetries=100_000, numNoDelayRetries=3, numMinDelayRetries=2,
                          numMaxDelayRetries=99_985, backoffFunction="exponential")  # fmt: skip
"""How a delivery to a queue is tried again."""


def retries_of(topic: Record | None, subscription: Mapping[str, Any]) -> Retries:
    """Return the retries of a subscription's spec: its own, else its topic's, else AWS's."""
    if subscription["Protocol"] not in HTTP:
        return SERVICE_RETRIES
    own = _document(subscription["Attributes"].get("DeliveryPolicy")).get("healthyRetryPolicy")
    topics = {} if topic is None else _document(topic.spec["Attributes"].get("DeliveryPolicy")).get("http", {})
    if own is None or topics.get("disableSubscriptionOverrides"):
        own = topics.get("defaultHealthyRetryPolicy", own)
    return Retries(**(own or {}))


def topic_arn_of(subscription_arn: str) -> str:
    """Return the ARN of a subscription's topic."""
    return subscription_arn.rpartition(":")[0]


def name_of(text: str) -> str:
    """Return what a topic or subscription is called in the store; '' if the text is no ARN of SNS."""
    arn = Arn.parse(text)
    return arn.resource if arn is not None and arn.service == "sns" else ""


def _document(text: str | None) -> Mapping[str, Any]:
    return json.loads(text) if text else {}
