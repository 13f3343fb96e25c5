"""What ACLs and the block of public access say: nothing is public, as in AWS's buckets of today."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3.metadata import acl_not_supported
from clary.services.s3.ownership import configure, key_of, own_bucket, owner
from clary.services.s3.reading import stored
from clary.store.records import Record

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ALL_BLOCKED = MappingProxyType(dict.fromkeys(BLOCKS, True))
"""What holds for a new bucket."""
ENFORCED = "BucketOwnerEnforced"


class AccessSettings(Operations):
    """Tells ACLs and ownership, and keeps the block of public access."""

    @operation("GetBucketAcl")
    def bucket_acl(self, call: Call, request: Params) -> Result:
        """Return the owner's full control."""
        return _full_control(own_bucket(call, request))

    @operation("GetObjectAcl")
    def object_acl(self, call: Call, request: Params) -> Result:
        """Return the owner's full control, if the object is there."""
        bucket = own_bucket(call, request)
        stored(call, bucket, key_of(request), request.get("VersionId", ""))
        return _full_control(bucket)

    @operation("GetBucketOwnershipControls")
    def ownership(self, call: Call, request: Params) -> Result:
        """Return that the bucket's owner owns everything in it."""
        own_bucket(call, request)
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": ENFORCED}]}}

    @operation("PutBucketOwnershipControls")
    def put_ownership(self, call: Call, request: Params) -> Result:
        """Confirm that the bucket's owner owns everything in it; nothing else can be chosen."""
        own_bucket(call, request)
        rules = request["OwnershipControls"].get("Rules", ())
        if [rule.get("ObjectOwnership") for rule in rules] != [ENFORCED]:
            raise acl_not_supported()
        return None

    @operation("GetPublicAccessBlock")
    def public_access(self, call: Call, request: Params) -> Result:
        """Return what of public access is blocked."""
        blocked = own_bucket(call, request).spec.get("PublicAccessBlock", ALL_BLOCKED)
        if not blocked:
            text = "The public access block configuration was not found"
            raise ServiceError(text, code="NoSuchPublicAccessBlockConfiguration", status=404)
        return {"PublicAccessBlockConfiguration": blocked}

    @operation("PutPublicAccessBlock")
    def block(self, call: Call, request: Params) -> Result:
        """Say what of public access is blocked."""
        bucket = own_bucket(call, request)
        chosen = request["PublicAccessBlockConfiguration"]
        blocked = {name: bool(chosen.get(name)) for name in BLOCKS}
        configure(call, bucket.name, {"PublicAccessBlock": blocked})
        return None

    @operation("DeletePublicAccessBlock")
    def unblock(self, call: Call, request: Params) -> Result:
        """Forget what of public access is blocked."""
        configure(call, own_bucket(call, request).name, {"PublicAccessBlock": {}})
        return None


def blocks(bucket: Record) -> Mapping[str, bool]:
    """Return what of public access is blocked, each by its name."""
    return {**dict.fromkeys(BLOCKS, False), **bucket.spec.get("PublicAccessBlock", ALL_BLOCKED)}


def _full_control(bucket: Record) -> dict[str, Any]:
    grantee = {**owner(bucket), "Type": "CanonicalUser"}
    return {"Owner": owner(bucket), "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}
