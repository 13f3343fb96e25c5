"""Deleting objects: one, or up to a thousand in a call; in a versioned bucket a marker is set instead."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.resource_policies import Guarded, authorise
from clary.services.s3 import conditions, faults, writing
from clary.services.s3.ownership import key_of, own_bucket, versioning
from clary.services.s3.policies import policies_for
from clary.store.objects import Versioning, Written
from clary.store.records import Record

DELETE_MAX = 1000


class Deletions(Operations):
    """Deletes objects and versions."""

    @operation("DeleteObject")
    def delete(self, call: Call, request: Params) -> Result:
        """Delete an object, or one version for good."""
        return _delete(call, own_bucket(call, request), request)

    @operation("DeleteObjects")
    def delete_many(self, call: Call, request: Params) -> Result:
        """Delete a batch, each for itself: one that fails, or may not be deleted, leaves the others deleted."""
        bucket = own_bucket(call, request)
        named = request["Delete"].get("Objects", ())
        if not 1 <= len(named) <= DELETE_MAX:
            raise faults.malformed_xml()
        deleted: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for each in named:
            key, version = each.get("Key", ""), each.get("VersionId", "")
            named_by = {"Key": key} | ({"VersionId": version} if version else {})
            try:
                _authorise(call, bucket, key, version)
                done = _delete(call, bucket, each)
            except ServiceError as error:
                errors.append({**named_by, "Code": error.code, "Message": error.message})
            else:
                deleted.append({**named_by, **_marker_told(done)})
        return {"Deleted": [] if request["Delete"].get("Quiet") else deleted, "Errors": errors}


def _authorise(call: Call, bucket: Record, key: str, version: str) -> None:
    action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
    policies = policies_for(bucket, call.principal, action)
    authorise(call, action, Guarded(f"arn:aws:s3:::{bucket.name}/{key}", bucket.account, policies))


def _delete(call: Call, bucket: Record, request: Params) -> dict[str, Any]:
    key, version = key_of(request), request.get("VersionId", "")
    mode, check = versioning(bucket), conditions.on_delete(request)
    objects = call.store.objects
    with writing.refusals(bucket):
        if version:
            written = objects.delete_version(bucket.uid, key, version, check=check)
        else:
            written = objects.delete(bucket.uid, key, mode, call.now, check=check)
    call.store.blobs.remove(written.freed)
    return _told(written, version, mode)


def _told(written: Written, version: str, mode: Versioning) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if written.version is not None and written.version.marker:
        told["DeleteMarker"] = True
    if version and mode is not Versioning.OFF:
        told["VersionId"] = version
    elif written.version is not None and not version:
        told["VersionId"] = written.version.id
    return told


def _marker_told(done: dict[str, Any]) -> dict[str, Any]:
    if not done.get("DeleteMarker"):
        return {}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}
