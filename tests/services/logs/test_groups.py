"""Log groups: names, paging and protection."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def logs(aws: Any) -> Any:
    return aws("logs")


def names(answer: Any) -> list[str]:
    return [group["logGroupName"] for group in answer["logGroups"]]


def test_a_group_is_described_as_aws_does(aws: Any, logs: Any) -> None:
    logs("CreateLogGroup", logGroupName="/aws/sagemaker/Endpoints/e")
    (group,) = logs("DescribeLogGroups")["logGroups"]
    arn = f"arn:aws:logs:us-east-1:{aws.account}:log-group:/aws/sagemaker/Endpoints/e"
    assert (group["arn"], group["logGroupArn"], group["storedBytes"]) == (f"{arn}:*", arn, 0)
    assert "retentionInDays" not in group


def test_a_name_is_taken_once(logs: Any) -> None:
    logs("CreateLogGroup", logGroupName="g")
    with pytest.raises(ServiceError) as caught:
        logs("CreateLogGroup", logGroupName="g")
    assert caught.value.code == "ResourceAlreadyExistsException"
    assert caught.value.message == "The specified log group already exists"


def test_groups_are_listed_page_by_page(logs: Any) -> None:
    for number in range(5):
        logs("CreateLogGroup", logGroupName=f"g{number}")
    first = logs("DescribeLogGroups", limit=3)
    second = logs("DescribeLogGroups", limit=3, nextToken=first["nextToken"])
    assert names(first) + names(second) == [f"g{number}" for number in range(5)]
    assert "nextToken" not in second
    with pytest.raises(ServiceError, match="The specified nextToken is invalid"):
        logs("DescribeLogGroups", logGroupNamePrefix="g", nextToken=first["nextToken"])


def test_groups_are_filtered_by_prefix_substring_and_identifier(logs: Any) -> None:
    for name in ("app/web", "app/db", "web"):
        logs("CreateLogGroup", logGroupName=name)
    assert names(logs("DescribeLogGroups", logGroupNamePrefix="app/")) == ["app/db", "app/web"]
    assert names(logs("DescribeLogGroups", logGroupNamePattern="web")) == ["app/web", "web"]
    assert names(logs("DescribeLogGroups", logGroupNamePattern="WEB")) == []
    assert names(logs("DescribeLogGroups", logGroupIdentifiers=["web", "none"])) == ["web"]
    with pytest.raises(ServiceError, match="mutually exclusive"):
        logs("DescribeLogGroups", logGroupNamePrefix="app/", logGroupNamePattern="web")


def test_groups_are_listed_by_pattern_and_tags(logs: Any) -> None:
    logs("CreateLogGroup", logGroupName="app/web", tags={"team": "blue-1"})
    logs("CreateLogGroup", logGroupName="app/db", tags={"team": "red"})
    logs("CreateLogGroup", logGroupName="web.app")
    assert names(logs("ListLogGroups", logGroupNamePattern="^web|db")) == ["app/db", "web.app"]
    blue = [{"key": "team", "values": ["blue*"]}]
    assert names(logs("ListLogGroups", logGroupTags=blue)) == ["app/web"]
    assert names(logs("ListLogGroups", logGroupTags=[{"key": "team", "values": ["!red"]}])) == ["app/web"]
    first = logs("ListLogGroups", limit=2)
    assert names(logs("ListLogGroups", limit=2, nextToken=first["nextToken"])) == ["web.app"]


def test_a_protected_group_is_deleted_only_after_its_protection(logs: Any) -> None:
    logs("CreateLogGroup", logGroupName="g", deletionProtectionEnabled=True)
    with pytest.raises(ServiceError, match="deletion protection"):
        logs("DeleteLogGroup", logGroupName="g")
    logs("PutLogGroupDeletionProtection", logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs("DeleteLogGroup", logGroupName="g")
    with pytest.raises(ServiceError, match="The specified log group does not exist"):
        logs("DeleteLogGroup", logGroupName="g")


def test_a_customer_key_is_refused_rather_than_ignored(logs: Any) -> None:
    with pytest.raises(ServiceError, match="kmsKeyId"):
        logs("CreateLogGroup", logGroupName="g", kmsKeyId="arn:aws:kms:us-east-1:1:key/k")
