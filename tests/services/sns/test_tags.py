"""The tags of topics."""

from __future__ import annotations

from typing import Any


def test_tags_are_added_changed_and_taken_away(sns: Any, refused: Any) -> None:
    arn = sns("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    sns("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    sns("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert sns("ListTagsForResource", ResourceArn=arn) == {"Tags": [{"Key": "b", "Value": "3"}]}
    with refused("TagLimitExceeded"):
        sns("TagResource", ResourceArn=arn, Tags=[{"Key": str(number), "Value": ""} for number in range(50)])
    with refused("ResourceNotFound"):
        sns("ListTagsForResource", ResourceArn=f"{arn}x")
