"""Encryption at rest, which objects do not have: nothing here claims it.

Secrets and messages are sealed; the bytes of objects are as safe as the disk they lie on. A request may ask for
encryption by a header, since many clients always do, and no answer says that it was done; a bucket's default
is a promise for years, and is refused.
"""

from __future__ import annotations

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3.ownership import own_bucket


class Encryption(Operations):
    """Tells the default encryption of buckets."""

    @operation("GetBucketEncryption")
    def get(self, call: Call, request: Params) -> Result:
        """Tell that a bucket has no default encryption."""
        own_bucket(call, request)
        text = "The server side encryption configuration was not found"
        raise ServiceError(text, code="ServerSideEncryptionConfigurationNotFoundError", status=404)

    @operation("PutBucketEncryption")
    def put(self, call: Call, request: Params) -> Result:
        """Refuse: Clary does not encrypt the bytes of objects, and does not say that it does."""
        own_bucket(call, request)
        text = "Clary does not encrypt the bytes of objects; let it keep them on a disk that is encrypted."
        raise ServiceError(text, code="NotImplemented", status=501)

    @operation("DeleteBucketEncryption")
    def delete(self, call: Call, request: Params) -> Result:
        """Take a bucket's default encryption away, which it has none of."""
        own_bucket(call, request)
        return None
