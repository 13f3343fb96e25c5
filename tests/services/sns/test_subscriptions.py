"""Subscribe and its siblings."""

from __future__ import annotations

from typing import Any

import pytest


def test_ones_own_queue_is_subscribed_at_once_and_once(sns: Any, topic: str, queue_arn: str, refused: Any) -> None:
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn}
    arn = sns("Subscribe", **asked)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    assert sns("Subscribe", **asked)["SubscriptionArn"] == arn
    for answer in (sns("ListSubscriptions"), sns("ListSubscriptionsByTopic", TopicArn=topic)):
        assert [each["SubscriptionArn"] for each in answer["Subscriptions"]] == [arn]
    with refused("InvalidParameter"):
        sns("Subscribe", **asked, Attributes={"RawMessageDelivery": "true"})
    for _ in range(2):
        sns("Unsubscribe", SubscriptionArn=arn)
    assert sns("ListSubscriptions") == {"Subscriptions": []}


def test_a_url_must_confirm_first(sns: Any, topic: str) -> None:
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/"}
    assert sns("Subscribe", **asked)["SubscriptionArn"] == "pending confirmation"
    arn = sns("Subscribe", **asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert sns("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    assert sns("ListSubscriptions")["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"


@pytest.mark.parametrize(
    "wrong",
    [
        {"Protocol": "email", "Endpoint": "a@example.com"},
        {"Protocol": "https", "Endpoint": "http://127.0.0.1/"},
        {"Protocol": "sqs", "Endpoint": "q"},
        {"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:111111111111:q.fifo"},
        {"Attributes": {"Nonsense": "1"}},
        {"Attributes": {"RawMessageDelivery": "yes"}},
        {"Attributes": {"FilterPolicyScope": "Everything"}},
        {"Attributes": {"FilterPolicy": "{"}},
        {"Attributes": {"RedrivePolicy": "{}"}},
        {"Attributes": {"DeliveryPolicy": "{}"}},
    ],
)
def test_a_subscription_that_breaks_a_rule_is_refused(
    sns: Any, topic: str, queue_arn: str, refused: Any, wrong: dict[str, Any]
) -> None:
    with refused("InvalidParameter"):
        sns("Subscribe", **{"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn, **wrong})


def test_attributes_are_set_one_by_one(sns: Any, topic: str, queue_arn: str, refused: Any) -> None:
    arn = sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
    for value in ("true", "false"):
        sns("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue=value)
        told = sns("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]
        assert told["RawMessageDelivery"] == value
    with refused("InvalidParameter"):
        sns("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="Owner", AttributeValue="x")
    with refused("NotFound"):
        sns("GetSubscriptionAttributes", SubscriptionArn=f"{arn}x")
