"""ConfirmSubscription."""

from __future__ import annotations

import json
from typing import Any


def test_the_token_that_the_endpoint_got_turns_its_subscription_on(
    aws: Any, sns: Any, topic: str, refused: Any
) -> None:
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/", "ReturnSubscriptionArn": True}
    arn = sns("Subscribe", **asked)["SubscriptionArn"]
    (delivery,) = aws.store.deliveries.due(2**60, 10)
    content = json.loads(delivery.content)
    assert (delivery.subscription_arn, content["Type"]) == (arn, "SubscriptionConfirmation")
    with refused("InvalidParameter"):
        sns("ConfirmSubscription", TopicArn=topic, Token="nonsense")
    for _ in range(2):
        told = sns("ConfirmSubscription", TopicArn=topic, Token=content["Token"])
        assert told == {"SubscriptionArn": arn}
    assert sns("GetTopicAttributes", TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    other = sns("CreateTopic", Name="other")["TopicArn"]
    with refused("NotFound"):
        sns("ConfirmSubscription", TopicArn=other, Token=content["Token"])
