"""GetQueueAttributes and SetQueueAttributes."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_attributes_have_awss_defaults_and_count_messages(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    sqs("SendMessage", QueueUrl=queue, MessageBody="b", DelaySeconds=60)
    sqs("SendMessage", QueueUrl=queue, MessageBody="c")
    sqs("ReceiveMessage", QueueUrl=queue)
    told = sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert told["VisibilityTimeout"] == "30"
    assert told["MessageRetentionPeriod"] == "345600"
    counted = ("", "NotVisible", "Delayed")
    assert [told[f"ApproximateNumberOfMessages{each}"] for each in counted] == ["1", "1", "1"]
    assert "FifoQueue" not in told


def test_only_what_is_asked_for_is_told(sqs: Any, queue: str, refused: Any) -> None:
    told = sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["DelaySeconds", "Policy"])
    assert told == {"Attributes": {"DelaySeconds": "0"}}
    assert sqs("GetQueueAttributes", QueueUrl=queue) == {"Attributes": {}}
    with refused("InvalidAttributeName"):
        sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["Nonsense"])


def test_set_attributes_stay_and_an_empty_document_is_taken_away(sqs: Any, queue: str) -> None:
    allow = json.dumps({"redrivePermission": "denyAll"})
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"DelaySeconds": "5", "RedriveAllowPolicy": allow})
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"RedriveAllowPolicy": ""})
    told = sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert told["DelaySeconds"] == "5"
    assert "RedriveAllowPolicy" not in told


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
        ({"QueueArn": "x"}, "InvalidAttributeName"),
        ({"FifoQueue": "true"}, "InvalidAttributeName"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"Policy": "{"}, "InvalidAttributeValue"),
        ({"RedrivePolicy": "[]"}, "InvalidAttributeValue"),
        ({"RedrivePolicy": json.dumps({"maxReceiveCount": 1})}, "InvalidAttributeValue"),
        ({"RedriveAllowPolicy": json.dumps({"redrivePermission": "byQueue"})}, "InvalidAttributeValue"),
        ({"KmsMasterKeyId": "alias/aws/sqs"}, "InvalidAttributeValue"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(
    sqs: Any, queue: str, refused: Any, attributes: dict[str, str], code: str
) -> None:
    with refused(code):
        sqs("SetQueueAttributes", QueueUrl=queue, Attributes=attributes)


@pytest.mark.parametrize(("enabled", "found"), [("true", False), ("false", True)])
def test_messages_lie_sealed_on_the_disk_while_the_queue_says_so(
    aws: Any, sqs: Any, queue: str, home: Any, enabled: str, found: bool
) -> None:
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"SqsManagedSseEnabled": enabled})
    sqs("SendMessage", QueueUrl=queue, MessageBody="a secret of the house")
    files = (home / "db").glob("queues.db*")
    assert any(b"a secret of the house" in path.read_bytes() for path in files) is found
    assert sqs("ReceiveMessage", QueueUrl=queue)["Messages"][0]["Body"] == "a secret of the house"
