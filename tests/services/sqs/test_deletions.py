"""DeleteMessage and DeleteMessageBatch."""

from __future__ import annotations

from typing import Any


def receive(sqs: Any, queue: str, **params: Any) -> str:
    return sqs("ReceiveMessage", QueueUrl=queue, **params)["Messages"][0]["ReceiptHandle"]


def test_a_deleted_message_is_gone_and_deleting_again_is_no_mistake(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    handle = receive(sqs, queue)
    for _ in range(2):
        sqs("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    told = sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert told == {"Attributes": {"ApproximateNumberOfMessagesNotVisible": "0"}}


def test_a_handle_that_was_replaced_deletes_nothing(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    old = receive(sqs, queue, VisibilityTimeout=0)
    receive(sqs, queue, VisibilityTimeout=0)
    sqs("DeleteMessage", QueueUrl=queue, ReceiptHandle=old)
    assert receive(sqs, queue)


def test_a_fifo_queue_tells_that_a_handle_is_over(sqs: Any, fifo: str, refused: Any) -> None:
    sqs("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId="g")
    handle = receive(sqs, fifo, VisibilityTimeout=0)
    with refused("InvalidParameterValue"):
        sqs("DeleteMessage", QueueUrl=fifo, ReceiptHandle=handle)


def test_a_handle_of_another_queue_or_of_nobodys_is_refused(sqs: Any, queue: str, fifo: str, refused: Any) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    for handle in (receive(sqs, queue), "nonsense", ""):
        with refused("ReceiptHandleIsInvalid"):
            sqs("DeleteMessage", QueueUrl=fifo, ReceiptHandle=handle)


def test_a_batch_deletes_each_by_itself(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    entries = [{"Id": "a", "ReceiptHandle": receive(sqs, queue)}, {"Id": "b", "ReceiptHandle": "nonsense"}]
    told = sqs("DeleteMessageBatch", QueueUrl=queue, Entries=entries)
    assert told["Successful"] == [{"Id": "a"}]
    assert told["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
