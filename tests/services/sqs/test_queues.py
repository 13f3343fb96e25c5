"""CreateQueue and its siblings."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_same_request_makes_the_same_queue_and_another_is_refused(sqs: Any, refused: Any) -> None:
    first = sqs("CreateQueue", QueueName="a", Attributes={"DelaySeconds": "3"})
    assert sqs("CreateQueue", QueueName="a", Attributes={"DelaySeconds": "3"}) == first
    with refused("QueueNameExists"):
        sqs("CreateQueue", QueueName="a", Attributes={"DelaySeconds": "4"})


@pytest.mark.parametrize(
    ("name", "attributes"), [("a b", {}), ("a" * 81, {}), ("a.fifo", {}), ("a", {"FifoQueue": "true"})]
)
def test_a_name_that_does_not_fit_is_refused(sqs: Any, refused: Any, name: str, attributes: dict[str, str]) -> None:
    with refused("InvalidParameterValue"):
        sqs("CreateQueue", QueueName=name, Attributes=attributes)


def test_a_queue_is_found_by_name_until_it_is_deleted(sqs: Any, queue: str, refused: Any) -> None:
    assert sqs("GetQueueUrl", QueueName="q")["QueueUrl"] == queue
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    sqs("DeleteQueue", QueueUrl=queue)
    with refused("QueueDoesNotExist"):
        sqs("GetQueueUrl", QueueName="q")
    assert sqs("ReceiveMessage", QueueUrl=sqs("CreateQueue", QueueName="q")["QueueUrl"]) == {}


def test_queues_are_listed_by_prefix_in_pages(sqs: Any, refused: Any) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        sqs("CreateQueue", QueueName=name)
    first = sqs("ListQueues", QueueNamePrefix="a", MaxResults=2)
    second = sqs("ListQueues", QueueNamePrefix="a", MaxResults=2, NextToken=first["NextToken"])
    assert [url.rpartition("/")[2] for url in first["QueueUrls"] + second["QueueUrls"]] == ["a1", "a2", "a3"]
    with refused("InvalidParameterValue"):
        sqs("ListQueues", QueueNamePrefix="b", MaxResults=2, NextToken=first["NextToken"])


def test_a_purge_empties_a_queue(sqs: Any, queue: str) -> None:
    sqs("SendMessage", QueueUrl=queue, MessageBody="a")
    sqs("PurgeQueue", QueueUrl=queue)
    assert sqs("ReceiveMessage", QueueUrl=queue) == {}


def test_queues_of_a_region_and_an_account_are_their_own(aws: Any, sqs: Any, queue: str, refused: Any) -> None:
    assert aws.elsewhere("eu-west-1")("sqs")("ListQueues") == {"QueueUrls": []}
    with refused("AccessDenied"):
        aws.other()("sqs")("DeleteQueue", QueueUrl=queue)
