"""Publish and PublishBatch."""

from __future__ import annotations

import json
from typing import Any

import pytest

TEXT = {"DataType": "String", "StringValue": "x"}


@pytest.fixture
def subscribed(sns: Any, topic: str, queue_arn: str) -> str:
    return sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]


def to_deliver(aws: Any) -> list[tuple[str, Any]]:
    return [(each.subscription_arn, json.loads(each.content)) for each in aws.store.deliveries.due(2**60, 100)]


def test_an_acknowledged_message_waits_for_each_subscription(aws: Any, sns: Any, topic: str, subscribed: str) -> None:
    sns("Publish", TopicArn=topic, Message="m", Subject="s", MessageAttributes={"a": TEXT})
    ((arn, content),) = to_deliver(aws)
    assert (arn, content["Message"], content["Subject"]) == (subscribed, "m", "s")
    assert content["Attributes"] == {"a": {"Type": "String", "Value": "x"}}


def test_a_message_that_a_filter_does_not_want_is_not_kept(aws: Any, sns: Any, topic: str, subscribed: str) -> None:
    policies = (("MessageAttributes", {"a": ["x"]}), ("MessageBody", {"b": {"c": [1]}}))
    for scope, policy in policies:
        for name, value in (("FilterPolicy", "{}"), ("FilterPolicyScope", scope), ("FilterPolicy", json.dumps(policy))):
            sns("SetSubscriptionAttributes", SubscriptionArn=subscribed, AttributeName=name, AttributeValue=value)
        sns("Publish", TopicArn=topic, Message="{}")
        sns("Publish", TopicArn=topic, Message='{"b": [{"c": 1}]}', MessageAttributes={"a": TEXT})
    assert [content["Message"] for _, content in to_deliver(aws)] == ['{"b": [{"c": 1}]}'] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"Message": ""},
        {"Message": "x" * (256 * 1024 + 1)},
        {"Subject": "x" * 101},
        {"MessageStructure": "json"},
        {"MessageDeduplicationId": "a"},
        {"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
        {"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}},
        {"TopicArn": "nonsense"},
        {"TopicArn": None, "PhoneNumber": "+15550100"},
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(
    aws: Any, sns: Any, topic: str, subscribed: str, refused: Any, wrong: dict[str, Any]
) -> None:
    with refused("InvalidParameter"):
        sns("Publish", **{"TopicArn": topic, "Message": "m", **wrong})
    assert to_deliver(aws) == []


def test_a_batch_publishes_what_is_good(aws: Any, sns: Any, topic: str, subscribed: str, refused: Any) -> None:
    entries = [{"Id": "a", "Message": "1"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "3"}]
    told = sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each["Id"] for each in told["Successful"]] == ["a", "c"]
    assert [(each["Id"], each["Code"]) for each in told["Failed"]] == [("b", "InvalidParameter")]
    assert [content["Message"] for _, content in to_deliver(aws)] == ["1", "3"]
    for code, wrong in (
        ("EmptyBatchRequest", []),
        ("BatchEntryIdsNotDistinct", [entries[0]] * 2),
        ("TooManyEntriesInBatchRequest", [{"Id": str(number), "Message": "m"} for number in range(11)]),
        ("InvalidBatchEntryId", [{"Id": "a b", "Message": "m"}]),
    ):
        with refused(code):
            sns("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=wrong)


def test_a_fifo_topic_keeps_order_in_a_group_and_drops_duplicates(aws: Any, sns: Any, refused: Any) -> None:
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns("CreateTopic", Name="t.fifo", Attributes=attributes)["TopicArn"]
    queue = f"arn:aws:sqs:us-east-1:{aws.account}:q.fifo"
    sns("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue)
    with refused("InvalidParameter"):
        sns("Publish", TopicArn=topic, Message="1")
    first = sns("Publish", TopicArn=topic, Message="1", MessageGroupId="g")
    assert sns("Publish", TopicArn=topic, Message="1", MessageGroupId="g") == first
    second = sns("Publish", TopicArn=topic, Message="2", MessageGroupId="g")
    assert second["SequenceNumber"] > first["SequenceNumber"]
    (delivery,) = aws.store.deliveries.due(2**60, 10)
    aws.store.deliveries.done(delivery, 0)
    ((_, content),) = to_deliver(aws)
    assert (json.loads(delivery.content)["Message"], content["Message"]) == ("1", "2")
