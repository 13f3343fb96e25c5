"""Tags of log groups: the older and the newer operations see the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.logs.tags import TAGS_MAX


@pytest.fixture
def logs(aws: Any) -> Any:
    logs = aws("logs")
    logs("CreateLogGroup", logGroupName="g", tags={"a": "1"})
    return logs


@pytest.fixture
def arn(aws: Any) -> str:
    return f"arn:aws:logs:us-east-1:{aws.account}:log-group:g"


def refusal(call: Any, name: str, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as refused:
        call(name, **params)
    return refused.value.code, refused.value.status, refused.value.message


def test_tags_are_one_whichever_operation_sets_them(logs: Any, arn: str) -> None:
    logs("TagLogGroup", logGroupName="g", tags={"b": "2"})
    logs("TagResource", resourceArn=arn, tags={"a": "one", "c": "3"})
    tags = {"a": "one", "b": "2", "c": "3"}
    assert logs("ListTagsLogGroup", logGroupName="g")["tags"] == tags
    assert logs("ListTagsForResource", resourceArn=arn)["tags"] == tags
    assert logs("ListTagsForResource", resourceArn=f"{arn}:*")["tags"] == tags


def test_tags_are_taken_away_once_and_again(logs: Any, arn: str) -> None:
    logs("TagResource", resourceArn=arn, tags={"b": "2", "B": "3"})
    for _ in range(2):
        logs("UntagLogGroup", logGroupName="g", tags=["a"])
        logs("UntagResource", resourceArn=arn, tagKeys=["b", "none"])
        assert logs("ListTagsForResource", resourceArn=arn)["tags"] == {"B": "3"}


def test_a_group_bears_fifty_tags_and_one_more_leaves_it_as_it_was(logs: Any, arn: str) -> None:
    many = {str(number): "" for number in range(TAGS_MAX)}
    text = "A resource can have up to 50 tags."
    assert refusal(logs, "TagResource", resourceArn=arn, tags=many) == ("TooManyTagsException", 400, text)
    assert logs("ListTagsForResource", resourceArn=arn)["tags"] == {"a": "1"}
    logs("UntagResource", resourceArn=arn, tagKeys=["a"])
    logs("TagResource", resourceArn=arn, tags=many)
    logs("TagResource", resourceArn=arn, tags={"0": "replaced"})
    assert logs("ListTagsForResource", resourceArn=arn)["tags"] == {**many, "0": "replaced"}


@pytest.mark.parametrize(
    ("name", "extra"),
    [("TagLogGroup", {"tags": {"a": "1"}}), ("UntagLogGroup", {"tags": ["a"]}), ("ListTagsLogGroup", {})],
)
def test_a_group_of_that_name_must_be_there(logs: Any, name: str, extra: dict[str, Any]) -> None:
    missing = ("ResourceNotFoundException", 400, "The specified log group does not exist.")
    assert refusal(logs, name, logGroupName="none", **extra) == missing


@pytest.mark.parametrize(
    ("name", "extra"),
    [("TagResource", {"tags": {"a": "1"}}), ("UntagResource", {"tagKeys": ["a"]}), ("ListTagsForResource", {})],
)
def test_an_arn_must_be_of_a_group_of_ones_own_account_and_region(
    aws: Any, logs: Any, arn: str, name: str, extra: dict[str, Any]
) -> None:
    missing = ("ResourceNotFoundException", 400, "The specified log group does not exist.")
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    theirs = arn.replace(aws.account, aws.other().account)
    for each in (f"{arn}g", elsewhere, theirs, arn.replace("logs", "s3")):
        assert refusal(logs, name, resourceArn=each, **extra) == missing
    assert logs("ListTagsForResource", resourceArn=arn)["tags"] == {"a": "1"}
