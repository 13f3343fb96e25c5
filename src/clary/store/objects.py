"""What is in buckets: objects and their versions, delete markers, tags.

Every change is one transaction, and names the blobs that nobody needs after it;
the caller removes those. A `check` is asked inside the transaction, so that a
condition holds at the very moment of the write; it refuses by raising.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, null, select, update

from clary.store.blobs import Blob
from clary.store.database import Database
from clary.store.object_listings import Listing, Slice, lazily, walk
from clary.store.object_tables import BUCKET, PART, UPLOAD, VERSION
from clary.store.statements import Statement, named

NULL_VERSION = "null"
PURGE_BATCH = 500
LISTED = (*(column for column in VERSION.c if column.name != "small"), null().label("small"))
SAME_KEY = (VERSION.c.bucket == bindparam("bucket")) & (VERSION.c.key == bindparam("key"))
CURRENT = Statement(
    select(BUCKET.c.uid.label("open"), VERSION)
    .select_from(BUCKET.outerjoin(VERSION, SAME_KEY & (VERSION.c.latest == 1)))
    .where(BUCKET.c.uid == bindparam("bucket"))
)
OPEN = Statement(select(BUCKET.c.uid).where(BUCKET.c.uid == bindparam("bucket")))
FIND = Statement(select(VERSION).where(SAME_KEY, VERSION.c.version == bindparam("version")))
LATEST = Statement(select(VERSION).where(SAME_KEY, VERSION.c.latest == 1))
NOT_LATEST = Statement(update(VERSION).where(SAME_KEY, VERSION.c.latest == 1).values(latest=0))
ADD = Statement(insert(VERSION).values(named(VERSION, "seq")))
REMOVE = Statement(delete(VERSION).where(VERSION.c.seq == bindparam("seq")))
PARTS = Statement(select(PART).where(PART.c.version == bindparam("version")).order_by(PART.c.number))
ADD_PART = Statement(insert(PART))


class Versioning(Enum):
    """Whether a bucket keeps old versions."""

    OFF = ""
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class BucketGone(Exception):
    """The bucket was deleted."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum in base64: of the whole object, or COMPOSITE of those of its parts."""

    algorithm: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class New:
    """An object that is to be."""

    key: str
    size: int
    etag: str
    modified: float
    checksum: Checksum
    about: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parts: int = 0
    upload: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker."""

    seq: int
    bucket: str
    key: str
    id: str
    latest: bool
    marker: bool
    size: int
    etag: str
    modified: float
    checksum: Checksum
    parts: int
    upload: str
    about: Mapping[str, Any]
    tags: Mapping[str, str]
    small: bytes | None = field(default=None, repr=False)  # its blob, where that is small; not told in listings


@dataclass(frozen=True, slots=True)
class Part:
    """One blob of an object or of an upload."""

    number: int
    blob: Blob
    etag: str
    modified: float
    checksum: str


Check = Callable[[Version | None], None]
"""Sees what a plain GET would find, or None."""


def always(_: Version | None) -> None:
    """Refuse nothing."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a change left: the version it wrote or removed, and the blobs to remove."""

    version: Version | None
    freed: list[str]


