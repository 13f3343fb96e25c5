from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.ownership import BUCKET as KIND

BUCKET = "a-bucket"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"")
    return s3


def tag_set(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def test_the_tags_of_a_bucket_are_set_found_and_removed(aws: Any, s3: Any) -> None:
    assert refusal(s3, "GetBucketTagging", Bucket=BUCKET) == ("NoSuchTagSet", 404)
    s3("PutBucketTagging", Bucket=BUCKET, Tagging=tag_set(team="blue", a="1"))
    assert s3("GetBucketTagging", Bucket=BUCKET) == tag_set(a="1", team="blue")
    record = aws.store.records(aws.account, "us-east-1").find(KIND, BUCKET)
    assert aws.store.records(aws.account, "us-east-1").attributes(record.uid) == {"tag:a": "1", "tag:team": "blue"}
    s3("DeleteBucketTagging", Bucket=BUCKET)
    assert refusal(s3, "GetBucketTagging", Bucket=BUCKET) == ("NoSuchTagSet", 404)


def test_the_tags_of_an_object_are_those_of_its_version(s3: Any) -> None:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    new = s3("PutObject", Bucket=BUCKET, Key="k", Body=b"2", Tagging="n=1")["VersionId"]
    s3("PutObjectTagging", Bucket=BUCKET, Key="k", VersionId="null", Tagging=tag_set(o="2"))
    assert s3("GetObjectTagging", Bucket=BUCKET, Key="k") == {"VersionId": new, **tag_set(n="1")}
    assert s3("GetObjectTagging", Bucket=BUCKET, Key="k", VersionId="null") == {"VersionId": "null", **tag_set(o="2")}
    assert s3("DeleteObjectTagging", Bucket=BUCKET, Key="k") == {"VersionId": new}
    assert s3("GetObjectTagging", Bucket=BUCKET, Key="k")["TagSet"] == []
    assert refusal(s3, "GetObjectTagging", Bucket=BUCKET, Key="other") == ("NoSuchKey", 404)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([("a" * 129, "")], "InvalidTag"),
        ([("", "x")], "InvalidTag"),
        ([("a", "x" * 257)], "InvalidTag"),
        ([("a", "1"), ("a", "2")], "InvalidTag"),
        ([("AWS:a", "1")], "InvalidTag"),
        ([(str(each), "") for each in range(11)], "BadRequest"),
    ],
)
def test_tags_against_the_rules_are_refused(s3: Any, tags: list[tuple[str, str]], code: str) -> None:
    tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags]}
    assert refusal(s3, "PutObjectTagging", Bucket=BUCKET, Key="k", Tagging=tagging) == (code, 400)
