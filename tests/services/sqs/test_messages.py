"""SendMessage and SendMessageBatch."""

from __future__ import annotations

from typing import Any

import pytest

ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": "ü"},
    "number": {"DataType": "Number.int", "StringValue": "3"},
    "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"},
}


def test_a_message_comes_back_as_it_was_sent(sqs: Any, queue: str) -> None:
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = sqs(
        "SendMessage", QueueUrl=queue, MessageBody="hällo", MessageAttributes=ATTRIBUTES, MessageSystemAttributes=trace
    )
    (got,) = sqs(
        "ReceiveMessage", QueueUrl=queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["AWSTraceHeader"]
    )["Messages"]
    assert (got["MessageId"], got["Body"]) == (sent["MessageId"], "hällo")
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageAttributes"] == ATTRIBUTES
    assert got["Attributes"] == {"AWSTraceHeader": "Root=1"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "\0"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * 2000}, "InvalidParameterValue"),
        ({"DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageDeduplicationId": "a"}, "InvalidParameterValue"),
        ({"MessageAttributes": {"aws.x": ATTRIBUTES["text"]}}, "InvalidParameterValue"),
        ({"MessageAttributes": {"x": {"DataType": "Text", "StringValue": "a"}}}, "InvalidParameterValue"),
        ({"MessageAttributes": {"x": {"DataType": "Binary", "StringValue": "a"}}}, "InvalidParameterValue"),
        ({"MessageAttributes": {"x": {"DataType": "Number", "StringValue": "a"}}}, "InvalidParameterValue"),
        ({"MessageAttributes": {f"x{n}": ATTRIBUTES["text"] for n in range(11)}}, "InvalidParameterValue"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(
    sqs: Any, queue: str, refused: Any, wrong: dict[str, Any], code: str
) -> None:
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    with refused(code):
        sqs("SendMessage", **{"QueueUrl": queue, "MessageBody": "a", **wrong})
    assert sqs("ReceiveMessage", QueueUrl=queue) == {}


def test_a_batch_sends_what_is_good_and_tells_what_is_not(sqs: Any, queue: str, refused: Any) -> None:
    told = sqs(
        "SendMessageBatch",
        QueueUrl=queue,
        Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "\0"}, {"Id": "c", "MessageBody": "2"}],
    )
    assert [each["Id"] for each in told["Successful"]] == ["a", "c"]
    assert [(each["Id"], each["Code"]) for each in told["Failed"]] == [("b", "InvalidMessageContents")]
    got = sqs("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in got] == ["1", "2"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "MessageBody": "a"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "a"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "a"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "MessageBody": "a" * 600_000} for n in range(2)], "BatchRequestTooLong"),
    ],
)
def test_a_batch_that_is_wrong_as_a_whole_sends_nothing(
    sqs: Any, queue: str, refused: Any, entries: list[dict[str, str]], code: str
) -> None:
    with refused(code):
        sqs("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert sqs("ReceiveMessage", QueueUrl=queue) == {}


def test_a_duplicate_in_a_fifo_queue_is_acknowledged_and_not_stored(sqs: Any, fifo: str, refused: Any) -> None:
    first = sqs("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId="g")
    assert sqs("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId="h") == first
    named = sqs("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId="h", MessageDeduplicationId="other")
    assert named["SequenceNumber"] > first["SequenceNumber"]
    got = sqs("ReceiveMessage", QueueUrl=fifo, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [each["Attributes"]["MessageGroupId"] for each in got] == ["g", "h"]
    assert got[0]["Attributes"]["SequenceNumber"] == first["SequenceNumber"]
    with refused("MissingParameter"):
        sqs("SendMessage", QueueUrl=fifo, MessageBody="b")


def test_deduplication_may_be_by_group(sqs: Any, fifo: str) -> None:
    sqs("SetQueueAttributes", QueueUrl=fifo, Attributes={"DeduplicationScope": "messageGroup"})
    for group in ("g", "h", "g"):
        sqs("SendMessage", QueueUrl=fifo, MessageBody="a", MessageGroupId=group)
    assert len(sqs("ReceiveMessage", QueueUrl=fifo, MaxNumberOfMessages=10)["Messages"]) == 2


def test_a_fifo_queue_without_content_based_deduplication_wants_an_id(sqs: Any, fifo: str, refused: Any) -> None:
    sqs("SetQueueAttributes", QueueUrl=fifo, Attributes={"ContentBasedDeduplication": "false"})
    with refused("InvalidParameterValue"):
        sqs("SendMessage", QueueUrl=fifo, MessageBody="b", MessageGroupId="g")
