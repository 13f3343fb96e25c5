from __future__ import annotations

import base64
import errno
import hashlib
import os
import random
import threading
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from clary.core.errors import ServiceError
from clary.resources.lifecycle import BUCKET as BUCKET_KIND
from clary.services.s3 import completion, writing
from clary.store.blobs import SMALL_BYTES_MAX
from clary.store.object_tables import VERSION
from clary.store.objects import Checksum, New, Versioning

BUCKET = "a-bucket"
LARGE = SMALL_BYTES_MAX + 1
"""Bytes of an object that has a file of its own."""
ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


class Sent:
    """A body that arrives piece by piece."""

    def __init__(self, *pieces: bytes, length: int | None = None) -> None:
        self.length = sum(map(len, pieces)) if length is None else length
        self._pieces = list(pieces)

    def read(self, n: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code, error.value.status


def read(s3: Any, key: str = "k", **params: Any) -> bytes:
    return b"".join(s3("GetObject", Bucket=BUCKET, Key=key, **params)["Body"])


def attributes(s3: Any, *names: str, **params: Any) -> dict[str, Any]:
    return dict(s3("GetObjectAttributes", Bucket=BUCKET, Key="k", ObjectAttributes=list(names), **params))


def files(aws: Any) -> list[Path]:
    return [path for path in aws.store.blobs.root.rglob("*") if path.is_file()]


def test_what_was_put_is_got_with_all_that_was_said_of_it(s3: Any) -> None:
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    put = s3(
        "PutObject", Bucket=BUCKET, Key="k", Body=Sent(b"hel", b"lo"), ContentType="text/plain",
        CacheControl="no-cache",
        ContentEncoding="aws-chunked,gzip", ContentLanguage="de", ContentDisposition="inline", Expires=expires,
        Metadata={"a": "1"}, StorageClass="STANDARD_IA", Tagging="t=1",
    )  # fmt: skip
    etag = hashlib.md5(b"hello").hexdigest()
    assert put["ETag"] == f'"{etag}"'
    got = s3("GetObject", Bucket=BUCKET, Key="k")
    assert b"".join(got.pop("Body")) == b"hello"
    assert got == s3("HeadObject", Bucket=BUCKET, Key="k")
    got.pop("LastModified")
    assert got == {
        "ContentType": "text/plain", "CacheControl": "no-cache", "ContentEncoding": "gzip", "ContentLanguage": "de",
        "ContentDisposition": "inline", "Expires": expires.timestamp(), "Metadata": {"a": "1"},
        "StorageClass": "STANDARD_IA", "TagCount": 1, "AcceptRanges": "bytes", "ETag": f'"{etag}"', "ContentLength": 5,
    }  # fmt: skip


def test_an_answer_may_carry_other_headers_when_asked(s3: Any) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"x", ContentType="text/plain")
    got = s3("HeadObject", Bucket=BUCKET, Key="k", ResponseContentType="a/b", ResponseContentDisposition="attachment")
    assert (got["ContentType"], got["ContentDisposition"]) == ("a/b", "attachment")


