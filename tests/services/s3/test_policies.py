"""PutBucketPolicy and its siblings; that policies are obeyed is tried with two accounts in tests/e2e."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.access.policy import parse
from clary.access.requirements import requirements
from clary.core.errors import ServiceError
from clary.services.operation import handlers
from clary.services.s3 import operations
from clary.services.s3.policies import is_public

BUCKET = "a-bucket"
FRIEND = "123456789012"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def policy(**more: Any) -> str:
    statement = {
        "Effect": "Allow", "Principal": {"AWS": FRIEND}, "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*", **more,
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_is_told_as_it_was_put_until_it_is_deleted(s3: Any) -> None:
    assert refusal(s3, "GetBucketPolicy", Bucket=BUCKET) == ("NoSuchBucketPolicy", 404)
    s3("PutBucketPolicy", Bucket=BUCKET, Policy=policy())
    assert s3("GetBucketPolicy", Bucket=BUCKET) == {"Policy": policy()}
    assert s3("GetBucketPolicyStatus", Bucket=BUCKET) == {"PolicyStatus": {"IsPublic": False}}
    for _ in range(2):
        s3("DeleteBucketPolicy", Bucket=BUCKET)
    assert refusal(s3, "GetBucketPolicyStatus", Bucket=BUCKET) == ("NoSuchBucketPolicy", 404)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", policy(Principal=None), policy(Resource="arn:aws:s3:::another/*"), policy(Effect="Perhaps"),
        policy(Action="GetObject"), policy(Sid="x" * 21_000),
    ],
)  # fmt: skip
def test_what_is_no_policy_of_the_bucket_is_malformed(s3: Any, text: str) -> None:
    assert refusal(s3, "PutBucketPolicy", Bucket=BUCKET, Policy=text) == ("MalformedPolicy", 400)


def test_a_public_policy_needs_the_block_to_be_lifted(s3: Any) -> None:
    public = policy(Principal="*")
    assert refusal(s3, "PutBucketPolicy", Bucket=BUCKET, Policy=public) == ("AccessDenied", 403)
    s3("DeletePublicAccessBlock", Bucket=BUCKET)
    s3("PutBucketPolicy", Bucket=BUCKET, Policy=public)
    assert s3("GetBucketPolicyStatus", Bucket=BUCKET) == {"PolicyStatus": {"IsPublic": True}}


@pytest.mark.parametrize(
    ("more", "public"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}, "Effect": "Deny"}, False),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": FRIEND}}}, False),
        ({"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}}, True),
        ({"Principal": "*", "Condition": {"StringLike": {"s3:prefix": "home"}}}, True),
        ({"Principal": {"AWS": FRIEND}}, False),
    ],
)
def test_a_policy_is_public_unless_something_fixed_limits_it(more: dict[str, Any], public: bool) -> None:
    assert is_public(parse(policy(**more), "resource")) is public


def test_every_operation_on_a_bucket_is_asked_of_that_bucket(aws: Any) -> None:
    """Its policy lets others in, so nothing may be done to it that its policy was not asked about."""
    params = {"Bucket": "b", "Key": "k", "CopySource": "b/k"}
    whole = ("CreateBucket", "ListBuckets", "DeleteObjects")  # the last asks by itself
    for name in handlers(operations(aws.platform)).keys() - set(whole):
        needed = requirements("s3", name, params, account=FRIEND, region="us-east-1", context={})
        assert needed, name
        assert {each.resource.partition("/")[0] for each in needed} == {"arn:aws:s3:::b"}, name