@dataclass(frozen=True, slots=True)
class Objects:
    """The contents of all buckets; every question names one bucket by the uid of its record."""

    database: Database

    def open_bucket(self, bucket: str, account: str) -> None:
        """Make room for the objects of a new bucket."""
        with self.database.write() as connection:
            connection.execute(insert(BUCKET).values(uid=bucket, account=account))

    def has_bucket(self, bucket: str) -> bool:
        """Return whether the bucket is open; one whose record is there and that is not open died half-way."""
        return bool(self.database.ask(OPEN, bucket=bucket))

    def close_bucket(self, bucket: str) -> bool:
        """Return whether the bucket was empty; then nothing can be written to it any more."""
        with self.database.write() as connection:
            if connection.execute(select(VERSION.c.seq).where(VERSION.c.bucket == bucket).limit(1)).first():
                return False
            if connection.execute(select(UPLOAD.c.id).where(UPLOAD.c.bucket == bucket).limit(1)).first():
                return False
            connection.execute(delete(BUCKET).where(BUCKET.c.uid == bucket))
        return True

    def find(self, bucket: str, key: str, version: str = "") -> Version | None:
        """Return a version or, without its id, the latest one; it may be a delete marker."""
        statement, values = _sought(bucket, key, version)
        rows = self.database.ask(statement, **values)
        return version_of(rows[0]) if rows else None

    def parts(self, version: Version) -> list[Part]:
        """Return the blobs of a version in order; none if it was removed meanwhile."""
        if version.small is not None:
            blob = Blob("", version.size, version.small)
            return [Part(1, blob, version.etag, version.modified, version.checksum.value)]
        return [part_of(row) for row in self.database.ask(PARTS, version=version.seq)]

    def put(self, bucket: str, new: New, blob: Blob, versioning: Versioning, *, check: Check = always) -> Written:
        """Add an object of one blob."""
        with self.database.write() as connection:
            written = add_version(connection, bucket, new, versioning, check, small=blob.small)
            assert written.version is not None
            if blob.small is None:
                ADD_PART.run(
                    connection, blob=blob.id, version=written.version.seq, upload=None, number=1, size=blob.size,
                    etag=new.etag, modified=new.modified, checksum=new.checksum.value,
                )  # fmt: skip
        return written

    def delete(self, bucket: str, key: str, versioning: Versioning, now: float, *, check: Check = always) -> Written:
        """Delete an object as a plain DELETE does: the version returned is the marker that stands there now."""
        with self.database.write() as connection:
            current = _current(connection, bucket, key)
            check(live(current))
            if versioning is Versioning.OFF:
                freed = _remove(connection, find(connection, bucket, key, NULL_VERSION))
                _promote(connection, bucket, key)
                return Written(None, freed)
            marker = New(key, 0, "", now, Checksum("", "", ""))
            version, freed = _make_way(connection, bucket, key, versioning, current)
            return Written(_add(connection, bucket, version, marker, marker=True), freed)

    def delete_version(self, bucket: str, key: str, version: str, *, check: Check = always) -> Written:
        """Delete one version for good; the version returned is what it was, None if there was none."""
        with self.database.write() as connection:
            require_bucket(connection, bucket)
            found = find(connection, bucket, key, version)
            check(live(found))
            freed = _remove(connection, found)
            _promote(connection, bucket, key)
            return Written(found, freed)

    def tag(self, version: Version, tags: Mapping[str, str]) -> bool:
        """Set the tags of a version; return False if it is gone."""
        statement = update(VERSION).where(VERSION.c.seq == version.seq).values(tags=json.dumps(dict(tags)))
        with self.database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def page(self, bucket: str, asked: Slice) -> Listing[Version]:
        """Return a page of the objects that a plain GET finds."""
        base = select(*LISTED).where(VERSION.c.bucket == bucket, VERSION.c.latest == 1, VERSION.c.marker == 0)
        base = base.order_by(VERSION.c.key).limit(asked.limit + 1)
        with self.database.read() as connection:
            return walk(asked, lambda low, high: _between(connection, base, low, high), version_of)

    def page_versions(self, bucket: str, asked: Slice) -> Listing[Version]:
        """Return a page of all versions, of each key the newest first."""
        base = select(*LISTED).where(VERSION.c.bucket == bucket)
        base = base.order_by(VERSION.c.key, VERSION.c.seq.desc()).limit(asked.limit + 1)
        with self.database.read() as connection:
            rest = _older(connection, bucket, asked) if asked.after_id else ()
            return walk(asked, lambda low, high: _between(connection, base, low, high), version_of, rest)

    def referenced(self, blob: str) -> bool:
        """Return whether some object or upload needs a blob."""
        with self.database.read() as connection:
            return connection.execute(select(PART.c.blob).where(PART.c.blob == blob)).first() is not None

    def purge(self, account: str) -> list[str] | None:
        """Forget a batch of what an account has in its buckets, and return the blobs to remove.

        When nothing is left it forgets the buckets, and returns None.
        """
        mine = select(BUCKET.c.uid).where(BUCKET.c.account == account).scalar_subquery()
        versions = select(VERSION.c.seq).where(VERSION.c.bucket.in_(mine)).limit(PURGE_BATCH)
        uploads = select(UPLOAD.c.id).where(UPLOAD.c.bucket.in_(mine)).limit(PURGE_BATCH)
        with self.database.write() as connection:
            seqs = connection.execute(versions).scalars().all()
            ids = connection.execute(uploads).scalars().all()
            freed = take_parts(connection, PART.c.version.in_(seqs) | PART.c.upload.in_(ids))
            connection.execute(delete(VERSION).where(VERSION.c.seq.in_(seqs)))
            connection.execute(delete(UPLOAD).where(UPLOAD.c.id.in_(ids)))
            if not seqs and not ids:
                connection.execute(delete(BUCKET).where(BUCKET.c.account == account))
                return None
        return freed


def require_bucket(connection: Connection, bucket: str) -> None:
    """Raise BucketGone unless the bucket is open."""
    if OPEN.first(connection, bucket=bucket) is None:
        raise BucketGone(bucket)


def find(connection: Connection, bucket: str, key: str, version: str = "") -> Version | None:
    """Return a version, or the latest one."""
    statement, values = _sought(bucket, key, version)
    row = statement.first(connection, **values)
    return None if row is None else version_of(row)


def _sought(bucket: str, key: str, version: str) -> tuple[Statement, dict[str, Any]]:
    values = {"bucket": bucket, "key": key.encode()}
    return (FIND, {**values, "version": version}) if version else (LATEST, values)


