"""Copies of objects: the source's bytes are verified as they are read, and hashed anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import checksums, conditions, faults, metadata, reading, tags, writing
from clary.services.s3.checksums import Algorithm
from clary.services.s3.ownership import bucket_named, key_of, own_bucket, version_id, versioning
from clary.store.blobs import Reader
from clary.store.objects import Checksum, New, Version
from clary.store.records import Record

COPY, REPLACE = "COPY", "REPLACE"


@dataclass(frozen=True, slots=True)
class Source:
    """The version that is copied, held open."""

    bucket: Record
    version: Version
    reader: Reader

    @property
    def version_id(self) -> dict[str, str]:
        """Return the CopySourceVersionId member, where the source's bucket ever kept versions."""
        told = version_id(self.bucket, self.version)
        return {"CopySourceVersionId": told["VersionId"]} if told else {}


class Copies(Operations):
    """Copies whole objects."""

    @operation("CopyObject")
    def copy(self, call: Call, request: Params) -> Result:
        """Copy an object of up to 5 GiB, with its metadata and tags or with new ones."""
        bucket, key = own_bucket(call, request), key_of(request)
        replaced = metadata.about(request)
        check = conditions.on_write(request)
        source = open_source(call, request)
        if source.version.size > writing.PUT_BYTES_MAX:
            raise faults.invalid_request(
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{writing.PUT_BYTES_MAX}"
            )
        _refuse_no_change(bucket, key, source.version, request)
        algorithm = _algorithm(source.version, request)
        with call.store.blobs.draft() as draft:
            received = writing.fill(draft, source.reader.pieces(0, source.version.size), algorithm)
            checksum = Checksum(algorithm.name, checksums.FULL, received.checksums[algorithm.name])
            about, tagging = _carried(source.version, replaced, request)
            new = New(key, received.size, received.etag, call.now, checksum, about, tagging)
            mode = versioning(bucket)
            written = writing.land(
                bucket, draft, lambda blob: call.store.objects.put(bucket.uid, new, blob, mode, check=check)
            )
        call.store.blobs.remove(written.freed)
        told = {"ETag": f'"{new.etag}"', "LastModified": new.modified, **checksums.told(checksum)}
        return {"CopyObjectResult": told, **source.version_id, **version_id(bucket, written.version)}


def open_source(call: Call, request: Params) -> Source:
    """Return the source that a request names, if it is as the request's conditions say."""
    name, key, version = _parsed(request["CopySource"])
    bucket = bucket_named(call, name, request.get("ExpectedSourceBucketOwner", ""))
    for _ in range(reading.TRIES_MAX):
        found = reading.stored(call, bucket, key, version)
        conditions.check_copy(request, found)
        reader = reading.open_version(call, found)
        if reader is not None:
            return Source(bucket, found, reader)
    raise reading.overtaken()


def _parsed(text: str) -> tuple[str, str, str]:
    """Return bucket, key and version id of an x-amz-copy-source."""
    path, _, version = text.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise faults.invalid_argument(text, "x-amz-copy-source", path)
    return bucket, key, version


def _algorithm(source: Version, request: Params) -> Algorithm:
    name = request.get("ChecksumAlgorithm") or source.checksum.algorithm or checksums.DEFAULT
    return checksums.named(name)


def _carried(source: Version, replaced: dict[str, Any], request: Params) -> tuple[dict[str, Any], dict[str, str]]:
    """Return metadata and tags of the copy."""
    storage = replaced["StorageClass"]
    kept = {name: value for name, value in source.about.items() if name != "WebsiteRedirectLocation"}
    about = replaced if _directive(request, "MetadataDirective") == REPLACE else {**kept, "StorageClass": storage}
    if _directive(request, "TaggingDirective") == REPLACE:
        return about, tags.from_header(request.get("Tagging", ""))
    return about, dict(source.tags)


def _directive(request: Params, member: str) -> str:
    directive: str = request.get(member, COPY)
    if directive not in (COPY, REPLACE):
        raise faults.invalid_argument(
            f"Unknown {member.removesuffix('Directive').lower()} directive.", member, directive
        )
    return directive


def _refuse_no_change(bucket: Record, key: str, source: Version, request: Params) -> None:
    same = (source.bucket, source.key) == (bucket.uid, key) and source.latest
    changes = (
        _directive(request, "MetadataDirective") == REPLACE
        or request.get("StorageClass", metadata.storage_class(source)) != metadata.storage_class(source)
        or request.get("WebsiteRedirectLocation")
        or request.get("ServerSideEncryption")
        or request.get("ChecksumAlgorithm")
    )
    if same and not changes:
        raise ServiceError(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
            code="InvalidRequest",
            status=400,
        )