def test_an_empty_object_is_an_object(s3: Any) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k")
    assert read(s3) == b""
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k", Range="bytes=0-") == ("InvalidRange", 416)


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"Key": "x" * 1025}, "KeyTooLongError", 400),
        ({"Key": "é" * 513}, "KeyTooLongError", 400),
        ({"Key": "\ud800"}, "InvalidArgument", 400),
        ({"Metadata": {"a": "x" * 2048}}, "MetadataTooLarge", 400),
        ({"StorageClass": "GOLD"}, "InvalidStorageClass", 400),
        ({"Tagging": "&".join(f"{each}=1" for each in range(11))}, "BadRequest", 400),
        ({"Tagging": "a=1&a=2"}, "InvalidTag", 400),
        ({"Tagging": "aws:a=1"}, "InvalidTag", 400),
        ({"ContentMD5": "AAAA"}, "InvalidDigest", 400),
        ({"ContentMD5": base64.b64encode(bytes(16)).decode()}, "BadDigest", 400),
        ({"ChecksumCRC32": "AAAAAA=="}, "BadDigest", 400),
        ({"ChecksumCRC32": "nonsense"}, "InvalidRequest", 400),
        ({"Body": Sent(length=writing.PUT_BYTES_MAX + 1)}, "EntityTooLarge", 400),
        ({"Bucket": "not-there"}, "NoSuchBucket", 404),
    ],
)
def test_a_put_against_the_rules_is_refused_and_leaves_nothing(
    aws: Any, s3: Any, params: dict[str, Any], code: str, status: int
) -> None:
    put = {"Bucket": BUCKET, "Key": "k", "Body": b"data", **params}
    assert refusal(s3, "PutObject", **put) == (code, status)
    assert files(aws) == []
    assert s3("ListObjectsV2", Bucket=BUCKET)["KeyCount"] == 0


def test_a_key_never_becomes_a_file_name(aws: Any, s3: Any, tmp_path: Path) -> None:
    for key in ("../../../escape", "/etc/passwd", "a\0b", "..", "con:\\x"):
        s3("PutObject", Bucket=BUCKET, Key=key, Body=key.encode())
        assert read(s3, key) == key.encode()
    assert not list(tmp_path.parent.rglob("escape"))
    assert all(path.name.isalnum() for path in files(aws))


def test_a_write_may_ask_that_nothing_or_one_thing_be_there(s3: Any) -> None:
    put = {"Bucket": BUCKET, "Key": "k"}
    assert refusal(s3, "PutObject", **put, Body=b"1", IfMatch='"x"') == ("NoSuchKey", 404)
    first = s3("PutObject", **put, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refusal(s3, "PutObject", **put, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refusal(s3, "PutObject", **put, Body=b"2", IfMatch='"x"') == ("PreconditionFailed", 412)
    assert read(s3) == b"1"
    s3("PutObject", **put, Body=b"2", IfMatch=first)
    assert read(s3) == b"2"


def test_of_many_writers_who_ask_that_nothing_be_there_one_wins(aws: Any, s3: Any) -> None:
    won: list[bytes] = []
    lost: list[str] = []

    def write(body: bytes) -> None:
        try:
            s3("PutObject", Bucket=BUCKET, Key="k", Body=body, IfNoneMatch="*")
        except ServiceError as error:
            lost.append(error.code)
        else:
            won.append(body)

    threads = [threading.Thread(target=write, args=(bytes([count]) * LARGE,)) for count in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read(s3)] == won
    assert lost == ["PreconditionFailed"] * 7
    assert len(files(aws)) == 1


def test_an_object_that_is_overwritten_while_it_is_read_is_read_to_its_end(s3: Any) -> None:
    old = random.Random(1).randbytes(3 * 1024 * 1024)
    s3("PutObject", Bucket=BUCKET, Key="k", Body=old)
    body = iter(s3("GetObject", Bucket=BUCKET, Key="k")["Body"])
    start = next(body)
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"new")
    s3("DeleteObject", Bucket=BUCKET, Key="k")
    assert start + b"".join(body) == old


def test_readers_beside_writers_see_one_version_or_the_other(s3: Any) -> None:
    bodies = [bytes([count]) * 300_000 for count in range(2)]
    s3("PutObject", Bucket=BUCKET, Key="k", Body=bodies[0])

    def write() -> None:
        for count in range(30):
            s3("PutObject", Bucket=BUCKET, Key="k", Body=bodies[count % 2])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        got = s3("GetObject", Bucket=BUCKET, Key="k")
        data = b"".join(got["Body"])
        assert data in bodies
        assert got["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    writer.join()


def test_a_damaged_object_is_an_error_and_not_an_answer(aws: Any, s3: Any) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"x" * LARGE)
    [path] = files(aws)
    raw = bytearray(path.read_bytes())
    raw[-10] ^= 1
    path.write_bytes(raw)
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k") == ("InternalError", 500)
    assert s3("HeadObject", Bucket=BUCKET, Key="k")["ContentLength"] == LARGE


def test_a_damaged_small_object_is_an_error_too(aws: Any, s3: Any) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"x" * 100)
    with aws.store.objects.database.write() as connection:
        connection.execute(update(VERSION).values(small=b"y" * 104))
    assert refusal(s3, "GetObject", Bucket=BUCKET, Key="k") == ("InternalError", 500)
    assert s3("HeadObject", Bucket=BUCKET, Key="k")["ContentLength"] == 100


