"""CreateTopic and its siblings."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_the_same_request_makes_the_same_topic(aws: Any, sns: Any, topic: str, refused: Any) -> None:
    assert topic == f"arn:aws:sns:us-east-1:{aws.account}:t"
    assert sns("CreateTopic", Name="t")["TopicArn"] == topic
    with refused("InvalidParameter"):
        sns("CreateTopic", Name="t", Attributes={"DisplayName": "another"})


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("a b", {}),
        ("t.fifo", {}),
        ("t", {"FifoTopic": "true"}),
        ("t", {"Nonsense": "1"}),
        ("t", {"SignatureVersion": "3"}),
        ("t", {"Policy": "{"}),
    ],
)
def test_a_topic_that_breaks_a_rule_is_refused(sns: Any, refused: Any, name: str, attributes: dict[str, str]) -> None:
    with refused("InvalidParameter"):
        sns("CreateTopic", Name=name, Attributes=attributes)


def test_topics_are_listed_in_pages(sns: Any) -> None:
    arns = [sns("CreateTopic", Name=f"t{number:03}")["TopicArn"] for number in range(101)]
    first = sns("ListTopics")
    second = sns("ListTopics", NextToken=first["NextToken"])
    assert [each["TopicArn"] for each in first["Topics"] + second["Topics"]] == arns


def test_attributes_are_set_one_by_one_and_told_with_defaults(sns: Any, topic: str, refused: Any) -> None:
    sns("SetTopicAttributes", TopicArn=topic, AttributeName="DisplayName", AttributeValue="Name")
    told = sns("GetTopicAttributes", TopicArn=topic)["Attributes"]
    assert (told["DisplayName"], told["SubscriptionsConfirmed"]) == ("Name", "0")
    assert json.loads(told["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"
    with refused("InvalidParameter"):
        sns("SetTopicAttributes", TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue="{")
    with refused("KMSOptInRequired"):
        sns("SetTopicAttributes", TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns")


def test_a_deleted_topic_takes_its_subscriptions_along(sns: Any, topic: str, queue_arn: str, refused: Any) -> None:
    sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    for _ in range(2):
        sns("DeleteTopic", TopicArn=topic)
    assert sns("ListSubscriptions") == {"Subscriptions": []}
    with refused("NotFound"):
        sns("GetTopicAttributes", TopicArn=topic)
