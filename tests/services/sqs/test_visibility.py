"""ChangeMessageVisibility and its batch."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def handle(sqs: Any, queue: str) -> str:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    return sqs("ReceiveMessage", QueueUrl=queue)["Messages"][0]["ReceiptHandle"]


def change(sqs: Any, queue: str, handle: str, after_s: int) -> None:
    sqs("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=after_s)


def test_a_message_can_be_given_back(sqs: Any, queue: str, handle: str, refused: Any) -> None:
    change(sqs, queue, handle, 0)
    assert sqs("ReceiveMessage", QueueUrl=queue)["Messages"][0]["Body"] == "a"
    with refused("MessageNotInflight"):
        change(sqs, queue, handle, 10)


def test_a_message_stays_out_for_twelve_hours_at_most(sqs: Any, queue: str, handle: str, refused: Any) -> None:
    change(sqs, queue, handle, 12 * 3600 - 60)
    with refused("InvalidParameterValue"):
        change(sqs, queue, handle, 12 * 3600 + 1)


def test_a_batch_changes_each_by_itself(sqs: Any, queue: str, handle: str) -> None:
    entries = [
        {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": handle, "VisibilityTimeout": 5},
    ]
    told = sqs("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=entries)
    assert told["Successful"] == [{"Id": "a"}]
    assert told["Failed"][0]["Code"] == "MessageNotInflight"
