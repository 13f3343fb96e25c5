"""Multipart uploads: parts that become an object without being copied.

A completed upload hands its part rows, and so their blobs, to the object's version.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from clary.store.database import Database
from clary.store.object_listings import Listing, Slice, lazily, walk
from clary.store.object_tables import PART, UPLOAD, VERSION
from clary.store.objects import (
    Check,
    New,
    Part,
    Version,
    Versioning,
    Written,
    add_version,
    always,
    part_of,
    require_bucket,
    take_parts,
    version_of,
)


class UploadGone(Exception):
    """The upload was completed or aborted."""


class PartsMoved(Exception):
    """A part was replaced while the upload was being completed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is open."""

    id: str
    bucket: str
    key: str
    initiated: float
    initiator: str
    checksum_algorithm: str
    checksum_type: str
    about: Mapping[str, Any]
    tags: Mapping[str, str]


def new_upload_id(now: float) -> str:
    """Return an identifier; of two uploads the later has the greater."""
    return f"{int(now * 1000):012x}{secrets.token_hex(26)}"


@dataclass(frozen=True, slots=True)
class Uploads:
    """The open uploads of all buckets."""

    database: Database

    def create(self, upload: Upload) -> None:
        """Begin an upload, or raise BucketGone."""
        with self.database.write() as connection:
            require_bucket(connection, upload.bucket)
            connection.execute(
                insert(UPLOAD).values(
                    id=upload.id,
                    bucket=upload.bucket,
                    key=upload.key.encode(),
                    initiated=upload.initiated,
                    initiator=upload.initiator,
                    checksum_algorithm=upload.checksum_algorithm,
                    checksum_type=upload.checksum_type,
                    about=json.dumps(dict(upload.about)),
                    tags=json.dumps(dict(upload.tags)),
                )
            )

    def find(self, bucket: str, key: str, upload_id: str) -> Upload | None:
        """Return an open upload of this key, or None."""
        with self.database.read() as connection:
            row = connection.execute(select(UPLOAD).where(UPLOAD.c.id == upload_id)).first()
        found = None if row is None else _upload_of(row)
        return found if found is not None and (found.bucket, found.key) == (bucket, key) else None

    def completed(self, bucket: str, key: str, upload_id: str) -> Version | None:
        """Return the version that an upload became, while it is there."""
        query = select(VERSION).where(VERSION.c.bucket == bucket, VERSION.c.key == key.encode())
        with self.database.read() as connection:
            row = connection.execute(query.where(VERSION.c.upload == upload_id)).first()
        return None if row is None else version_of(row)

    def add_part(self, upload: Upload, part: Part) -> list[str]:
        """Add or replace a part, or raise UploadGone; return blobs to remove."""
        same = and_(PART.c.upload == upload.id, PART.c.number == part.number)
        with self.database.write() as connection:
            _require_upload(connection, upload.id)
            freed = take_parts(connection, same)
            connection.execute(
                insert(PART).values(
                    blob=part.blob.id,
                    upload=upload.id,
                    number=part.number,
                    size=part.blob.size,
                    etag=part.etag,
                    modified=part.modified,
                    checksum=part.checksum,
                )
            )
        return freed

    def parts(self, upload_id: str, *, after: int = 0, limit: int | None = None) -> list[Part]:
        """Return the parts behind a number, in order."""
        query = select(PART).where(PART.c.upload == upload_id, PART.c.number > after).order_by(PART.c.number)
        with self.database.read() as connection:
            return [part_of(row) for row in connection.execute(query if limit is None else query.limit(limit))]

    def complete(
        self, upload: Upload, new: New, parts: Sequence[Part], versioning: Versioning, *, check: Check = always
    ) -> Written:
        """Turn the upload into an object of these parts, numbered anew from 1.

        Raises UploadGone, or PartsMoved: then look again.
        """
        chosen = [part.blob.id for part in parts]
        with self.database.write() as connection:
            _require_upload(connection, upload.id)
            written = add_version(connection, upload.bucket, new, versioning, check)
            assert written.version is not None
            moved = 0
            for number, blob in enumerate(chosen, 1):
                owned = and_(PART.c.blob == blob, PART.c.upload == upload.id)
                statement = update(PART).where(owned).values(upload=None, version=written.version.seq, number=number)
                moved += connection.execute(statement).rowcount
            if moved != len(chosen):
                raise PartsMoved(upload.id)
            unused = take_parts(connection, PART.c.upload == upload.id)
            connection.execute(delete(UPLOAD).where(UPLOAD.c.id == upload.id))
        return Written(written.version, [*written.freed, *unused])

    def abort(self, upload: Upload) -> list[str]:
        """Forget an upload, or raise UploadGone; return blobs to remove."""
        with self.database.write() as connection:
            _require_upload(connection, upload.id)
            freed = take_parts(connection, PART.c.upload == upload.id)
            connection.execute(delete(UPLOAD).where(UPLOAD.c.id == upload.id))
        return freed

    def page(self, bucket: str, asked: Slice) -> Listing[Upload]:
        """Return a page of the open uploads, by key and then by age."""
        base = select(UPLOAD).where(UPLOAD.c.bucket == bucket).order_by(UPLOAD.c.key, UPLOAD.c.id)
        same_key = and_(UPLOAD.c.key == asked.after.encode(), UPLOAD.c.id > asked.after_id)
        with self.database.read() as connection:

            def fetch(low: bytes, high: bytes) -> Any:
                bounds = [UPLOAD.c.key >= low, UPLOAD.c.key < high] if high else [UPLOAD.c.key >= low]
                return lazily(connection.execute(base.where(*bounds).limit(asked.limit + 1)))

            rest = connection.execute(base.where(same_key)) if asked.after_id else ()
            return walk(asked, fetch, _upload_of, rest)


def _require_upload(connection: Connection, upload_id: str) -> None:
    if connection.execute(select(UPLOAD.c.id).where(UPLOAD.c.id == upload_id)).first() is None:
        raise UploadGone(upload_id)


def _upload_of(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        bucket=row.bucket,
        key=row.key.decode(),
        initiated=row.initiated,
        initiator=row.initiator,
        checksum_algorithm=row.checksum_algorithm,
        checksum_type=row.checksum_type,
        about=json.loads(row.about),
        tags=json.loads(row.tags),
    )
