from __future__ import annotations

import hashlib
import random
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3 import completion

BUCKET = "a-bucket"


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "PART_BYTES_MIN", 4)


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def begun(s3: Any, key: str = "k", **params: Any) -> dict[str, Any]:
    upload = s3("CreateMultipartUpload", Bucket=BUCKET, Key=key, **params)["UploadId"]
    return {"Bucket": BUCKET, "Key": key, "UploadId": upload}


def sent(s3: Any, upload: dict[str, Any], number: int, body: bytes, **params: Any) -> dict[str, Any]:
    done = s3("UploadPart", **upload, PartNumber=number, Body=body, **params)
    checksums = {name: value for name, value in done.items() if name.startswith("Checksum")}
    return {"PartNumber": number, "ETag": done["ETag"], **checksums}


def completed(s3: Any, upload: dict[str, Any], parts: list[dict[str, Any]], **params: Any) -> Any:
    return s3("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts}, **params)


def read(s3: Any, key: str = "k", **params: Any) -> bytes:
    return b"".join(s3("GetObject", Bucket=BUCKET, Key=key, **params)["Body"])


@pytest.mark.usefixtures("small_parts")
def test_parts_become_an_object_in_the_order_of_their_numbers(aws: Any, s3: Any) -> None:
    upload = begun(s3, ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
    last = sent(s3, upload, 9, b"st")
    first, middle = sent(s3, upload, 2, b"first"), sent(s3, upload, 5, b"middle")
    sent(s3, upload, 7, b"never used")
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k") == ("NoSuchKey", 404)
    done = completed(s3, upload, [first, middle, last], MpuObjectSize=13)
    etags = b"".join(hashlib.md5(each).digest() for each in (b"first", b"middle", b"st"))
    assert done["ETag"] == f'"{hashlib.md5(etags).hexdigest()}-3"'
    assert read(s3) == b"firstmiddlest"
    assert read(s3, Range="bytes=3-12") == b"stmiddlest"
    got = s3("HeadObject", Bucket=BUCKET, Key="k")
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("a/b", {"m": "1"}, 1)
    assert len([path for path in aws.store.blobs.root.rglob("*") if path.is_file()]) == 3
    part = s3("GetObject", Bucket=BUCKET, Key="k", PartNumber=2)
    assert (b"".join(part["Body"]), part["ContentRange"], part["PartsCount"]) == (b"middle", "bytes 5-10/13", 3)
    assert refusal(s3, "HeadObject", Bucket=BUCKET, Key="k", PartNumber=4) == ("InvalidPartNumber", 416)


@pytest.mark.usefixtures("small_parts")
def test_a_completion_that_is_asked_for_again_has_the_same_answer(s3: Any) -> None:
    upload = begun(s3)
    parts = [sent(s3, upload, 1, b"data")]
    assert completed(s3, upload, parts) == completed(s3, upload, parts)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C"])
def test_the_checksum_is_of_the_parts_or_of_the_whole(s3: Any, algorithm: str, kind: str) -> None:
    upload = begun(s3, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    data = [random.Random(seed).randbytes(10) for seed in range(3)]
    parts = [sent(s3, upload, number, each, ChecksumAlgorithm=algorithm) for number, each in enumerate(data, 1)]
    whole = s3("PutObject", Bucket=BUCKET, Key="whole", Body=b"".join(data), ChecksumAlgorithm=algorithm)
    member = f"Checksum{algorithm}"
    if kind == "FULL_OBJECT":
        wrong = {member: parts[0][member]}
        assert refusal(completed, s3, upload, parts, **wrong) == ("BadDigest", 400)
        assert completed(s3, upload, parts, **{member: whole[member]})[member] == whole[member]
    else:
        bare = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        assert refusal(completed, s3, upload, bare) == ("InvalidRequest", 400)
        assert completed(s3, upload, parts)[member].endswith("-3")
    assert s3("HeadObject", Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")["ChecksumType"] == kind


@pytest.mark.usefixtures("small_parts")
def test_an_upload_without_a_chosen_algorithm_takes_parts_of_any(s3: Any) -> None:
    upload = begun(s3)
    parts = [sent(s3, upload, 1, b"1234", ChecksumAlgorithm="CRC32"), sent(s3, upload, 2, b"56789")]
    done = completed(s3, upload, parts)
    whole = s3("PutObject", Bucket=BUCKET, Key="whole", Body=b"123456789")
    assert done["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]


def test_algorithms_and_types_that_do_not_go_together_are_refused(s3: Any) -> None:
    for params in (
        {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"},
        {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
        {"ChecksumType": "COMPOSITE"},
    ):
        assert refusal(begun, s3, **params) == ("InvalidRequest", 400)
    upload = begun(s3, ChecksumAlgorithm="SHA1")
    assert refusal(sent, s3, upload, 1, b"x", ChecksumAlgorithm="CRC32") == ("InvalidRequest", 400)


def test_a_list_of_parts_against_the_rules_is_refused_and_the_upload_stays(s3: Any) -> None:
    upload = begun(s3)
    one, two = sent(s3, upload, 1, b"small"), sent(s3, upload, 2, b"last")
    assert refusal(completed, s3, upload, [two, one]) == ("InvalidPartOrder", 400)
    assert refusal(completed, s3, upload, [one, one]) == ("InvalidPartOrder", 400)
    assert refusal(completed, s3, upload, [one, two]) == ("EntityTooSmall", 400)
    assert refusal(completed, s3, upload, []) == ("MalformedXML", 400)
    assert refusal(completed, s3, upload, [{**one, "ETag": '"x"'}]) == ("InvalidPart", 400)
    assert refusal(completed, s3, upload, [{**one, "PartNumber": 3}]) == ("InvalidPart", 400)
    assert refusal(completed, s3, upload, [one], MpuObjectSize=99) == ("InvalidRequest", 400)
    assert len(s3("ListParts", **upload)["Parts"]) == 2
    completed(s3, upload, [one])


def test_a_completion_may_ask_that_nothing_be_there(s3: Any) -> None:
    upload = begun(s3)
    parts = [sent(s3, upload, 1, b"new")]
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"old")
    assert refusal(completed, s3, upload, parts, IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert read(s3) == b"old"
    completed(s3, upload, parts)
    assert read(s3) == b"new"


def test_an_aborted_upload_is_gone_with_its_parts(aws: Any, s3: Any) -> None:
    upload = begun(s3)
    part = sent(s3, upload, 1, b"x")
    assert refusal(s3, "DeleteBucket", Bucket=BUCKET) == ("BucketNotEmpty", 409)
    s3("AbortMultipartUpload", **upload)
    assert [path for path in aws.store.blobs.root.rglob("*") if path.is_file()] == []
    for call in (
        lambda: sent(s3, upload, 2, b"x"), lambda: completed(s3, upload, [part]), lambda: s3("ListParts", **upload),
        lambda: s3("AbortMultipartUpload", **upload),
    ):  # fmt: skip
        assert refusal(call) == ("NoSuchUpload", 404)
    s3("DeleteBucket", Bucket=BUCKET)


def test_uploads_are_listed_page_by_page(s3: Any) -> None:
    upload, again, other = begun(s3, "a/k"), begun(s3, "a/k"), begun(s3, "b")
    first = s3("ListMultipartUploads", Bucket=BUCKET, MaxUploads=1)
    after = {"KeyMarker": first["NextKeyMarker"], "UploadIdMarker": first["NextUploadIdMarker"]}
    second = s3("ListMultipartUploads", Bucket=BUCKET, **after)
    seen = [each["UploadId"] for page in (first, second) for each in page["Uploads"]]
    assert seen[0] in (upload["UploadId"], again["UploadId"])
    assert sorted(seen) == sorted(each["UploadId"] for each in (upload, again, other))
    rolled = s3("ListMultipartUploads", Bucket=BUCKET, Delimiter="/")
    assert (rolled["CommonPrefixes"], [each["Key"] for each in rolled["Uploads"]]) == ([{"Prefix": "a/"}], ["b"])


@pytest.mark.usefixtures("small_parts")
def test_an_object_in_parts_is_read_to_its_end_when_it_is_deleted(aws: Any, s3: Any) -> None:
    upload = begun(s3)
    parts = [sent(s3, upload, number, bytes([number]) * 10) for number in range(1, 5)]
    completed(s3, upload, parts)
    body = iter(s3("GetObject", Bucket=BUCKET, Key="k")["Body"])
    start = next(body)
    s3("DeleteObject", Bucket=BUCKET, Key="k")
    assert start + b"".join(body) == b"".join(bytes([number]) * 10 for number in range(1, 5))
    aws.store.blobs.sweep(aws.store.objects.referenced, older_than_s=-1)
    assert [path for path in aws.store.blobs.root.rglob("*") if path.is_file()] == []
