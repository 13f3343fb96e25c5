from __future__ import annotations

import base64
import hashlib
import io
import os
import urllib.request
import zlib
from typing import Any
from urllib.error import HTTPError

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from clary.core.ids import uid

ODD_KEYS = [
    "plain",
    "a b+c&d=e",
    "../../etc/passwd",
    "/lead",
    "a//b",
    "ünï/cødé/\U0001f600",
    "x" * 1024,
    "%41",
    "a?b#c",
    ".",
]


@pytest.fixture(scope="module")
def s3(world: Any) -> Any:
    return world.client()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uid()}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**params)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_any_key_is_put_got_listed_and_deleted(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"data", Metadata={"who": "me"})
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == b"data"
    assert (got["Metadata"], got["ContentLength"], got["ContentType"]) == ({"who": "me"}, 4, "binary/octet-stream")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [each["Key"] for each in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert refused(s3.get_object, Bucket=bucket, Key=key) == ("NoSuchKey", 404)


def test_a_large_file_goes_up_in_parts_and_comes_down_the_same(s3: Any, bucket: str) -> None:
    data = os.urandom(12 * 1024 * 1024 + 5)
    transfer = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    s3.upload_fileobj(io.BytesIO(data), bucket, "big", Config=transfer)
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == len(data)
    assert head["ETag"].endswith('-3"')
    got = io.BytesIO()
    s3.download_fileobj(bucket, "big", got, Config=transfer)
    assert got.getvalue() == data
    assert s3.get_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")["Body"].read() == data
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=transfer)
    assert hashlib.md5(s3.get_object(Bucket=bucket, Key="copy")["Body"].read()).digest() == hashlib.md5(data).digest()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
@pytest.mark.parametrize("streamed", [False, True])
def test_checksums_are_verified_both_ways(s3: Any, bucket: str, algorithm: str, *, streamed: bool) -> None:
    data = os.urandom(2 * 1024 * 1024)
    body = io.BytesIO(data) if streamed else data
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert put["ChecksumType"] == "FULL_OBJECT"
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == data


def test_a_stream_without_a_length_of_its_own_is_chunked(world: Any, bucket: str) -> None:
    data = os.urandom(3 * 1024 * 1024)
    s3 = world.client(s3={"payload_signing_enabled": True})
    s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(data))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data


def test_a_body_that_is_not_what_its_checksum_says_is_refused_and_leaves_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"data", ChecksumCRC32=wrong) == ("BadDigest", 400)
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"data", ContentMD5=md5) == ("BadDigest", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"data", ContentMD5="x") == ("InvalidDigest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_presigned_url_reads_and_writes_without_keys(world: Any, bucket: str) -> None:
    s3 = world.client(signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k y"})
    with urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT")) as answer:
        assert answer.status == 200
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k y", "ResponseContentType": "text/plain"}
    )
    with urllib.request.urlopen(url) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"by url", "text/plain")
    with pytest.raises(HTTPError) as error:
        urllib.request.urlopen(url.replace("k%20y", "other"))
    assert error.value.code == 403
    error.value.close()


def test_a_range_is_partial_content(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == ("InvalidRange", 416)


def test_a_read_that_is_not_needed_is_not_modified(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
    assert refused(s3.head_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("412", 412)


def test_versions_are_listed_and_read_by_id(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    listed = s3.list_object_versions(Bucket=bucket)
    assert [(each["VersionId"], each["IsLatest"]) for each in listed["Versions"]] == [(second, False), (first, False)]
    assert [each["VersionId"] for each in listed["DeleteMarkers"]] == [marker["VersionId"]]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_a_batch_is_deleted_and_tags_are_kept(s3: Any, bucket: str) -> None:
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"", Tagging="team=blue&x=y+z")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [
        {"Key": "team", "Value": "blue"},
        {"Key": "x", "Value": "y z"},
    ]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in "abz"]})
    assert [each["Key"] for each in done["Deleted"]] == ["a", "b", "z"]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)


def test_the_attributes_of_an_object_in_parts_are_told(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, data in ((1, b"a" * 5 * 1024 * 1024), (2, b"b")):
        sent = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=data, ChecksumAlgorithm="SHA256"
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]})
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    raw = b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in parts)
    assert done["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(raw).digest()).decode() + "-2"
    told = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize"]
    )
    assert told["ObjectSize"] == 5 * 1024 * 1024 + 1
    assert told["Checksum"]["ChecksumType"] == "COMPOSITE"
    assert [part["Size"] for part in told["ObjectParts"]["Parts"]] == [5 * 1024 * 1024, 1]
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (b"b", 2)


def test_a_bucket_tells_its_region_owner_and_settings(s3: Any, bucket: str) -> None:
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    grant = s3.get_bucket_acl(Bucket=bucket)["Grants"][0]
    assert (grant["Permission"], grant["Grantee"]["Type"]) == ("FULL_CONTROL", "CanonicalUser")
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["IgnorePublicAcls"] is False
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert refused(s3.head_bucket, Bucket="not-there-at-all") == ("404", 404)
    assert refused(s3.head_bucket, Bucket=bucket, ExpectedBucketOwner="123456789012") == ("403", 403)


def test_what_is_not_built_says_so(s3: Any, bucket: str) -> None:
    code, status = refused(s3.get_bucket_website, Bucket=bucket)
    assert status in (404, 501)
    assert code