def test_a_small_object_is_one_row_and_takes_the_place_of_a_large_one_and_back(aws: Any, s3: Any) -> None:
    for size, has_file in [(LARGE, True), (LARGE - 1, False), (0, False), (LARGE, True)]:
        data = random.Random(size).randbytes(size)
        s3("PutObject", Bucket=BUCKET, Key="k", Body=data)
        s3("CopyObject", Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/k")
        assert read(s3) == read(s3, "copy") == data
        assert len(files(aws)) == 2 * has_file
        if size:
            assert read(s3, Range="bytes=-7") == data[-7:]


def test_an_object_that_an_older_clary_kept_in_a_file_is_read_and_removed(aws: Any, s3: Any) -> None:
    older = replace(aws.store.blobs, small_bytes_max=0)
    bucket = aws.store.records(aws.account, aws.region).find(BUCKET_KIND, BUCKET)
    with older.draft() as draft:
        draft.append(b"small")
        new = New("k", 5, hashlib.md5(b"small").hexdigest(), 1.0, Checksum("", "", ""))
        aws.store.objects.put(bucket.uid, new, draft.keep(), Versioning.OFF)
    assert (read(s3), len(files(aws))) == (b"small", 1)
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"newer")
    assert (read(s3), files(aws)) == (b"newer", [])


