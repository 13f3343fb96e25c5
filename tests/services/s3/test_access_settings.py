from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.access_settings import BLOCKS
from clary.services.s3.ownership import canonical_id

BUCKET = "a-bucket"
ENFORCED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status, error.value.message


def blocked(s3: Any) -> dict[str, bool]:
    configuration: dict[str, bool] = s3("GetPublicAccessBlock", Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    return configuration


def test_the_owner_alone_has_full_control_of_a_bucket_and_its_objects(aws: Any, s3: Any) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"")
    owner = {"ID": canonical_id(aws.account)}
    grant = {"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    told = {"Owner": owner, "Grants": [grant]}
    assert s3("GetBucketAcl", Bucket=BUCKET) == told
    assert s3("GetObjectAcl", Bucket=BUCKET, Key="k") == told
    assert s3("ListBuckets")["Owner"] == owner


def test_the_acl_of_an_object_needs_the_object(s3: Any) -> None:
    missing = ("NoSuchKey", 404, "The specified key does not exist.")
    assert refusal(s3, "GetObjectAcl", Bucket=BUCKET, Key="none") == missing
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3("PutObject", Bucket=BUCKET, Key="k", Body=b"")["VersionId"]
    s3("DeleteObject", Bucket=BUCKET, Key="k")
    assert refusal(s3, "GetObjectAcl", Bucket=BUCKET, Key="k") == missing
    assert s3("GetObjectAcl", Bucket=BUCKET, Key="k", VersionId=version)["Grants"]
    assert refusal(s3, "GetObjectAcl", Bucket=BUCKET, Key="k", VersionId="other")[:2] == ("NoSuchVersion", 404)


def test_that_the_owner_owns_everything_is_all_that_can_be_chosen(s3: Any) -> None:
    for _ in range(2):
        s3("PutBucketOwnershipControls", Bucket=BUCKET, OwnershipControls=ENFORCED)
        assert s3("GetBucketOwnershipControls", Bucket=BUCKET)["OwnershipControls"] == ENFORCED
    no_acls = ("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
    for rules in ([], [{"ObjectOwnership": "ObjectWriter"}], ENFORCED["Rules"] * 2):
        chosen = {"Rules": rules}
        assert refusal(s3, "PutBucketOwnershipControls", Bucket=BUCKET, OwnershipControls=chosen) == no_acls
    assert s3("GetBucketOwnershipControls", Bucket=BUCKET)["OwnershipControls"] == ENFORCED


def test_public_access_is_blocked_until_one_says_otherwise(s3: Any) -> None:
    assert blocked(s3) == dict.fromkeys(BLOCKS, True)
    s3("PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    assert blocked(s3) == {**dict.fromkeys(BLOCKS, False), "BlockPublicPolicy": True}
    s3("PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert blocked(s3) == {**dict.fromkeys(BLOCKS, False), "IgnorePublicAcls": True}


def test_a_block_that_was_removed_is_not_found(s3: Any) -> None:
    for _ in range(2):
        s3("DeletePublicAccessBlock", Bucket=BUCKET)
        assert refusal(blocked, s3) == (
            "NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found",
        )  # fmt: skip
    s3("PutPublicAccessBlock", Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))
    assert blocked(s3) == dict.fromkeys(BLOCKS, True)


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("GetBucketAcl", {}),
        ("GetObjectAcl", {"Key": "k"}),
        ("GetBucketOwnershipControls", {}),
        ("PutBucketOwnershipControls", {"OwnershipControls": ENFORCED}),
        ("GetPublicAccessBlock", {}),
        ("PutPublicAccessBlock", {"PublicAccessBlockConfiguration": {}}),
        ("DeletePublicAccessBlock", {}),
    ],
)
def test_only_the_owner_asks_and_says(aws: Any, s3: Any, name: str, extra: dict[str, Any]) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"")
    denied = ("AccessDenied", 403, "Access Denied")
    assert refusal(aws.other()("s3"), name, Bucket=BUCKET, **extra) == denied
    assert refusal(s3, name, Bucket=BUCKET, ExpectedBucketOwner="123456789012", **extra) == denied
    missing = ("NoSuchBucket", 404, "The specified bucket does not exist")
    assert refusal(s3, name, Bucket="none", **extra) == missing
    assert blocked(s3) == dict.fromkeys(BLOCKS, True)
