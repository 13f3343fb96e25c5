"""What an object carries beside its bytes: system and user metadata, and what is asked for but not built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ServiceError
from clary.services.s3 import faults
from clary.store.objects import Version

USER_METADATA_BYTES_MAX = 2048
DEFAULT_TYPE = "binary/octet-stream"
STANDARD = "STANDARD"
STORAGE_CLASSES = frozenset(
    ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
)
"""Those that answer at once; every one is kept on the same disk."""
_TEXTS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "WebsiteRedirectLocation",
)  # fmt: skip
_CUSTOMER_KEYS = (
    "SSECustomerAlgorithm", "SSECustomerKey", "CopySourceSSECustomerAlgorithm", "CopySourceSSECustomerKey",
)  # fmt: skip
_LOCKS = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


def about(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that a request gives a new object, or raise what S3 does where it may not."""
    refuse_unbuilt(request)
    told: dict[str, Any] = {name: request[name] for name in _TEXTS if request.get(name)}
    if "ContentEncoding" in told:
        told["ContentEncoding"] = _without_chunking(told["ContentEncoding"])
    if request.get("Expires") is not None:
        told["Expires"] = request["Expires"].timestamp()
    told["Metadata"] = _user_metadata(request.get("Metadata", {}))
    told["StorageClass"] = request.get("StorageClass") or STANDARD
    if told["StorageClass"] not in STORAGE_CLASSES:
        raise ServiceError("The storage class you specified is not valid", code="InvalidStorageClass", status=400)
    return told


def shown(version: Version, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of GetObject and HeadObject that tell the metadata of a version."""
    told = {"ContentType": DEFAULT_TYPE, **version.about}
    told |= {member: request[name] for name, member in _OVERRIDES.items() if request.get(name)}
    if told.get("StorageClass") == STANDARD:
        del told["StorageClass"]
    return {name: value for name, value in told.items() if value}


def storage_class(version: Version) -> str:
    """Return the storage class of a version."""
    return version.about.get("StorageClass", STANDARD)


def refuse_unbuilt(request: Mapping[str, Any]) -> None:
    """Raise S3's error for what a client must not believe was done.

    ServerSideEncryption is taken and never claimed: no answer says that bytes were encrypted.
    """
    for name in (*_CUSTOMER_KEYS, "WriteOffsetBytes"):
        if request.get(name) is not None:
            raise faults.not_implemented(name)
    if any(request.get(name) is not None for name in _LOCKS):
        raise faults.invalid_request("Bucket is missing Object Lock Configuration")
    if request.get("ACL", "bucket-owner-full-control") != "bucket-owner-full-control":
        raise acl_not_supported()
    if any(request.get(name) for name in _GRANTS):
        raise acl_not_supported()


def acl_not_supported() -> ServiceError:
    """Return the error of an ACL where the bucket's owner owns everything, as in new buckets of AWS."""
    return ServiceError("The bucket does not allow ACLs", code="AccessControlListNotSupported", status=400)


def _user_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > USER_METADATA_BYTES_MAX:
        raise ServiceError(
            "Your metadata headers exceed the maximum allowed metadata size",
            code="MetadataTooLarge",
            status=400,
            Size=size,
            MaxSizeAllowed=USER_METADATA_BYTES_MAX,
        )
    return dict(metadata)


def _without_chunking(encoding: str) -> str:
    kept = [each.strip() for each in encoding.split(",") if each.strip() != "aws-chunked"]
    return ",".join(kept)
