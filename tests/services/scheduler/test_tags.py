"""Tags of schedule groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Refused = Callable[[str], Any]


def test_groups_bear_tags(aws: Any, scheduler: Any, refused: Refused) -> None:
    arn = scheduler("CreateScheduleGroup", Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    scheduler("TagResource", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    scheduler("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert scheduler("ListTagsForResource", ResourceArn=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}
    for tags in ([{"Key": "aws:x", "Value": ""}], [{"Key": str(number), "Value": ""} for number in range(51)]):
        with refused("ValidationException"):
            scheduler("TagResource", ResourceArn=arn, Tags=tags)
    with refused("ResourceNotFoundException"):
        scheduler("ListTagsForResource", ResourceArn=f"{arn}-none")
    with refused("ResourceNotFoundException"):
        aws.other()("scheduler")("ListTagsForResource", ResourceArn=arn)
