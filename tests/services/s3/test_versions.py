from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

BUCKET = "a-bucket"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


def switch(s3: Any, status: str) -> None:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": status})


def put(s3: Any, body: bytes) -> Any:
    return s3("PutObject", Bucket=BUCKET, Key="k", Body=body).get("VersionId")


def read(s3: Any, **params: Any) -> bytes:
    return b"".join(s3("GetObject", Bucket=BUCKET, Key="k", **params)["Body"])


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def test_a_new_bucket_keeps_no_versions_and_says_nothing_of_them(s3: Any) -> None:
    assert s3("GetBucketVersioning", Bucket=BUCKET) == {}
    assert put(s3, b"1") is None
    assert "VersionId" not in s3("HeadObject", Bucket=BUCKET, Key="k")
    assert s3("DeleteObject", Bucket=BUCKET, Key="k") == {}


def test_the_object_from_before_is_the_null_version(s3: Any) -> None:
    put(s3, b"before")
    switch(s3, "Enabled")
    version = put(s3, b"after")
    assert len(version) == 32
    assert read(s3) == b"after"
    assert read(s3, VersionId="null") == b"before"


def test_a_suspended_bucket_overwrites_the_null_version_alone(s3: Any) -> None:
    switch(s3, "Enabled")
    kept = put(s3, b"kept")
    switch(s3, "Suspended")
    assert s3("GetBucketVersioning", Bucket=BUCKET) == {"Status": "Suspended"}
    assert [put(s3, b"1"), put(s3, b"2")] == ["null", "null"]
    assert (read(s3), read(s3, VersionId=kept)) == (b"2", b"kept")
    assert s3("DeleteObject", Bucket=BUCKET, Key="k") == {"DeleteMarker": True, "VersionId": "null"}
    listed = s3("ListObjectVersions", Bucket=BUCKET)
    assert [each["VersionId"] for each in listed["Versions"]] == [kept]
    assert [each["VersionId"] for each in listed["DeleteMarkers"]] == ["null"]


def test_deleting_the_latest_version_brings_back_the_one_before(s3: Any) -> None:
    switch(s3, "Enabled")
    first, second = put(s3, b"1"), put(s3, b"2")
    assert s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId=second) == {"VersionId": second}
    assert read(s3) == b"1"
    assert s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId=second) == {"VersionId": second}
    s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId=first)
    assert s3("ListObjectVersions", Bucket=BUCKET)["Versions"] == []


def test_a_delete_marker_hides_the_object_and_has_no_bytes(s3: Any) -> None:
    switch(s3, "Enabled")
    put(s3, b"1")
    marker = s3("DeleteObject", Bucket=BUCKET, Key="k")["VersionId"]
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k") == ("NoSuchKey", 404)
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k", VersionId=marker) == ("MethodNotAllowed", 405)
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k", VersionId="other") == ("NoSuchVersion", 404)
    assert s3("ListObjectsV2", Bucket=BUCKET)["KeyCount"] == 0
    done = s3("DeleteObject", Bucket=BUCKET, Key="k", VersionId=marker)
    assert done == {"DeleteMarker": True, "VersionId": marker}
    assert read(s3) == b"1"


def test_versioning_is_enabled_or_suspended_and_nothing_else(s3: Any) -> None:
    for configuration in ({}, {"Status": "Off"}):
        assert refusal(s3, "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration=configuration) == (
            "MalformedXML",
            400,
        )
    mfa = {"Status": "Enabled", "MFADelete": "Enabled"}
    assert refusal(s3, "PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration=mfa) == ("NotImplemented", 501)
