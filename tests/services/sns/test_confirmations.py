"""ConfirmSubscription."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from clary.access.principal import ANONYMOUS
from clary.services.operation import handlers
from clary.services.sns import operations


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


def test_who_leaves_by_a_link_is_told_how_to_come_back(aws: Any, sns: Any, topic: str) -> None:
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/", "ReturnSubscriptionArn": True}
    policy = {"FilterPolicy": '{"a": ["b"]}'}
    arn = sns("Subscribe", **asked, Attributes=policy)["SubscriptionArn"]
    call = replace(aws.call("sns", "Unsubscribe"), principal=ANONYMOUS)
    handlers(operations(aws.platform))["Unsubscribe"](call, {"SubscriptionArn": arn})
    assert sns("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"] == []
    *_, farewell = (json.loads(each.content) for each in aws.store.deliveries.due(2**60, 10))
    assert farewell["Type"] == "UnsubscribeConfirmation"
    for _ in range(2):
        assert sns("ConfirmSubscription", TopicArn=topic, Token=farewell["Token"]) == {"SubscriptionArn": arn}
    told = sns("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]
    assert (told["FilterPolicy"], told["PendingConfirmation"]) == (policy["FilterPolicy"], "false")


def test_who_leaves_with_credentials_gets_no_farewell(aws: Any, sns: Any, topic: str) -> None:
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": "http://127.0.0.1:1/", "ReturnSubscriptionArn": True}
    arn = sns("Subscribe", **asked)["SubscriptionArn"]
    sns("Unsubscribe", SubscriptionArn=arn)
    (only,) = (json.loads(each.content) for each in aws.store.deliveries.due(2**60, 10))
    assert only["Type"] == "SubscriptionConfirmation"
