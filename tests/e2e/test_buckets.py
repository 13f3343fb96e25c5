"""What buckets are told: policies across accounts and against one's own, lifecycles; who may do what by tags."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e.conftest import Account, Clary, Keys


@pytest.fixture
def other(clary: Clary) -> Iterator[Account]:
    made = clary.account()
    yield made
    made.close()


def put_policy(account: Account, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    account("s3").put_bucket_policy(Bucket=account.bucket, Policy=json.dumps(document))


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


def test_another_account_may_what_the_policy_says_and_its_own_policies_say_too(account: Account, other: Account):
    account.put("shared/a", "a")
    account.put("private/b", "b")
    named = {"Bucket": account.bucket, "Key": "shared/a"}
    assert refused(other("s3").get_object, **named) == "AccessDenied"
    everything = [f"arn:aws:s3:::{account.bucket}", f"arn:aws:s3:::{account.bucket}/shared/*"]
    put_policy(account, {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": everything,
    })  # fmt: skip
    assert other("s3").get_object(**named)["Body"].read() == b"a"
    other("s3").put_object(Bucket=account.bucket, Key="shared/theirs", Body=b"theirs")
    assert account.get(f"s3://{account.bucket}/shared/theirs") == b"theirs"
    assert other("s3").list_objects_v2(Bucket=account.bucket)["KeyCount"] == 3
    assert refused(other("s3").get_object, Bucket=account.bucket, Key="private/b") == "AccessDenied"
    assert refused(other("s3").delete_object, **named) == "AccessDenied"
    assert refused(other("s3").delete_bucket_policy, Bucket=account.bucket) == "AccessDenied"
    nobody = other.user({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"})("s3")
    assert refused(nobody.get_object, **named) == "AccessDenied"
    account("s3").delete_bucket_policy(Bucket=account.bucket)
    assert refused(other("s3").get_object, **named) == "AccessDenied"


def test_a_policy_denies_its_own_account_whatever_that_allows(account: Account):
    account.put("k", "v")
    reader = account.user({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})("s3")
    reader.get_object(Bucket=account.bucket, Key="k")["Body"].read()
    put_policy(account, {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{account.bucket}/*",
    })  # fmt: skip
    assert refused(reader.get_object, Bucket=account.bucket, Key="k") == "AccessDenied"
    assert reader.head_bucket(Bucket=account.bucket)["BucketRegion"] == "us-east-1"


def test_what_a_policy_makes_public_may_be_read_by_anybody_and_nothing_else(account: Account):
    account.put("open/a", "a")
    account.put("b", "b")
    url, s3 = f"{account.clary.environment['AWS_ENDPOINT_URL']}/{account.bucket}", account("s3")
    public = {
        "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{account.bucket}/open/*",
    }  # fmt: skip
    assert outcome(f"{url}/open/a") == 403
    with pytest.raises(ClientError, match="BlockPublicPolicy"):
        put_policy(account, public)
    s3.delete_public_access_block(Bucket=account.bucket)
    put_policy(account, public)
    assert outcome(f"{url}/open/a") == b"a"
    assert [outcome(f"{url}/b"), outcome(url), outcome(f"{url}/open/a", "DELETE")] == [403, 403, 403]
    every = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    blocked = dict.fromkeys(every, True)
    s3.put_public_access_block(Bucket=account.bucket, PublicAccessBlockConfiguration=blocked)
    assert outcome(f"{url}/open/a") == 403


def outcome(url: str, method: str = "GET") -> bytes | int:
    """Return what an unsigned request is answered with, or the status that refuses it."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_batch_is_deleted_as_far_as_it_may_be(account: Account):
    for key in ("mine/a", "theirs/b"):
        account.put(key, "x")
    mine = f"arn:aws:s3:::{account.bucket}/mine/*"
    user = account.user({"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": mine})("s3")
    named = [{"Key": key} for key in ("mine/a", "theirs/b")]
    told = user.delete_objects(Bucket=account.bucket, Delete={"Objects": named})
    assert [each["Key"] for each in told["Deleted"]] == ["mine/a"]
    assert [(each["Key"], each["Code"]) for each in told["Errors"]] == [("theirs/b", "AccessDenied")]
    left = account("s3").list_objects_v2(Bucket=account.bucket)["Contents"]
    assert [each["Key"] for each in left] == ["theirs/b"]


def test_what_may_be_read_can_depend_on_the_tags_of_objects(account: Account):
    for colour in ("red", "blue"):
        account("s3").put_object(Bucket=account.bucket, Key=colour, Body=b"x", Tagging=f"colour={colour}")
    tagged = {"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}
    user = account.user({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": tagged})("s3")
    assert user.get_object(Bucket=account.bucket, Key="red")["Body"].read() == b"x"
    assert refused(user.get_object, Bucket=account.bucket, Key="blue") == "AccessDenied"


def test_what_may_be_done_to_roles_can_depend_on_their_tags(account: Account):
    iam = account("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"},
    ]})  # fmt: skip
    for team in ("red", "blue"):
        iam.create_role(RoleName=team, AssumeRolePolicyDocument=trust, Tags=[{"Key": "team", "Value": team}])
    for key in ("iam:ResourceTag/team", "aws:ResourceTag/team"):
        tagged = {"StringEquals": {key: "red"}}
        user = account.user({"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*", "Condition": tagged})("iam")
        assert user.get_role(RoleName="red")["Role"]["RoleName"] == "red"
        assert refused(user.get_role, RoleName="blue") == "AccessDenied"


def test_what_may_be_done_with_queues_can_depend_on_their_tags(account: Account):
    urls = {team: account("sqs").create_queue(QueueName=team, tags={"team": team})["QueueUrl"] for team in ("a", "b")}
    tagged = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    sqs = account.user({"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": tagged})("sqs")
    assert sqs.send_message(QueueUrl=urls["a"], MessageBody="m")["MessageId"]
    assert refused(sqs.send_message, QueueUrl=urls["b"], MessageBody="m") == "AccessDenied"


def test_lifecycle_rules_and_the_lack_of_encryption_reach_clients(account: Account):
    s3, named = account("s3"), {"Bucket": account.bucket}
    both = {"Prefix": "tmp/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 10}
    rules = [
        {"ID": "old", "Status": "Enabled", "Filter": {"And": both}, "Expiration": {"Days": 3}},
        {"ID": "date", "Status": "Disabled", "Filter": {"Prefix": ""},
         "Expiration": {"Date": datetime(2031, 1, 1, tzinfo=UTC)}},
        {"ID": "rest", "Status": "Enabled", "Filter": {},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(**named, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(**named)["Rules"] == rules
    s3.delete_bucket_lifecycle(**named)
    assert refused(s3.get_bucket_lifecycle_configuration, **named) == "NoSuchLifecycleConfiguration"
    assert refused(s3.get_bucket_encryption, **named) == "ServerSideEncryptionConfigurationNotFoundError"


def test_a_token_of_another_session_is_told_as_each_service_tells_it(account: Account, other: Account):
    mixed = Keys(account.keys.access_key, account.keys.secret, other.keys.token)
    codes = {
        service: refused(getattr(account.clary.client(service, mixed), call))
        for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity"), ("sagemaker", "list_models"))
    }
    assert codes == {
        "s3": "InvalidToken", "sts": "InvalidClientTokenId", "sagemaker": "UnrecognizedClientException",
    }  # fmt: skip
