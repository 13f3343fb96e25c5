from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

BUCKET = "a-bucket"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    s3("PutObject", Bucket=BUCKET, Key="s/é+ü", Body=b"data", Metadata={"m": "1"}, ContentType="a/b", Tagging="t=1")
    return s3


SOURCE = f"{BUCKET}/s/%C3%A9%2B%C3%BC"


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def copied(s3: Any, key: str = "copy", **params: Any) -> Any:
    return s3("CopyObject", **{"Bucket": BUCKET, "Key": key, "CopySource": SOURCE, **params})


def test_a_copy_has_bytes_metadata_and_tags_of_its_source(s3: Any) -> None:
    done = copied(s3)["CopyObjectResult"]
    got = s3("GetObject", Bucket=BUCKET, Key="copy")
    assert b"".join(got["Body"]) == b"data"
    assert (got["Metadata"], got["ContentType"], got["TagCount"]) == ({"m": "1"}, "a/b", 1)
    source = s3("HeadObject", Bucket=BUCKET, Key="s/é+ü", ChecksumMode="ENABLED")
    assert (done["ETag"], done["ChecksumCRC64NVME"]) == (source["ETag"], source["ChecksumCRC64NVME"])


def test_a_copy_may_have_metadata_tags_and_checksum_of_its_own(s3: Any) -> None:
    done = copied(
        s3, MetadataDirective="REPLACE", Metadata={"n": "2"}, TaggingDirective="REPLACE", Tagging="u=1&v=2",
        ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA",
    )  # fmt: skip
    assert "ChecksumSHA256" in done["CopyObjectResult"]
    got = s3("HeadObject", Bucket=BUCKET, Key="copy")
    assert (got["Metadata"], got["ContentType"], got["TagCount"]) == ({"n": "2"}, "binary/octet-stream", 2)
    assert got["StorageClass"] == "STANDARD_IA"


def test_a_copy_onto_itself_must_change_something(s3: Any) -> None:
    assert refusal(copied, s3, "s/é+ü") == ("InvalidRequest", 400)
    copied(s3, "s/é+ü", MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert s3("HeadObject", Bucket=BUCKET, Key="s/é+ü")["Metadata"] == {"n": "2"}


@pytest.mark.parametrize("source", ["", "/", BUCKET, f"/{BUCKET}/", "/key"])
def test_a_source_that_names_no_object_is_refused(s3: Any, source: str) -> None:
    assert refusal(copied, s3, CopySource=source) == ("InvalidArgument", 400)


def test_a_source_that_is_not_there_or_not_ones_own_is_refused(aws: Any, s3: Any) -> None:
    assert refusal(copied, s3, CopySource=f"{BUCKET}/nothing") == ("NoSuchKey", 404)
    assert refusal(copied, s3, CopySource="no-bucket/nothing") == ("NoSuchBucket", 404)
    assert refusal(copied, s3, CopySource=f"{SOURCE}?versionId=x") == ("NoSuchVersion", 404)
    other = aws.other()("s3")
    other("CreateBucket", Bucket="their-bucket")
    assert refusal(copied, other, Bucket="their-bucket") == ("AccessDenied", 403)
    assert refusal(copied, s3, ExpectedSourceBucketOwner="123456789012") == ("AccessDenied", 403)


def test_a_copy_may_ask_of_its_source_and_of_its_place(s3: Any) -> None:
    assert refusal(copied, s3, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    copied(s3, IfNoneMatch="*")
    assert refusal(copied, s3, IfNoneMatch="*") == ("PreconditionFailed", 412)


def test_an_old_version_is_copied_by_its_id(s3: Any) -> None:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    old = s3("PutObject", Bucket=BUCKET, Key="v", Body=b"old")["VersionId"]
    s3("PutObject", Bucket=BUCKET, Key="v", Body=b"new")
    done = copied(s3, CopySource=f"{BUCKET}/v?versionId={old}")
    assert done["CopySourceVersionId"] == old
    assert done["VersionId"] != old
    assert b"".join(s3("GetObject", Bucket=BUCKET, Key="copy")["Body"]) == b"old"
