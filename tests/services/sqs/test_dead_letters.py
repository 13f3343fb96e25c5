"""Dead letters: sent away, listed, and moved back."""

from __future__ import annotations

import json
from typing import Any

import pytest


def redrive(sqs: Any, queue: str, target_arn: str, count: int = 1) -> None:
    policy = json.dumps({"deadLetterTargetArn": target_arn, "maxReceiveCount": count})
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": policy})


def arn(sqs: Any, queue: str) -> str:
    return sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(sqs: Any, queue: str) -> list[dict[str, Any]]:
    asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "MessageSystemAttributeNames": ["All"]}
    return sqs("ReceiveMessage", QueueUrl=queue, **asked).get("Messages", [])


@pytest.fixture
def dead(sqs: Any, queue: str) -> str:
    """Give a queue that holds one dead letter of another."""
    url = sqs("CreateQueue", QueueName="dead")["QueueUrl"]
    redrive(sqs, queue, arn(sqs, url))
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    assert len(receive(sqs, queue)) == 1
    assert receive(sqs, queue) == []
    return url


def test_a_message_received_too_often_goes_to_the_other_queue(sqs: Any, queue: str, dead: str) -> None:
    (letter,) = receive(sqs, dead)
    assert letter["Body"] == "a"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, queue)
    assert sqs("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": [queue]}


def test_without_its_queue_for_dead_letters_a_message_stays(sqs: Any, queue: str, dead: str) -> None:
    sqs("DeleteQueue", QueueUrl=dead)
    sqs("SendMessage", QueueUrl=queue, MessageBody="b")
    for _ in range(3):
        assert len(receive(sqs, queue)) == 1


def test_dead_letters_move_back_to_where_they_came_from(sqs: Any, queue: str, dead: str, refused: Any) -> None:
    handle = sqs("StartMessageMoveTask", SourceArn=arn(sqs, dead))["TaskHandle"]
    assert receive(sqs, dead) == []
    assert [each["Attributes"]["ApproximateReceiveCount"] for each in receive(sqs, queue)] == ["1"]
    (task,) = sqs("ListMessageMoveTasks", SourceArn=arn(sqs, dead))["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    with refused("UnsupportedOperation"):
        sqs("CancelMessageMoveTask", TaskHandle=handle)
    with refused("InvalidParameterValue"):
        sqs("CancelMessageMoveTask", TaskHandle="nonsense!")


def test_dead_letters_move_to_any_queue(sqs: Any, dead: str, refused: Any) -> None:
    other = sqs("CreateQueue", QueueName="other")["QueueUrl"]
    sqs("StartMessageMoveTask", SourceArn=arn(sqs, dead), DestinationArn=arn(sqs, other))
    assert len(receive(sqs, other)) == 1
    with refused("InvalidParameterValue"):
        sqs("StartMessageMoveTask", SourceArn=arn(sqs, other))
    with refused("ResourceNotFoundException"):
        sqs("StartMessageMoveTask", SourceArn=arn(sqs, other) + "x")


def test_a_queue_may_refuse_the_dead_letters_of_others(sqs: Any, queue: str, fifo: str, refused: Any) -> None:
    closed = sqs("CreateQueue", QueueName="c", Attributes={"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'})
    for target in (arn(sqs, closed["QueueUrl"]), arn(sqs, fifo), arn(sqs, queue) + "x"):
        with refused("InvalidAttributeValue"):
            redrive(sqs, queue, target)
    named = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn(sqs, queue)]})
    sqs("SetQueueAttributes", QueueUrl=closed["QueueUrl"], Attributes={"RedriveAllowPolicy": named})
    redrive(sqs, queue, arn(sqs, closed["QueueUrl"]))
