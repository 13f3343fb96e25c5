"""Lists of objects and of their versions, in the order of their keys' UTF-8 bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import faults, metadata
from clary.services.s3.ownership import own_bucket, owner
from clary.store.object_listings import LIST_MAX, Listing, Slice
from clary.store.objects import Version
from clary.store.records import Record

Encode = Callable[[str], str]
INT_MAX = 2**31 - 1


class Listings(Operations):
    """Lists what is in a bucket."""

    @operation("ListObjects")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of objects behind a key."""
        bucket = own_bucket(call, request)
        limit, encode = limit_of(request, "MaxKeys"), encoder(request)
        asked = slice_of(request, after=request.get("Marker", ""), limit=limit)
        page = call.store.objects.page(bucket.uid, asked)
        result = {
            **_shared(bucket, request, page, encode),
            "MaxKeys": limit,
            "Marker": encode(request.get("Marker", "")),
            "Contents": [_object(version, encode) | {"Owner": owner(bucket)} for version in page.items],
        }
        if page.truncated and request.get("Delimiter"):
            result["NextMarker"] = encode(page.last)
        return result

    @operation("ListObjectsV2")
    def list_v2(self, call: Call, request: Params) -> Result:
        """Return a page of objects, and the token of the next."""
        bucket = own_bucket(call, request)
        limit, encode = limit_of(request, "MaxKeys"), encoder(request)
        token = request.get("ContinuationToken", "")
        asked = slice_of(request, after=_position(token) if token else request.get("StartAfter", ""), limit=limit)
        page = call.store.objects.page(bucket.uid, asked)
        whose = {"Owner": owner(bucket)} if request.get("FetchOwner") else {}
        result = {
            **_shared(bucket, request, page, encode),
            "MaxKeys": limit,
            "KeyCount": len(page.items) + len(page.prefixes),
            "Contents": [_object(version, encode) | whose for version in page.items],
        }
        if token:
            result["ContinuationToken"] = token
        if request.get("StartAfter"):
            result["StartAfter"] = encode(request["StartAfter"])
        if page.truncated:
            result["NextContinuationToken"] = base64.urlsafe_b64encode(page.last.encode()).decode()
        return result

    @operation("ListObjectVersions")
    def list_versions(self, call: Call, request: Params) -> Result:
        """Return a page of all versions and delete markers."""
        bucket = own_bucket(call, request)
        limit, encode = limit_of(request, "MaxKeys"), encoder(request)
        key, version = request.get("KeyMarker", ""), request.get("VersionIdMarker", "")
        if version and not key:
            raise faults.invalid_argument("A version-id marker cannot be specified without a key marker.")
        asked = slice_of(request, after=key, after_id=version, limit=limit)
        page = call.store.objects.page_versions(bucket.uid, asked)
        result = {
            **_shared(bucket, request, page, encode),
            "MaxKeys": limit,
            "KeyMarker": encode(key),
            "VersionIdMarker": version,
            "Versions": [_version(each, encode, bucket) for each in page.items if not each.marker],
            "DeleteMarkers": [_marker(each, encode, bucket) for each in page.items if each.marker],
        }
        if page.truncated:
            result["NextKeyMarker"] = encode(page.last)
            if page.items and page.items[-1].key == page.last:
                result["NextVersionIdMarker"] = page.items[-1].id
        return result


def slice_of(request: Params, *, after: str, limit: int, after_id: str = "") -> Slice:
    """Return which entries a list request asks for."""
    return Slice(request.get("Prefix", ""), request.get("Delimiter", ""), after, after_id, limit)


def limit_of(request: Params, member: str) -> int:
    """Return how many entries a page may have, 1,000 at most."""
    limit: int = request.get(member, LIST_MAX)
    if not 0 <= limit <= INT_MAX:
        name = "max-keys" if member == "MaxKeys" else "max-uploads"
        raise faults.invalid_argument(f"Argument {name} must be an integer between 0 and {INT_MAX}", name, str(limit))
    return min(limit, LIST_MAX)


def encoder(request: Params) -> Encode:
    """Return how keys are written: as they are, or percent-encoded where the client asks for it."""
    encoding = request.get("EncodingType")
    if encoding not in (None, "", "url"):
        raise faults.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    return (lambda text: quote(text, safe="-_.*/")) if encoding else str


def _position(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = "The continuation token provided is incorrect"
        raise faults.invalid_argument(text, "continuation-token", token) from None


def _shared(bucket: Record, request: Params, page: Listing[Version], encode: Encode) -> dict[str, Any]:
    result = {
        "Name": bucket.name,
        "Prefix": encode(request.get("Prefix", "")),
        "IsTruncated": page.truncated,
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
    }
    if request.get("Delimiter"):
        result["Delimiter"] = encode(request["Delimiter"])
    if request.get("EncodingType"):
        result["EncodingType"] = request["EncodingType"]
    return result


def _object(version: Version, encode: Encode) -> dict[str, Any]:
    told = {
        "Key": encode(version.key),
        "LastModified": version.modified,
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": metadata.storage_class(version),
    }
    if version.checksum.algorithm:
        told |= {"ChecksumAlgorithm": [version.checksum.algorithm], "ChecksumType": version.checksum.type}
    return told


def _version(version: Version, encode: Encode, bucket: Record) -> dict[str, Any]:
    mine = {"VersionId": version.id, "IsLatest": version.latest, "Owner": owner(bucket)}
    return _object(version, encode) | mine


def _marker(version: Version, encode: Encode, bucket: Record) -> dict[str, Any]:
    return {
        "Key": encode(version.key),
        "VersionId": version.id,
        "IsLatest": version.latest,
        "LastModified": version.modified,
        "Owner": owner(bucket),
    }
