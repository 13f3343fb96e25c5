"""How a published message looks to its receivers.

SNS developer guide, «Parsing Amazon SNS message formats» and «Verifying the signatures of Amazon SNS messages».
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from clary.resources.topic import CONFIRMATION
from clary.store.deliveries import Delivery
from clary.store.notary import Notary

AGENT = "Amazon Simple Notification Service Agent"
SIGNED = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
"""What is signed of a message, in this order, as far as it is there."""
Content = Mapping[str, Any]


def message_for(content: Content, protocol: str) -> str:
    """Return the message as it is meant for a protocol."""
    by_protocol = content.get("Messages") or {}
    text: str = by_protocol.get(protocol) or by_protocol.get("default") or content["Message"]
    return text


def envelope(delivery: Delivery, content: Content, protocol: str, endpoint: str) -> dict[str, Any]:
    """Return the document that carries a message, before it is signed."""
    at = datetime.fromtimestamp(delivery.published_ms / 1000, UTC)
    told: dict[str, Any] = {
        "Type": content["Type"],
        "MessageId": delivery.message_id,
        "TopicArn": delivery.topic_arn,
        "Message": message_for(content, protocol),
        "Timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
    }
    if content["Type"] != "Notification":
        return {**told, "Token": content["Token"], "SubscribeURL": content["SubscribeURL"]}
    if content.get("Subject"):
        told["Subject"] = content["Subject"]
    if content.get("Group"):
        told["SequenceNumber"] = f"{delivery.sequence:020}"
    if content.get("Attributes"):
        told["MessageAttributes"] = content["Attributes"]
    query = urlencode({"Action": "Unsubscribe", "SubscriptionArn": delivery.subscription_arn})
    return {**told, "UnsubscribeURL": f"{endpoint}/?{query}"}


def signature(told: Content, notary: Notary, version: str, endpoint: str) -> dict[str, str]:
    """Return the members of a document that prove who sent it."""
    text = "".join(f"{name}\n{told[name]}\n" for name in SIGNED if name in told)
    return {
        "SignatureVersion": version,
        "Signature": notary.sign(text, version),
        "SigningCertURL": f"{endpoint}/{notary.name}",
    }


def headers(delivery: Delivery, kind: str, *, raw: bool = False) -> dict[str, str]:
    """Return the headers of a message of a kind."""
    told = {
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": AGENT,
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": delivery.message_id,
        "x-amz-sns-topic-arn": delivery.topic_arn,
    }
    if kind != CONFIRMATION:
        told["x-amz-sns-subscription-arn"] = delivery.subscription_arn
    return {**told, "x-amz-sns-rawdelivery": "true"} if raw else told
