"""The tags of queues."""

from __future__ import annotations

from typing import Any


def test_tags_are_added_changed_and_taken_away(sqs: Any) -> None:
    queue = sqs("CreateQueue", QueueName="q", tags={"a": "1"})["QueueUrl"]
    sqs("TagQueue", QueueUrl=queue, Tags={"a": "2", "b": "3"})
    assert sqs("ListQueueTags", QueueUrl=queue) == {"Tags": {"a": "2", "b": "3"}}
    sqs("UntagQueue", QueueUrl=queue, TagKeys=["a"])
    assert sqs("ListQueueTags", QueueUrl=queue) == {"Tags": {"b": "3"}}


def test_too_many_tags_and_reserved_ones_are_refused(sqs: Any, queue: str, refused: Any) -> None:
    for tags in ({"aws:x": "1"}, {"": "1"}, {str(number): "" for number in range(51)}):
        with refused("InvalidParameterValue"):
            sqs("TagQueue", QueueUrl=queue, Tags=tags)
