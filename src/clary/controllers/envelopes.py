"""How a published message looks to its receivers.

SNS developer guide, «Parsing Amazon SNS message formats». Messages bear no signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from clary.store.deliveries import Delivery

AGENT = "Amazon Simple Notification Service Agent"
Content = Mapping[str, Any]


def message_for(content: Content, protocol: str) -> str:
    """Return the message as it is meant for a protocol."""
    by_protocol = content.get("Messages") or {}
    text: str = by_protocol.get(protocol) or by_protocol.get("default") or content["Message"]
    return text


def envelope(delivery: Delivery, content: Content, protocol: str, endpoint: str) -> str:
    """Return the JSON document that carries a message."""
    at = datetime.fromtimestamp(delivery.published_ms / 1000, UTC)
    told: dict[str, Any] = {
        "Type": content["Type"],
        "MessageId": delivery.message_id,
        "TopicArn": delivery.topic_arn,
        "Message": message_for(content, protocol),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
    }
    if content["Type"] != "Notification":
        return json.dumps({**told, "Token": content["Token"], "SubscribeURL": content["SubscribeURL"]}, indent=2)
    if content.get("Subject"):
        told["Subject"] = content["Subject"]
    if content.get("Group"):
        told["SequenceNumber"] = f"{delivery.sequence:020}"
    if content.get("Attributes"):
        told["MessageAttributes"] = content["Attributes"]
    query = urlencode({"Action": "Unsubscribe", "SubscriptionArn": delivery.subscription_arn})
    return json.dumps({**told, "UnsubscribeURL": f"{endpoint}/?{query}"}, indent=2)


def headers(delivery: Delivery, *, raw: bool) -> dict[str, str]:
    """Return the headers of a notification."""
    told = {**_headers(delivery, "Notification"), "x-amz-sns-subscription-arn": delivery.subscription_arn}
    return {**told, "x-amz-sns-rawdelivery": "true"} if raw else told


def confirmation_headers(delivery: Delivery) -> dict[str, str]:
    """Return the headers of a request to confirm a subscription."""
    return _headers(delivery, "SubscriptionConfirmation")


def _headers(delivery: Delivery, kind: str) -> dict[str, str]:
    return {
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": AGENT,
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": delivery.message_id,
        "x-amz-sns-topic-arn": delivery.topic_arn,
    }
