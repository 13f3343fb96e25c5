"""Conditional requests: which conditions hold, and which of two that contradict each other wins.

RFC 9110 section 13.2.2; Amazon S3 API reference, GetObject, CopyObject and PutObject. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.core.errors import ServiceError
from clary.services.s3 import faults
from clary.store.objects import Check, Version, always

Params = Mapping[str, Any]


def check_read(request: Params, version: Version) -> None:
    """Raise PreconditionFailed or NotModified unless a GET or HEAD may go on."""
    failed = _failed(request, version, "If")
    if failed in ("If-Match", "If-Unmodified-Since"):
        raise faults.precondition_failed(failed)
    if failed:
        raise ServiceError(
            "Not Modified", code="NotModified", status=304, ETag=f'"{version.etag}"', LastModified=version.modified
        )


def check_copy(request: Params, source: Version) -> None:
    """Raise PreconditionFailed unless the source of a copy is as the request says."""
    failed = _failed(request, source, "CopySourceIf")
    if failed:
        raise faults.precondition_failed(f"x-amz-copy-source-{failed}")


def on_write(request: Params) -> Check:
    """Return the check that a PUT makes at the moment of its write, from If-Match and If-None-Match."""
    wanted, unwanted = request.get("IfMatch", ""), request.get("IfNoneMatch", "")
    if unwanted and unwanted != "*":
        raise faults.not_implemented("If-None-Match")
    if wanted and unwanted:
        raise faults.not_implemented("If-Match,If-None-Match")

    def check(current: Version | None) -> None:
        if unwanted and current is not None:
            raise faults.precondition_failed("If-None-Match")
        if wanted and current is None:
            raise faults.no_such_key(request.get("Key", ""))
        if wanted and current is not None and not _matches(wanted, current.etag):
            raise faults.precondition_failed("If-Match")

    return check if wanted or unwanted else always


def on_delete(request: Params) -> Check:
    """Return the check that a DELETE makes at the moment of its write."""
    etag = request.get("IfMatch", request.get("ETag", ""))
    size = request.get("IfMatchSize", request.get("Size"))
    modified = request.get("IfMatchLastModifiedTime", request.get("LastModifiedTime"))
    if not etag and size is None and modified is None:
        return always

    def check(current: Version | None) -> None:
        if current is None:
            return  # What is not there cannot have changed, and a DELETE of it succeeds.
        if etag and not _matches(etag, current.etag):
            raise faults.precondition_failed("If-Match")
        if size is not None and size != current.size:
            raise faults.precondition_failed("x-amz-if-match-size")
        if modified is not None and int(modified.timestamp()) != int(current.modified):
            raise faults.precondition_failed("x-amz-if-match-last-modified-time")

    return check


def _failed(request: Params, version: Version, prefix: str) -> str:
    """Return the header of the condition that does not hold, "" if all do."""
    match, none_match = request.get(f"{prefix}Match", ""), request.get(f"{prefix}NoneMatch", "")
    unmodified, modified = request.get(f"{prefix}UnmodifiedSince"), request.get(f"{prefix}ModifiedSince")
    if match:
        if not _matches(match, version.etag):
            return "If-Match"
    elif unmodified is not None and _is_newer(version, unmodified):
        return "If-Unmodified-Since"
    if none_match:
        return "If-None-Match" if _matches(none_match, version.etag) else ""
    if modified is not None and not _is_newer(version, modified):
        return "If-Modified-Since"
    return ""


def _matches(tags: str, etag: str) -> bool:
    named = [tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")]
    return etag in named or "*" in named


def _is_newer(version: Version, moment: datetime) -> bool:
    """Return whether a version is younger; HTTP dates have whole seconds."""
    return int(version.modified) > int(moment.timestamp())
