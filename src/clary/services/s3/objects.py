"""Objects: put, get, head, and what GetObjectAttributes tells of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import checksums, conditions, faults, metadata, ranges, reading, tags, writing
from clary.services.s3.ownership import key_of, own_bucket, version_id, versioning
from clary.services.s3.parts import page_of
from clary.services.s3.ranges import Span
from clary.store.objects import Checksum, New, Part, Version
from clary.store.records import Record


class Objects(Operations):
    """Writes and reads objects."""

    @operation("PutObject")
    def put(self, call: Call, request: Params) -> Result:
        """Store an object; it is on disk, and whole, before this returns."""
        bucket, key = own_bucket(call, request), key_of(request)
        about, tagging = metadata.about(request), tags.from_header(request.get("Tagging", ""))
        check = conditions.on_write(request)
        expected = writing.expected(call, request)
        with call.store.blobs.draft() as draft:
            received = writing.receive(draft, request.get("Body", b""), expected)
            algorithm = expected.algorithm.name
            checksum = Checksum(algorithm, checksums.FULL, received.checksums[algorithm])
            new = New(key, received.size, received.etag, call.now, checksum, about, tagging)
            mode = versioning(bucket)
            written = writing.land(
                bucket, draft, lambda blob: call.store.objects.put(bucket.uid, new, blob, mode, check=check)
            )
        call.store.blobs.remove(written.freed)
        return {"ETag": f'"{new.etag}"', **checksums.told(checksum), **version_id(bucket, written.version)}

    @operation("GetObject")
    def get(self, call: Call, request: Params) -> Result:
        """Return an object, a range or a part of it: one version from end to end, every block verified."""
        bucket, key = own_bucket(call, request), key_of(request)
        for _ in range(reading.TRIES_MAX):
            version = reading.stored(call, bucket, key, request.get("VersionId", ""))
            told, span = _told(call, bucket, version, request)
            reader = reading.open_version(call, version)
            if reader is not None:
                return {**told, "Body": reading.begun(reader, *span)}
        raise reading.overtaken()

    @operation("HeadObject")
    def head(self, call: Call, request: Params) -> Result:
        """Return what GetObject would, but for the bytes."""
        bucket = own_bucket(call, request)
        version = reading.stored(call, bucket, key_of(request), request.get("VersionId", ""))
        return _told(call, bucket, version, request)[0]

    @operation("GetObjectAttributes")
    def attributes(self, call: Call, request: Params) -> Result:
        """Return the chosen facts about an object."""
        bucket = own_bucket(call, request)
        version = reading.stored(call, bucket, key_of(request), request.get("VersionId", ""))
        facts = {
            "ETag": version.etag,
            "Checksum": checksums.told(version.checksum),
            "ObjectParts": _parts_told(call, version, request) if version.parts else None,
            "StorageClass": metadata.storage_class(version),
            "ObjectSize": version.size,
        }
        for name in request["ObjectAttributes"]:
            if name not in facts:
                raise faults.invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name)
        chosen = {name: facts[name] for name in request["ObjectAttributes"] if facts[name] is not None}
        return {"LastModified": version.modified, **version_id(bucket, version), **chosen}


@dataclass(frozen=True, slots=True)
class _Extent:
    """Which bytes an answer speaks of, whether the request chose them, and what is told of them alone."""

    span: Span
    chosen: bool
    told: Mapping[str, Any]


def _told(call: Call, bucket: Record, version: Version, request: Params) -> tuple[dict[str, Any], Span]:
    """Return the members that GetObject and HeadObject share, and which bytes they speak of."""
    metadata.refuse_unbuilt(request)
    conditions.check_read(request, version)
    extent = _extent(call, version, request)
    first, end = extent.span
    told: dict[str, Any] = {
        **metadata.shown(version, request),
        **version_id(bucket, version),
        **extent.told,
        "AcceptRanges": "bytes",
        "LastModified": version.modified,
        "ETag": f'"{version.etag}"',
        "ContentLength": end - first,
    }
    if version.tags:
        told["TagCount"] = len(version.tags)
    if extent.chosen and version.size:
        told["ContentRange"] = f"bytes {first}-{end - 1}/{version.size}"
    return told, extent.span


def _extent(call: Call, version: Version, request: Params) -> _Extent:
    wants_checksum = request.get("ChecksumMode") == "ENABLED"
    if request.get("PartNumber") is not None:
        return _part_extent(call, version, request, wants_checksum=wants_checksum)
    span = ranges.requested(request.get("Range", ""), version.size)
    if span is not None and span != (0, version.size):
        return _Extent(span, chosen=True, told={})
    told = checksums.told(version.checksum) if wants_checksum else {}
    return _Extent((0, version.size), chosen=span is not None, told=told)


def _part_extent(call: Call, version: Version, request: Params, *, wants_checksum: bool) -> _Extent:
    number = request["PartNumber"]
    if request.get("Range"):
        raise faults.invalid_request("Cannot specify both Range header and partNumber query parameter")
    parts = call.store.objects.parts(version)
    if not 1 <= number <= max(len(parts), 1):
        text = "The requested partnumber is not satisfiable"
        raise ServiceError(text, code="InvalidPartNumber", status=416, ActualPartCount=len(parts))
    if not version.parts or not parts:
        whole = checksums.told(version.checksum) if wants_checksum else {}
        return _Extent((0, version.size), chosen=True, told=whole)
    first = sum(part.blob.size for part in parts[: number - 1])
    part = parts[number - 1]
    told: dict[str, Any] = {"PartsCount": version.parts}
    if wants_checksum and version.checksum.type == checksums.COMPOSITE:
        told |= checksums.told(Checksum(version.checksum.algorithm, checksums.COMPOSITE, part.checksum))
    return _Extent((first, first + part.blob.size), chosen=True, told=told)


def _parts_told(call: Call, version: Version, request: Params) -> dict[str, Any]:
    """Return the ObjectParts of GetObjectAttributes."""
    after, limit = page_of(request)
    left = [part for part in call.store.objects.parts(version) if part.number > after]
    shown = left[:limit]
    return {
        "TotalPartsCount": version.parts,
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1].number if shown else after,
        "MaxParts": limit,
        "IsTruncated": bool(shown) and len(left) > len(shown),
        "Parts": [_part_told(version, part) for part in shown],
    }


def _part_told(version: Version, part: Part) -> dict[str, Any]:
    checksum = {f"Checksum{version.checksum.algorithm}": part.checksum} if version.checksum.algorithm else {}
    return {"PartNumber": part.number, "Size": part.blob.size, **checksum}
