"""Amazon S3: buckets and objects, the data plane that everything stands on."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.s3.access_settings import AccessSettings
from clary.services.s3.buckets import Buckets
from clary.services.s3.copies import Copies
from clary.services.s3.deletions import Deletions
from clary.services.s3.encryption import Encryption
from clary.services.s3.lifecycles import Lifecycles
from clary.services.s3.listings import Listings
from clary.services.s3.multipart import Uploads
from clary.services.s3.objects import Objects
from clary.services.s3.parts import Parts
from clary.services.s3.policies import BucketPolicies
from clary.services.s3.tags import Tags
from clary.services.s3.versions import Versions

NOUNS = (
    Buckets,
    Objects,
    Copies,
    Listings,
    Deletions,
    Uploads,
    Parts,
    Tags,
    Versions,
    AccessSettings,
    BucketPolicies,
    Lifecycles,
    Encryption,
)


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of S3."""
    return tuple(noun(platform) for noun in NOUNS)
