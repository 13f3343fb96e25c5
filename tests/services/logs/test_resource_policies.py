"""Resource policies of CloudWatch Logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[str], Any]
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "logs:PutLogEvents",
    "Resource": "*",
}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


@pytest.fixture
def logs(aws: Any) -> Any:
    return aws("logs")


def test_policies_are_put_listed_written_over_and_deleted(logs: Any, refused: Refused) -> None:
    told = logs("PutResourcePolicy", policyName="a", policyDocument=DOCUMENT)["resourcePolicy"]
    assert (told["policyName"], told["policyDocument"]) == ("a", DOCUMENT)
    logs("PutResourcePolicy", policyName="b", policyDocument=DOCUMENT)
    other = DOCUMENT.replace("*", "arn:aws:logs:us-east-1:1:log-group:x:*")
    logs("PutResourcePolicy", policyName="a", policyDocument=other)
    first = logs("DescribeResourcePolicies", limit=1)
    rest = logs("DescribeResourcePolicies", limit=1, nextToken=first["nextToken"])
    found = {each["policyName"]: each["policyDocument"] for each in (*first["resourcePolicies"],
                                                                    *rest["resourcePolicies"])}  # fmt: skip
    assert found == {"a": other, "b": DOCUMENT}
    logs("DeleteResourcePolicy", policyName="a")
    with refused("ResourceNotFoundException"):
        logs("DeleteResourcePolicy", policyName="a")


def test_what_is_no_policy_is_refused(logs: Any, refused: Refused) -> None:
    for document in ("{", "{}", json.dumps({**json.loads(DOCUMENT), "Id": "x" * 5200})):
        with refused("InvalidParameterException"):
            logs("PutResourcePolicy", policyName="a", policyDocument=document)
    for wrong in ({}, {"policyName": "a", "resourceArn": "arn:aws:logs:us-east-1:1:log-group:x"}):
        with refused("InvalidParameterException"):
            logs("PutResourcePolicy", policyDocument=DOCUMENT, **wrong)


def test_an_account_has_ten_policies_at_most(logs: Any, refused: Refused) -> None:
    for number in range(10):
        logs("PutResourcePolicy", policyName=f"p{number}", policyDocument=DOCUMENT)
    with refused("LimitExceededException"):
        logs("PutResourcePolicy", policyName="one-more", policyDocument=DOCUMENT)
    logs("PutResourcePolicy", policyName="p3", policyDocument=DOCUMENT)
