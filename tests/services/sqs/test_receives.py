"""ReceiveMessage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clary.services.operation import Wait


def bodies(answer: Any) -> list[str]:
    return [each["Body"] for each in answer.get("Messages", ())]


def test_a_received_message_is_out_of_sight(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    assert bodies(sqs("ReceiveMessage", QueueUrl=queue)) == ["a"]
    assert sqs("ReceiveMessage", QueueUrl=queue) == {}


def test_a_visibility_timeout_of_nothing_gives_it_again_with_another_handle(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    asked = {"QueueUrl": queue, "VisibilityTimeout": 0, "MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    first, second = (sqs("ReceiveMessage", **asked)["Messages"][0] for _ in range(2))
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    assert [each["Attributes"]["ApproximateReceiveCount"] for each in (first, second)] == ["1", "2"]


def test_attributes_are_chosen_by_name_and_prefix(sqs: Any, queue: str) -> None:
    value = {"DataType": "String", "StringValue": "x"}
    names = dict.fromkeys(("a", "b.one", "b.two", "c"), value)
    sqs("SendMessage", QueueUrl=queue, MessageBody="a", MessageAttributes=names)
    (got,) = sqs("ReceiveMessage", QueueUrl=queue, MessageAttributeNames=["a", "b.*"])["Messages"]
    assert sorted(got["MessageAttributes"]) == ["a", "b.one", "b.two"]
    assert "Attributes" not in got


def test_a_group_waits_until_its_message_is_done(sqs: Any, fifo: str) -> None:
    for body, group in (("1", "g"), ("2", "g"), ("3", "h")):
        sqs("SendMessage", QueueUrl=fifo, MessageBody=body, MessageGroupId=group)
    (first,) = sqs("ReceiveMessage", QueueUrl=fifo)["Messages"]
    assert bodies(sqs("ReceiveMessage", QueueUrl=fifo, MaxNumberOfMessages=10)) == ["3"]
    sqs("DeleteMessage", QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(sqs("ReceiveMessage", QueueUrl=fifo)) == ["2"]


def test_a_repeated_attempt_receives_the_same(sqs: Any, fifo: str) -> None:
    sqs("SendMessage", QueueUrl=fifo, MessageBody="1", MessageGroupId="g")
    first = sqs("ReceiveMessage", QueueUrl=fifo, ReceiveRequestAttemptId="a")
    assert sqs("ReceiveMessage", QueueUrl=fifo, ReceiveRequestAttemptId="a") == first
    assert sqs("ReceiveMessage", QueueUrl=fifo, ReceiveRequestAttemptId="b") == {}


@pytest.mark.parametrize(
    "wrong",
    [{"MaxNumberOfMessages": 11}, {"MaxNumberOfMessages": 0}, {"WaitTimeSeconds": 21}, {"VisibilityTimeout": -1}],
)
def test_a_number_out_of_range_is_refused(sqs: Any, queue: str, refused: Any, wrong: dict[str, int]) -> None:
    with refused("InvalidParameterValue"):
        sqs("ReceiveMessage", QueueUrl=queue, **wrong)


def test_a_long_poll_waits_for_its_queue_and_holds_no_thread(sqs: Any, queue: str, refused: Any) -> None:
    wait = sqs("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)
    assert isinstance(wait, Wait)
    assert isinstance(wait.ask(), Wait)
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    assert bodies(wait.ask()) == ["a"]
    sqs("DeleteQueue", QueueUrl=queue)
    with refused("QueueDoesNotExist"):
        wait.ask()


def test_a_long_poll_looks_again_when_a_delay_ends(aws: Any, queue: str) -> None:
    now = int(aws.store.clock())
    store = replace(aws.store, clock=lambda: now)
    sqs = replace(aws, store=store, platform=replace(aws.platform, store=store))("sqs")
    sqs("SendMessage", QueueUrl=queue, MessageBody="a", DelaySeconds=5)
    assert sqs("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20).at == now + 5
