"""Carries out the lifecycle rules of buckets, once a day: what expired goes as if its owner had deleted it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from os.path import commonprefix

from clary.resources.lifecycle import BUCKET, DAY_S, Rule, expired, over, rules_of
from clary.store.object_listings import Slice
from clary.store.objects import BucketGone, Check, Version, Versioning
from clary.store.records import Record
from clary.store.store import Store
from clary.store.uploads import Upload, UploadGone

log = logging.getLogger(__name__)


class Overtaken(Exception):
    """Somebody wrote the key meanwhile."""


@dataclass
class Expirations:
    """Looks at each bucket that has rules, on each day and whenever the bucket's settings changed."""

    store: Store
    _done: dict[str, tuple[int, int]] = field(default_factory=dict)  # by bucket: the day, and the record's version

    def expire(self) -> int:
        """Remove what expired; return how many versions and uploads."""
        day = int(self.store.clock() // DAY_S)
        gone = 0
        for bucket in self.store.world.all(BUCKET):
            rules = rules_of(bucket.spec)
            if rules and self._done.get(bucket.uid) != (day, bucket.version):
                with suppress(BucketGone):
                    gone += self._expire(bucket, rules)
                self._done[bucket.uid] = (day, bucket.version)
        return gone

    def _expire(self, bucket: Record, rules: Sequence[Rule]) -> int:
        now, gone = self.store.clock(), 0
        prefix = commonprefix([rule.scope.prefix for rule in rules])  # noqa: RUF071 - keys are no paths
        for _, versions in groupby(self._versions(bucket, prefix), key=lambda each: each.key):
            for version in expired(list(versions), rules, now):
                gone += self._remove(bucket, version, now)
        for upload in self._uploads(bucket, prefix):
            if any(_abandoned(upload, rule, now) for rule in rules):
                with suppress(UploadGone):
                    self.store.blobs.remove(self.store.uploads.abort(upload))
                    gone += 1
        log.info("%d versions and uploads expired in bucket %s", gone, bucket.name)
        return gone

    def _remove(self, bucket: Record, version: Version, now: float) -> bool:
        """Remove a version unless somebody was quicker; say whether it went."""
        objects, mode = self.store.objects, Versioning(bucket.spec.get("Versioning", ""))
        try:
            if version.latest and not version.marker:
                written = objects.delete(bucket.uid, version.key, mode, now, check=_still(version))
            else:
                written = objects.delete_version(bucket.uid, version.key, version.id)
        except Overtaken:
            return False
        self.store.blobs.remove(written.freed)
        return True

    def _versions(self, bucket: Record, prefix: str) -> Iterator[Version]:
        """Give all versions, of each key the newest first."""
        page = self.store.objects.page_versions(bucket.uid, Slice(prefix=prefix))
        yield from page.items
        while page.truncated:
            last = page.items[-1]
            asked = Slice(prefix=prefix, after=last.key, after_id=last.id)
            page = self.store.objects.page_versions(bucket.uid, asked)
            yield from page.items

    def _uploads(self, bucket: Record, prefix: str) -> Iterator[Upload]:
        page = self.store.uploads.page(bucket.uid, Slice(prefix=prefix))
        yield from page.items
        while page.truncated:
            last = page.items[-1]
            page = self.store.uploads.page(bucket.uid, Slice(prefix=prefix, after=last.key, after_id=last.id))
            yield from page.items


def _abandoned(upload: Upload, rule: Rule, now: float) -> bool:
    about = upload.key.startswith(rule.scope.prefix)
    return about and rule.upload_days is not None and over(upload.initiated, rule.upload_days, now)


def _still(version: Version) -> Check:
    """Return a check that the key still stands as it was seen."""

    def check(live: Version | None) -> None:
        if live is None or live.seq != version.seq:
            raise Overtaken

    return check