def live(version: Version | None) -> Version | None:
    """Return the version unless it is a delete marker."""
    return None if version is None or version.marker else version


def add_version(
    connection: Connection, bucket: str, new: New, versioning: Versioning, check: Check, *, small: bytes | None = None
) -> Written:
    """Write a version that is small or has no parts yet, in the caller's transaction."""
    current = _current(connection, bucket, new.key)
    check(live(current))
    version, freed = _make_way(connection, bucket, new.key, versioning, current)
    return Written(_add(connection, bucket, version, new, small=small), freed)


def take_parts(connection: Connection, where: Any) -> list[str]:
    """Forget parts and return their blobs."""
    freed = list(connection.execute(select(PART.c.blob).where(where)).scalars())
    connection.execute(delete(PART).where(where))
    return freed


def _current(connection: Connection, bucket: str, key: str) -> Version | None:
    """Return the latest version, or raise BucketGone."""
    row = CURRENT.first(connection, bucket=bucket, key=key.encode())
    if row is None:
        raise BucketGone(bucket)
    return None if row.seq is None else version_of(row)


def _make_way(
    connection: Connection, bucket: str, key: str, versioning: Versioning, current: Version | None
) -> tuple[str, list[str]]:
    """Return the id of a version that is to be the latest, and the blobs of that whose place it takes."""
    version = secrets.token_urlsafe(24) if versioning is Versioning.ENABLED else NULL_VERSION
    if current is None or current.id == version:
        return version, _remove(connection, current)
    NOT_LATEST.run(connection, bucket=bucket, key=key.encode())
    return version, _remove(connection, find(connection, bucket, key, version))


def _add(
    connection: Connection, bucket: str, version: str, new: New, *, marker: bool = False, small: bytes | None = None
) -> Version:
    row = {
        "bucket": bucket, "key": new.key.encode(), "version": version, "latest": 1, "marker": int(marker),
        "size": new.size, "etag": new.etag, "modified": new.modified, "checksum": new.checksum.value,
        "checksum_algorithm": new.checksum.algorithm, "checksum_type": new.checksum.type,
        "parts": new.parts, "upload": new.upload, "about": json.dumps(dict(new.about)),
        "tags": json.dumps(dict(new.tags)), "small": small,
    }  # fmt: skip
    return Version(
        seq=ADD.add(connection, **row), bucket=bucket, key=new.key, id=version, latest=True, marker=marker,
        size=new.size, etag=new.etag, modified=new.modified, checksum=new.checksum, parts=new.parts,
        upload=new.upload, about=new.about, tags=new.tags, small=small,
    )  # fmt: skip


def _remove(connection: Connection, version: Version | None) -> list[str]:
    """Forget a version, if there is one, and return its blobs that have files."""
    if version is None:
        return []
    freed = [] if version.small is not None else [part.blob for part in PARTS.rows(connection, version=version.seq)]
    REMOVE.run(connection, seq=version.seq)  # and its parts with it
    return freed


def _promote(connection: Connection, bucket: str, key: str) -> None:
    """Make the newest version that is left the latest one."""
    same_key = (VERSION.c.bucket == bucket) & (VERSION.c.key == key.encode())
    newest = connection.execute(select(func.max(VERSION.c.seq)).where(same_key)).scalar()
    if newest is not None:
        connection.execute(update(VERSION).where(VERSION.c.seq == newest).values(latest=1))


def _between(connection: Connection, base: Select[Any], low: bytes, high: bytes) -> Any:
    query = base.where(VERSION.c.key >= low)
    return lazily(connection.execute(query.where(VERSION.c.key < high) if high else query))


def _older(connection: Connection, bucket: str, asked: Slice) -> Any:
    """Give the versions of the key `asked.after` that are older than `asked.after_id`."""
    seen = find(connection, bucket, asked.after, asked.after_id)
    if seen is None:
        return ()
    query = select(*LISTED).where(VERSION.c.bucket == bucket, VERSION.c.key == asked.after.encode())
    query = query.where(VERSION.c.seq < seen.seq).order_by(VERSION.c.seq.desc()).limit(asked.limit + 1)
    return lazily(connection.execute(query))


def version_of(row: Any) -> Version:
    """Return the version that a row holds."""
    return Version(
        seq=row.seq,
        bucket=row.bucket,
        key=row.key.decode(),
        id=row.version,
        latest=bool(row.latest),
        marker=bool(row.marker),
        size=row.size,
        etag=row.etag,
        modified=row.modified,
        checksum=Checksum(row.checksum_algorithm, row.checksum_type, row.checksum),
        parts=row.parts,
        upload=row.upload,
        about=json.loads(row.about),
        tags=json.loads(row.tags),
        small=row.small,
    )


def part_of(row: Any) -> Part:
    """Return the part that a row holds."""
    return Part(row.number, Blob(row.blob, row.size), row.etag, row.modified, row.checksum)
