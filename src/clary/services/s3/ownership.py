"""Whose a bucket is, and who may touch it: its owner, and whom its policy lets in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from clary.core.errors import ServiceError, StaleRecord
from clary.resources.lifecycle import BUCKET
from clary.services.operation import Call
from clary.services.s3 import faults
from clary.store.objects import Version, Versioning
from clary.store.records import Attributes, Change, Record

KEY_BYTES_MAX = 1024
TRIES_MAX = 10
"""How often a change of a bucket may lose the race against other changes of it."""


def own_bucket(call: Call, request: Mapping[str, Any], *, owner_member: str = "ExpectedBucketOwner") -> Record:
    """Return the bucket that a request names, or raise NoSuchBucket or AccessDenied."""
    name, expected_owner = request["Bucket"], request.get(owner_member, "")
    if call.bucket is not None and call.bucket.name == name:
        return _let_in(call, call.bucket, expected_owner)
    return bucket_named(call, name, expected_owner)


def bucket_named(call: Call, name: str, expected_owner: str = "") -> Record:
    """Return a bucket as it is now, if this account may touch it, or raise NoSuchBucket or AccessDenied."""
    record = call.store.records.find(BUCKET, name)
    if record is None:
        raise faults.no_such_bucket(name)
    return _let_in(call, record, expected_owner)


def _let_in(call: Call, record: Record, expected_owner: str) -> Record:
    """Return the bucket or raise AccessDenied.

    Others were let in by its policy before the call came here (server/guards.py); where it has none, nobody was.
    """
    foreign = record.account != call.account and not record.spec.get("Policy")
    if foreign or (expected_owner and expected_owner != record.account):
        raise faults.access_denied()
    return record


def configure(call: Call, name: str, settings: Mapping[str, Any], attributes: Attributes | None = None) -> None:
    """Change settings of a bucket, whatever else changes in it meanwhile; a setting that is None is forgotten."""
    for _ in range(TRIES_MAX):
        bucket = bucket_named(call, name)
        spec = {key: value for key, value in {**bucket.spec, **settings}.items() if value is not None}
        try:
            call.store.records.update(bucket, Change(spec=spec, attributes=attributes))
        except StaleRecord:
            continue
        return
    raise faults.conflict()


def versioning(bucket: Record) -> Versioning:
    """Return whether a bucket keeps old versions."""
    return Versioning(bucket.spec.get("Versioning", ""))


def version_id(bucket: Record, version: Version | None) -> dict[str, str]:
    """Return the VersionId member, where the bucket ever kept versions."""
    return {} if version is None or versioning(bucket) is Versioning.OFF else {"VersionId": version.id}


def key_of(request: Mapping[str, Any]) -> str:
    """Return the key that a request names, or raise KeyTooLongError or InvalidArgument."""
    key: str = request["Key"]
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise faults.invalid_argument("The key is not valid UTF-8.", "Key") from None
    if size > KEY_BYTES_MAX:
        raise ServiceError(
            "Your key is too long", code="KeyTooLongError", status=400, Size=size, MaxSizeAllowed=KEY_BYTES_MAX
        )
    return key


def canonical_id(account: str) -> str:
    """Return the canonical user id of an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"canonical user {account}".encode()).hexdigest()


def owner(bucket: Record) -> dict[str, str]:
    """Return the Owner of a bucket and of everything in it."""
    return {"ID": canonical_id(bucket.account)}
