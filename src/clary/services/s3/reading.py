"""How an object is found and opened, so that what is read is one version from end to end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from clary.core.errors import ServiceError, ServiceUnavailable
from clary.services.operation import Call
from clary.services.s3 import faults
from clary.store.blobs import BlobGone, Reader
from clary.store.objects import Version
from clary.store.records import Record

TRIES_MAX = 100
"""How often a reader may lose the race against writers of its key."""


def stored(call: Call, bucket: Record, key: str, version_id: str = "") -> Version:
    """Return a version that has bytes, or raise NoSuchKey, NoSuchVersion or MethodNotAllowed."""
    found = call.store.objects.find(bucket.uid, key, version_id)
    if found is None:
        raise faults.no_such_version(key, version_id) if version_id else faults.no_such_key(key)
    if found.marker and version_id:
        text = "The specified method is not allowed against this resource."
        raise ServiceError(text, code="MethodNotAllowed", status=405, ResourceType="DeleteMarker", DeleteMarker=True)
    if found.marker:
        raise faults.no_such_key(key)
    return found


def open_version(call: Call, version: Version, number: int = 0) -> Reader | None:
    """Return a reader of a version, or of one part of it; None if it was overwritten or deleted meanwhile."""
    blobs = [part.blob for part in call.store.objects.parts(version) if number in (0, part.number)]
    if not blobs:
        return None
    try:
        reader = call.store.blobs.open(blobs)
    except BlobGone:
        return None
    if len(blobs) > 1:
        # They are held from the moment they were opened, so ask only now whether they were all there.
        now = call.store.objects.find(version.bucket, version.key, version.id)
        if now is None or now.seq != version.seq:
            reader.close()
            return None
    return reader


def overtaken() -> ServiceError:
    """Return the error of a read that writers overtook again and again."""
    return ServiceUnavailable("Please reduce your request rate.", code="SlowDown")


def begun(reader: Reader, start: int, end: int) -> Iterable[bytes]:
    """Return the bytes of a range, the first piece read already: if it is damaged, that is an error and no answer."""
    pieces = reader.pieces(start, end)
    return chain((next(pieces, b""),), pieces)
