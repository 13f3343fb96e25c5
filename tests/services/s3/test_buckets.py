from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.ownership import BUCKET


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def created(aws: Any, name: str = "a-bucket", region: str = "us-east-1") -> Any:
    s3 = aws.elsewhere(region)("s3")
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3("CreateBucket", Bucket=name, **place)
    return s3


@pytest.mark.parametrize(
    "name",
    [
        "ab", "a" * 64, "Upper", "under_score", "-dash", "dash-", ".dot", "two..dots", "192.168.5.4", "xn--abc",
        "sthree-abc", "abc-s3alias", "abc--ol-s3", "sp ace", "a/b", "",
    ],
)  # fmt: skip
def test_a_name_against_the_rules_is_refused(aws: Any, name: str) -> None:
    assert refusal(aws("s3"), "CreateBucket", Bucket=name) == ("InvalidBucketName", 400)


def test_a_name_stands_once_in_the_world(aws: Any) -> None:
    s3 = created(aws)
    assert s3("CreateBucket", Bucket="a-bucket")["Location"] == "/a-bucket"
    assert refusal(aws.other()("s3"), "CreateBucket", Bucket="a-bucket") == ("BucketAlreadyExists", 409)
    created(aws, "far-away", "eu-west-1")
    assert refusal(created, aws, "far-away", "eu-west-1") == ("BucketAlreadyOwnedByYou", 409)


def test_a_bucket_lies_in_the_region_that_its_creator_names(aws: Any) -> None:
    s3 = created(aws, "far-away", "eu-west-1")
    assert s3("GetBucketLocation", Bucket="far-away") == {"LocationConstraint": "eu-west-1"}
    assert aws("s3")("HeadBucket", Bucket="far-away")["BucketRegion"] == "eu-west-1"
    aws("s3")("CreateBucket", Bucket="b-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    assert s3("GetBucketLocation", Bucket="b-bucket") == {"LocationConstraint": "eu-west-2"}
    unnamed = refusal(s3, "CreateBucket", Bucket="c-bucket")
    other = refusal(
        s3, "CreateBucket", Bucket="c-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    home = refusal(s3, "CreateBucket", Bucket="c-bucket", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    assert unnamed == other == ("IllegalLocationConstraintException", 400)
    assert home == ("InvalidLocationConstraint", 400)


def test_the_bucket_of_another_account_is_denied(aws: Any) -> None:
    s3, other = created(aws), aws.other()("s3")
    s3("PutObject", Bucket="a-bucket", Key="k", Body=b"")
    for name, params in [
        ("HeadBucket", {}), ("ListObjectsV2", {}), ("GetObject", {"Key": "k"}), ("PutObject", {"Key": "k"}),
        ("DeleteObject", {"Key": "k"}), ("DeleteBucket", {}), ("GetBucketLocation", {}),
    ]:  # fmt: skip
        assert refusal(other, name, Bucket="a-bucket", **params) == ("AccessDenied", 403)
    created(aws.other(), "mine-now")
    assert [each["Name"] for each in s3("ListBuckets")["Buckets"]] == ["a-bucket"]


def test_the_wrong_expected_owner_is_denied_and_the_right_one_is_not(aws: Any) -> None:
    s3 = created(aws)
    assert refusal(s3, "HeadBucket", Bucket="a-bucket", ExpectedBucketOwner="123456789012") == ("AccessDenied", 403)
    assert s3("HeadBucket", Bucket="a-bucket", ExpectedBucketOwner=aws.account)["BucketRegion"] == "us-east-1"


def test_only_an_empty_bucket_is_deleted(aws: Any) -> None:
    s3 = created(aws)
    s3("PutObject", Bucket="a-bucket", Key="k", Body=b"x")
    assert refusal(s3, "DeleteBucket", Bucket="a-bucket") == ("BucketNotEmpty", 409)
    s3("DeleteObject", Bucket="a-bucket", Key="k")
    s3("DeleteBucket", Bucket="a-bucket")
    assert refusal(s3, "HeadBucket", Bucket="a-bucket") == ("NoSuchBucket", 404)
    assert refusal(s3, "DeleteBucket", Bucket="a-bucket") == ("NoSuchBucket", 404)


def test_buckets_are_listed_page_by_page(aws: Any) -> None:
    for name in ("one-bucket", "two-bucket", "six-bucket"):
        created(aws, name)
    s3 = created(aws, "one-far-bucket", "eu-west-1")
    first = s3("ListBuckets", MaxBuckets=2)
    second = s3("ListBuckets", MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    names = [each["Name"] for page in (first, second) for each in page["Buckets"]]
    assert names == ["one-bucket", "one-far-bucket", "six-bucket", "two-bucket"]
    assert "ContinuationToken" not in second
    assert [each["Name"] for each in s3("ListBuckets", Prefix="one-")["Buckets"]] == ["one-bucket", "one-far-bucket"]
    assert [each["Name"] for each in s3("ListBuckets", BucketRegion="eu-west-1")["Buckets"]] == ["one-far-bucket"]


def test_a_crash_between_record_and_contents_is_mended_by_the_next_create(aws: Any) -> None:
    records = aws.store.records(aws.account, "us-east-1")
    records.create(BUCKET, "a-bucket", {"Region": "us-east-1"})
    s3 = aws("s3")
    assert refusal(s3, "PutObject", Bucket="a-bucket", Key="k", Body=b"x") == ("NoSuchBucket", 404)
    s3("CreateBucket", Bucket="a-bucket")
    s3("PutObject", Bucket="a-bucket", Key="k", Body=b"x")


def test_a_crash_while_deleting_is_mended_by_the_next_delete(aws: Any) -> None:
    s3 = created(aws)
    record = aws.store.records(aws.account, "us-east-1").find(BUCKET, "a-bucket")
    assert aws.store.objects.close_bucket(record.uid)
    s3("DeleteBucket", Bucket="a-bucket")
    assert refusal(s3, "HeadBucket", Bucket="a-bucket") == ("NoSuchBucket", 404)


def test_what_a_client_must_not_believe_was_done_is_refused(aws: Any) -> None:
    s3 = created(aws)
    put = {"Bucket": "a-bucket", "Key": "k", "Body": b"x"}
    assert refusal(s3, "PutObject", **put, ACL="public-read") == ("AccessControlListNotSupported", 400)
    assert refusal(s3, "PutObject", **put, SSECustomerAlgorithm="AES256") == ("NotImplemented", 501)
    assert refusal(s3, "PutObject", **put, ObjectLockMode="GOVERNANCE") == ("InvalidRequest", 400)
    assert "ServerSideEncryption" not in s3("PutObject", **put, ServerSideEncryption="aws:kms")
    assert refusal(s3, "CreateBucket", Bucket="bbb", ObjectLockEnabledForBucket=True) == ("NotImplemented", 501)


def test_an_account_that_is_purged_leaves_no_bytes(aws: Any) -> None:
    s3 = created(aws)
    s3("PutBucketVersioning", Bucket="a-bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3("PutObject", Bucket="a-bucket", Key="k", Body=body)
    s3("DeleteObject", Bucket="a-bucket", Key="k")
    upload = s3("CreateMultipartUpload", Bucket="a-bucket", Key="m")["UploadId"]
    s3("UploadPart", Bucket="a-bucket", Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    aws.store.objects_purge(aws.account)
    assert [path for path in aws.store.blobs.root.rglob("*") if path.is_file()] == []
    assert refusal(s3, "PutObject", Bucket="a-bucket", Key="k", Body=b"x") == ("NoSuchBucket", 404)
