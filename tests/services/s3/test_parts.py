from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3 import writing
from clary.services.s3.parts import PART_NUMBER_MAX, PARTS_PAGE_MAX

BUCKET = "a-bucket"
SOURCE = f"{BUCKET}/source%20%C3%A9"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


@pytest.fixture
def source(s3: Any) -> Any:
    """Put an object whose range may become a part."""
    return s3("PutObject", Bucket=BUCKET, Key="source é", Body=b"0123456789")


def begun(s3: Any, **params: Any) -> dict[str, Any]:
    upload = s3("CreateMultipartUpload", Bucket=BUCKET, Key="k", **params)["UploadId"]
    return {"Bucket": BUCKET, "Key": "k", "UploadId": upload}


def send(s3: Any, upload: dict[str, Any], number: int, body: Any, **params: Any) -> Any:
    return s3("UploadPart", **upload, PartNumber=number, Body=body, **params)


def copy(s3: Any, upload: dict[str, Any], **params: Any) -> Any:
    return s3("UploadPartCopy", **{**upload, "PartNumber": 1, "CopySource": SOURCE, **params})


def completed(s3: Any, upload: dict[str, Any]) -> bytes:
    parts = [
        {name: value for name, value in part.items() if name not in ("Size", "LastModified")}
        for part in s3("ListParts", **upload)["Parts"]
    ]
    s3("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
    return b"".join(s3("GetObject", Bucket=BUCKET, Key="k")["Body"])


def files(aws: Any) -> list[Path]:
    return [path for path in aws.store.blobs.root.rglob("*") if path.is_file()]


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def test_a_part_that_is_sent_again_takes_the_place_of_the_first(aws: Any, s3: Any) -> None:
    upload = begun(s3)
    send(s3, upload, 1, b"first")
    sent = send(s3, upload, 1, b"second")
    assert sent["ETag"] == f'"{hashlib.md5(b"second").hexdigest()}"'
    (part,) = s3("ListParts", **upload)["Parts"]
    assert (part["PartNumber"], part["Size"], part["ETag"]) == (1, 6, sent["ETag"])
    assert len(files(aws)) == 1
    assert completed(s3, upload) == b"second"


def test_a_number_lies_between_one_and_ten_thousand(s3: Any) -> None:
    upload = begun(s3)
    for number in (1, PART_NUMBER_MAX):
        send(s3, upload, number, b"x")
    for number in (0, -1, PART_NUMBER_MAX + 1):
        with pytest.raises(ServiceError) as refused:
            send(s3, upload, number, b"x")
        assert refused.value.code == "InvalidArgument"
        assert refused.value.message == "Part number must be an integer between 1 and 10000, inclusive"
    assert [part["PartNumber"] for part in s3("ListParts", **upload)["Parts"]] == [1, PART_NUMBER_MAX]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ContentMD5": "AAAA"}, "InvalidDigest"),
        ({"ContentMD5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"ChecksumSHA256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
        ({"ChecksumCRC32": "AAAAAA=="}, "InvalidRequest"),
        ({"ChecksumAlgorithm": "CRC32"}, "InvalidRequest"),
    ],
)
def test_a_part_that_is_not_what_was_announced_is_refused_and_the_former_stays(
    aws: Any, s3: Any, params: dict[str, Any], code: str
) -> None:
    upload = begun(s3, ChecksumAlgorithm="SHA256")
    send(s3, upload, 1, b"data", ChecksumAlgorithm="SHA256")
    assert refusal(send, s3, upload, 1, b"other", **{"ChecksumAlgorithm": "SHA256", **params}) == (code, 400)
    assert len(files(aws)) == 1
    assert completed(s3, upload) == b"data"


def test_a_part_is_no_larger_than_one_request_may_be(aws: Any, s3: Any) -> None:
    class Huge:
        length = writing.PUT_BYTES_MAX + 1

        def read(self, n: int = -1) -> bytes:
            raise AssertionError("what is too large is refused unread")

    assert refusal(send, s3, begun(s3), 1, Huge()) == ("EntityTooLarge", 400)
    assert files(aws) == []


def test_the_algorithm_that_was_chosen_is_told_of_each_part(s3: Any) -> None:
    upload = begun(s3, ChecksumAlgorithm="SHA256")
    checksum = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    assert send(s3, upload, 1, b"data", ChecksumAlgorithm="SHA256")["ChecksumSHA256"] == checksum
    listed = s3("ListParts", **upload)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("SHA256", "COMPOSITE")
    assert listed["Parts"][0]["ChecksumSHA256"] == checksum
    nobodys = begun(s3)
    assert "ChecksumCRC64NVME" in send(s3, nobodys, 1, b"data")
    listed = s3("ListParts", **nobodys)
    assert "ChecksumAlgorithm" not in listed
    assert set(listed["Parts"][0]) == {"PartNumber", "LastModified", "ETag", "Size"}


def test_parts_are_listed_page_by_page(s3: Any) -> None:
    upload = begun(s3, StorageClass="STANDARD_IA")
    assert s3("ListParts", **upload)["Parts"] == []
    for number in (7, 1, 3):
        send(s3, upload, number, bytes(number))
    page = s3("ListParts", **upload, MaxParts=2)
    assert ([each["Size"] for each in page["Parts"]], page["IsTruncated"]) == ([1, 3], True)
    assert (page["NextPartNumberMarker"], page["MaxParts"], page["StorageClass"]) == (3, 2, "STANDARD_IA")
    rest = s3("ListParts", **upload, PartNumberMarker=page["NextPartNumberMarker"])
    assert ([each["Size"] for each in rest["Parts"]], rest["IsTruncated"]) == ([7], False)
    none = s3("ListParts", **upload, MaxParts=0)
    assert (none["Parts"], none["IsTruncated"]) == ([], False)
    assert s3("ListParts", **upload, MaxParts=PARTS_PAGE_MAX + 1)["MaxParts"] == PARTS_PAGE_MAX
    for wrong in ({"MaxParts": -1}, {"PartNumberMarker": -1}):
        assert refusal(s3, "ListParts", **upload, **wrong) == ("InvalidArgument", 400)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("UploadPart", {"PartNumber": 1, "Body": b"x"}),
        ("UploadPartCopy", {"PartNumber": 1, "CopySource": SOURCE}),
        ("ListParts", {}),
    ],
)
def test_an_upload_must_be_open_under_its_own_key_and_bucket(
    aws: Any, s3: Any, name: str, extra: dict[str, Any]
) -> None:
    upload = begun(s3)
    assert refusal(s3, name, **{**upload, "UploadId": "none"}, **extra) == ("NoSuchUpload", 404)
    assert refusal(s3, name, **{**upload, "Key": "other"}, **extra) == ("NoSuchUpload", 404)
    assert refusal(s3, name, **{**upload, "Bucket": "none"}, **extra) == ("NoSuchBucket", 404)
    assert refusal(aws.other()("s3"), name, **upload, **extra) == ("AccessDenied", 403)
    assert s3("ListParts", **upload)["Parts"] == []


