"""Whether a bucket keeps old versions of its objects."""

from __future__ import annotations

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import faults
from clary.services.s3.ownership import configure, own_bucket


class Versions(Operations):
    """Switches versioning on and off."""

    @operation("PutBucketVersioning")
    def put(self, call: Call, request: Params) -> Result:
        """Enable or suspend versioning; what was once enabled is never off again."""
        bucket = own_bucket(call, request)
        configuration = request["VersioningConfiguration"]
        if configuration.get("MFADelete") == "Enabled":
            raise ServiceError("MFA delete is not implemented", code="NotImplemented", status=501)
        if configuration.get("Status") not in ("Enabled", "Suspended"):
            raise faults.malformed_xml()
        configure(call, bucket.name, {"Versioning": configuration["Status"]})
        return None

    @operation("GetBucketVersioning")
    def get(self, call: Call, request: Params) -> Result:
        """Return whether versioning is enabled or suspended, nothing if it never was either."""
        status = own_bucket(call, request).spec.get("Versioning")
        return {"Status": status} if status else {}
