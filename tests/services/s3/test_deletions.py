from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.deletions import DELETE_MAX
from clary.store.blobs import SMALL_BYTES_MAX

BUCKET = "a-bucket"
LARGE = bytes(SMALL_BYTES_MAX + 1)
"""A body that has a file of its own."""


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


@pytest.fixture
def versioned(s3: Any) -> Any:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3: Any, body: bytes = b"", key: str = "k") -> Any:
    return s3("PutObject", Bucket=BUCKET, Key=key, Body=body)


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3("ListObjectsV2", Bucket=BUCKET)["Contents"]]


def files(aws: Any) -> list[Path]:
    return [path for path in aws.store.blobs.root.rglob("*") if path.is_file()]


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def test_what_is_deleted_is_gone_with_its_bytes_and_may_be_deleted_again(aws: Any, s3: Any) -> None:
    put(s3, LARGE)
    assert len(files(aws)) == 1
    for _ in range(2):
        assert s3("DeleteObject", Bucket=BUCKET, Key="k") == {}
        assert files(aws) == []
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k") == ("NoSuchKey", 404)


def test_without_versions_the_null_version_is_the_object(s3: Any) -> None:
    put(s3)
    s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId="other")
    assert keys(s3) == ["k"]
    s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId="null")
    assert keys(s3) == []


def test_a_deletion_may_ask_that_the_object_be_as_it_was(s3: Any) -> None:
    etag = put(s3, b"data")["ETag"]
    modified = datetime.fromtimestamp(s3("HeadObject", Bucket=BUCKET, Key="k")["LastModified"], UTC)
    for condition in (
        {"IfMatch": '"other"'},
        {"IfMatchSize": 5},
        {"IfMatchLastModifiedTime": modified - timedelta(seconds=2)},
    ):
        assert refusal(s3, "DeleteObject", Bucket=BUCKET, Key="k", **condition) == ("PreconditionFailed", 412)
    assert keys(s3) == ["k"]
    as_it_was = {"IfMatch": etag, "IfMatchSize": 4, "IfMatchLastModifiedTime": modified}
    for _ in range(2):  # What is not there cannot have changed.
        s3("DeleteObject", Bucket=BUCKET, Key="k", **as_it_was)
        assert keys(s3) == []


@pytest.mark.parametrize(
    ("name", "extra"), [("DeleteObject", {"Key": "k"}), ("DeleteObjects", {"Delete": {"Objects": [{"Key": "k"}]}})]
)
def test_only_the_owner_deletes(aws: Any, s3: Any, name: str, extra: dict[str, Any]) -> None:
    put(s3)
    assert refusal(aws.other()("s3"), name, Bucket=BUCKET, **extra) == ("AccessDenied", 403)
    assert refusal(s3, name, Bucket=BUCKET, ExpectedBucketOwner="123456789012", **extra) == ("AccessDenied", 403)
    assert refusal(s3, name, Bucket="none", **extra) == ("NoSuchBucket", 404)
    assert keys(s3) == ["k"]


def test_a_batch_deletes_each_for_itself(aws: Any, s3: Any) -> None:
    etag = put(s3, LARGE, "a")["ETag"]
    for key in "bc":
        put(s3, LARGE, key)
    named = [{"Key": "a", "ETag": etag}, {"Key": "b", "ETag": '"other"'}, {"Key": "none"}, {"Key": "x" * 2000}]
    done = s3("DeleteObjects", Bucket=BUCKET, Delete={"Objects": named})
    assert done["Deleted"] == [{"Key": "a"}, {"Key": "none"}]
    errors = [(error["Key"][:5], error["Code"], error["Message"]) for error in done["Errors"]]
    assert errors == [
        ("b", "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
        ("xxxxx", "KeyTooLongError", "Your key is too long"),
    ]
    assert keys(s3) == ["b", "c"]
    assert len(files(aws)) == 2


def test_a_quiet_batch_tells_of_what_went_wrong_alone(s3: Any) -> None:
    put(s3)
    named = [{"Key": "k"}, {"Key": "x" * 2000}]
    done = s3("DeleteObjects", Bucket=BUCKET, Delete={"Objects": named, "Quiet": True})
    assert (done["Deleted"], [error["Code"] for error in done["Errors"]]) == ([], ["KeyTooLongError"])
    assert keys(s3) == []


def test_a_batch_names_a_thousand_objects_at_most_and_one_at_least(s3: Any) -> None:
    put(s3)
    for wrong in ({}, {"Objects": []}, {"Objects": [{"Key": "k"}] * (DELETE_MAX + 1)}):
        assert refusal(s3, "DeleteObjects", Bucket=BUCKET, Delete=wrong) == ("MalformedXML", 400)
    assert keys(s3) == ["k"]


def test_with_versions_a_marker_is_set_and_a_version_is_gone_for_good(aws: Any, versioned: Any) -> None:
    version = put(versioned, LARGE)["VersionId"]
    marked = versioned("DeleteObject", Bucket=BUCKET, Key="k")
    assert (marked["DeleteMarker"], len(marked["VersionId"])) == (True, 32)
    assert (keys(versioned), len(files(aws))) == ([], 1)
    for _ in range(2):
        assert versioned("DeleteObject", Bucket=BUCKET, Key="k", VersionId=version) == {"VersionId": version}
        assert files(aws) == []
    gone = versioned("DeleteObject", Bucket=BUCKET, Key="k", VersionId=marked["VersionId"])
    assert gone == {"DeleteMarker": True, "VersionId": marked["VersionId"]}


def test_a_batch_tells_which_markers_it_set_and_which_it_took_away(versioned: Any) -> None:
    version = put(versioned, b"1")["VersionId"]
    named = [{"Key": "k"}, {"Key": "k", "VersionId": version}]
    marked, gone = versioned("DeleteObjects", Bucket=BUCKET, Delete={"Objects": named})["Deleted"]
    marker = marked["DeleteMarkerVersionId"]
    assert (marked["DeleteMarker"], len(marker)) == (True, 32)
    assert gone == {"Key": "k", "VersionId": version}
    (unmarked,) = versioned(
        "DeleteObjects", Bucket=BUCKET, Delete={"Objects": [{"Key": "k", "VersionId": marker}]}
    )["Deleted"]  # fmt: skip
    assert unmarked == {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