def test_a_part_may_be_an_object_or_a_range_of_one(s3: Any, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clary.services.s3.completion.PART_BYTES_MIN", 4)
    upload = begun(s3)
    ranged = copy(s3, upload, CopySourceRange="bytes=0-4")["CopyPartResult"]
    assert ranged["ETag"] == f'"{hashlib.md5(b"01234").hexdigest()}"'
    whole = copy(s3, upload, PartNumber=2, CopySourceIfMatch=source["ETag"])["CopyPartResult"]
    assert whole["ETag"] == source["ETag"]
    assert [part["Size"] for part in s3("ListParts", **upload)["Parts"]] == [5, 10]
    assert completed(s3, upload) == b"012340123456789"


def test_a_copied_part_has_the_checksum_that_the_upload_wants(s3: Any, source: Any) -> None:
    upload = begun(s3, ChecksumAlgorithm="SHA1")
    told = copy(s3, upload)["CopyPartResult"]
    assert told["ChecksumSHA1"] == base64.b64encode(hashlib.sha1(b"0123456789").digest()).decode()
    assert s3("ListParts", **upload)["Parts"][0]["ChecksumSHA1"] == told["ChecksumSHA1"]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("params", "refused"),
    [
        ({"CopySourceRange": "bytes=0-10"}, ("InvalidArgument", 400)),
        ({"CopySourceRange": "bytes=5-"}, ("InvalidArgument", 400)),
        ({"CopySourceRange": "bytes=5-4"}, ("InvalidArgument", 400)),
        ({"CopySourceRange": "0-4"}, ("InvalidArgument", 400)),
        ({"PartNumber": 0}, ("InvalidArgument", 400)),
        ({"CopySource": f"{BUCKET}/none"}, ("NoSuchKey", 404)),
        ({"CopySource": "no-bucket/k"}, ("NoSuchBucket", 404)),
        ({"CopySource": f"{SOURCE}?versionId=x"}, ("NoSuchVersion", 404)),
        ({"CopySourceIfMatch": '"other"'}, ("PreconditionFailed", 412)),
        ({"ExpectedSourceBucketOwner": "123456789012"}, ("AccessDenied", 403)),
    ],
)
def test_a_part_is_not_copied_from_what_is_not_there_or_not_as_asked(
    aws: Any, s3: Any, params: dict[str, Any], refused: tuple[str, int]
) -> None:
    upload = begun(s3)
    assert refusal(copy, s3, upload, **params) == refused
    assert s3("ListParts", **upload)["Parts"] == []
    assert files(aws) == []


def test_a_part_is_copied_from_an_old_version_by_its_id(s3: Any) -> None:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    old = s3("PutObject", Bucket=BUCKET, Key="v", Body=b"old")["VersionId"]
    s3("PutObject", Bucket=BUCKET, Key="v", Body=b"new")
    upload = begun(s3)
    assert copy(s3, upload, CopySource=f"{BUCKET}/v?versionId={old}")["CopySourceVersionId"] == old
    assert completed(s3, upload) == b"old"
