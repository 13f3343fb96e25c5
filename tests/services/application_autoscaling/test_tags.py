"""TagResource, UntagResource, ListTagsForResource."""

from __future__ import annotations

from typing import Any


def test_targets_have_tags(scaling: Any, where: Any, refused: Any) -> None:
    arn = scaling("RegisterScalableTarget", **where, MinCapacity=1, MaxCapacity=4, Tags={"team": "a"})[
        "ScalableTargetARN"
    ]
    scaling("TagResource", ResourceARN=arn, Tags={"team": "b", "stage": "test"})
    scaling("UntagResource", ResourceARN=arn, TagKeys=["stage", "none"])
    assert scaling("ListTagsForResource", ResourceARN=arn)["Tags"] == {"team": "b"}
    assert len(scaling("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]) == 1
    with refused("TooManyTagsException"):
        scaling("TagResource", ResourceARN=arn, Tags={str(number): "" for number in range(50)})
    with refused("ValidationException", "reserved"):
        scaling("TagResource", ResourceARN=arn, Tags={"aws:x": ""})
    with refused("ValidationException", "TagResource"):
        scaling("RegisterScalableTarget", **where, Tags={"x": ""})


def test_what_is_not_there_has_no_tags(registered: Any, aws: Any, refused: Any) -> None:
    for account in (aws.account, "999999999999"):
        arn = f"arn:aws:application-autoscaling:us-east-1:{account}:scalable-target/{'0' * 32}"
        with refused("ResourceNotFoundException"):
            registered("ListTagsForResource", ResourceARN=arn)