def test_a_full_disk_keeps_the_old_object(aws: Any, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3("PutObject", Bucket=BUCKET, Key="k", Body=b"o" * LARGE)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert refusal(s3, "PutObject", Bucket=BUCKET, Key="k", Body=b"n" * LARGE) == ("ServiceUnavailable", 503)
    assert read(s3) == b"o" * LARGE
    assert len(files(aws)) == 1


def test_a_body_that_breaks_off_leaves_nothing(aws: Any, s3: Any) -> None:
    class Broken(Sent):
        def read(self, n: int = -1) -> bytes:
            raise ServiceError("gone", code="IncompleteBody", status=400)

    assert refusal(s3, "PutObject", Bucket=BUCKET, Key="k", Body=Broken()) == ("IncompleteBody", 400)
    assert files(aws) == []


def test_a_bucket_deleted_while_an_object_is_sent_takes_no_object(aws: Any, s3: Any) -> None:
    class Slow(Sent):
        def read(self, n: int = -1) -> bytes:
            if not self._pieces:
                s3("DeleteBucket", Bucket=BUCKET)
            return super().read(n)

    assert refusal(s3, "PutObject", Bucket=BUCKET, Key="k", Body=Slow(b"x")) == ("NoSuchBucket", 404)
    assert files(aws) == []


def test_without_a_checksum_from_the_client_it_is_crc64nvme(s3: Any) -> None:
    put = s3("PutObject", Bucket=BUCKET, Key="k", Body=b"123456789")
    assert put["ChecksumCRC64NVME"] == base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
    assert "ChecksumCRC64NVME" not in s3("HeadObject", Bucket=BUCKET, Key="k")
    head = s3("HeadObject", Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (put["ChecksumCRC64NVME"], "FULL_OBJECT")
    ranged = s3("HeadObject", Bucket=BUCKET, Key="k", ChecksumMode="ENABLED", Range="bytes=0-1")
    assert "ChecksumCRC64NVME" not in ranged


def test_an_object_streams_through_in_constant_memory(s3: Any) -> None:
    piece, count = random.Random(5).randbytes(256 * 1024), 256
    tracemalloc.start()
    try:
        s3("PutObject", Bucket=BUCKET, Key="k", Body=Sent(*[piece] * count))
        size = sum(len(each) for each in s3("GetObject", Bucket=BUCKET, Key="k")["Body"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == len(piece) * count
    assert peak < 8 * 1024 * 1024


def test_of_an_objects_attributes_those_are_told_that_were_asked_for(s3: Any) -> None:
    put = s3("PutObject", Bucket=BUCKET, Key="k", Body=b"data", StorageClass="STANDARD_IA")
    told = attributes(s3, *ATTRIBUTES)
    assert told.pop("LastModified") == s3("HeadObject", Bucket=BUCKET, Key="k")["LastModified"]
    assert told == {
        "ETag": put["ETag"].strip('"'),
        "Checksum": {"ChecksumCRC64NVME": put["ChecksumCRC64NVME"], "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD_IA",
        "ObjectSize": 4,
    }
    assert set(attributes(s3, "ObjectSize")) == {"LastModified", "ObjectSize"}
    s3("PutObject", Bucket=BUCKET, Key="k")
    assert attributes(s3, "ObjectSize")["ObjectSize"] == 0
    assert refusal(attributes, s3, "ObjectSize", "Colour") == ("InvalidArgument", 400)


def test_the_parts_of_an_object_are_told_in_pages(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "PART_BYTES_MIN", 1)
    upload = s3("CreateMultipartUpload", Bucket=BUCKET, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    named = {"Bucket": BUCKET, "Key": "k", "UploadId": upload}
    parts = []
    for number in (1, 2, 3):
        sent = s3("UploadPart", **named, PartNumber=number, Body=bytes(number), ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, **sent})
    s3("CompleteMultipartUpload", **named, MultipartUpload={"Parts": parts})
    first = attributes(s3, "ObjectParts", MaxParts=2)["ObjectParts"]
    assert (first["TotalPartsCount"], first["IsTruncated"], first["NextPartNumberMarker"]) == (3, True, 2)
    rest = attributes(s3, "ObjectParts", PartNumberMarker=first["NextPartNumberMarker"])["ObjectParts"]
    assert rest["IsTruncated"] is False
    told = [(part["PartNumber"], part["Size"], part["ChecksumSHA256"]) for part in first["Parts"] + rest["Parts"]]
    assert told == [(part["PartNumber"], part["PartNumber"], part["ChecksumSHA256"]) for part in parts]
    none = attributes(s3, "ObjectParts", MaxParts=0)["ObjectParts"]
    assert (none["Parts"], none["IsTruncated"]) == ([], False)
    for wrong in ({"MaxParts": -1}, {"PartNumberMarker": -1}):
        assert refusal(attributes, s3, "ObjectParts", **wrong) == ("InvalidArgument", 400)


def test_attributes_are_of_a_version_that_is_there(aws: Any, s3: Any) -> None:
    assert refusal(attributes, s3, "ETag") == ("NoSuchKey", 404)
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3("PutObject", Bucket=BUCKET, Key="k", Body=b"old")["VersionId"]
    marker = s3("DeleteObject", Bucket=BUCKET, Key="k")["VersionId"]
    assert attributes(s3, "ObjectSize", VersionId=version)["VersionId"] == version
    assert refusal(attributes, s3, "ETag") == ("NoSuchKey", 404)
    assert refusal(attributes, s3, "ETag", VersionId=marker) == ("MethodNotAllowed", 405)
    assert refusal(attributes, s3, "ETag", VersionId="other") == ("NoSuchVersion", 404)
    assert refusal(attributes, aws.other()("s3"), "ETag") == ("AccessDenied", 403)
