"""What lifecycle rules say expires: at the midnight after so many days, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clary.controllers.expirations import Expirations
from clary.core.settings import load
from clary.resources.lifecycle import BUCKET, DAY_S
from clary.store.blobs import SMALL_BYTES_MAX
from clary.store.object_listings import Slice
from clary.store.objects import Checksum, New, Versioning
from clary.store.records import Change, Record
from clary.store.store import Store, open_store
from clary.store.uploads import Upload, new_upload_id

ACCOUNT = "123456789012"
NOON = 20_000 * DAY_S + DAY_S / 2


@dataclass
class World:
    """A bucket, and a clock that is put forward by hand."""

    store: Store
    now: list[float]
    bucket: Record

    def set(self, *rules: dict[str, Any], versioning: str = "") -> None:
        spec = {**self.bucket.spec, "Versioning": versioning}
        spec["Lifecycle"] = [{"Status": "Enabled", "Prefix": "", **rule} for rule in rules]
        self.bucket = self.store.records(ACCOUNT, "").update(self.bucket, Change(spec=spec))

    def put(self, key: str, *, tags: dict[str, str] | None = None, size: int = 1) -> None:
        new = New(key, size, "e", self.now[0], Checksum("", "", ""), tags=tags or {})
        mode = Versioning(self.bucket.spec["Versioning"])
        with self.store.blobs.draft() as draft:
            draft.append(b"x" * size)
            self.store.objects.put(self.bucket.uid, new, draft.keep(), mode)

    def keys(self) -> list[str]:
        return [each.key for each in self.store.objects.page(self.bucket.uid, Slice()).items]

    def versions(self) -> int:
        return len(self.store.objects.page_versions(self.bucket.uid, Slice()).items)

    def after(self, days: float) -> int:
        """Let time pass, then carry out the rules."""
        self.now[0] += days * DAY_S
        return Expirations(self.store).expire()


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    now = [NOON]
    store = open_store(load({"home": prepared_home}, {}), clock=lambda: now[0])
    bucket = store.records(ACCOUNT, "us-east-1").create(BUCKET, "a-bucket", {"Region": "us-east-1", "Versioning": ""})
    store.objects.open_bucket(bucket.uid, ACCOUNT)
    yield World(store, now, bucket)
    store.close()


def blobs(world: World) -> int:
    return sum(path.is_file() for path in world.store.blobs.root.rglob("*"))


def test_objects_go_at_the_midnight_after_their_days_and_so_do_their_bytes(world: World) -> None:
    world.set({"Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 2}})
    for key in ("tmp/a", "kept/b"):
        world.put(key, size=SMALL_BYTES_MAX + 1)
    assert world.after(2.4) == 0
    assert world.after(0.2) == 1
    assert world.keys() == ["kept/b"]
    assert blobs(world) == 1


def test_a_rule_is_about_tags_and_sizes_too(world: World) -> None:
    both = {"And": {"Prefix": "t", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 2}}
    world.set({"Filter": both, "Expiration": {"Days": 1}}, {"Status": "Disabled", "Expiration": {"Days": 1}})
    world.put("t1", tags={"a": "b"}, size=3)
    world.put("t2", tags={"a": "b"}, size=2)
    world.put("t3", tags={"a": "c"}, size=3)
    assert world.after(5) == 1
    assert world.keys() == ["t2", "t3"]


def test_on_its_date_everything_goes(world: World) -> None:
    world.set({"Expiration": {"Date": NOON + DAY_S / 2}})
    world.put("a")
    assert world.after(0.4) == 0
    assert world.after(0.2) == 1
    assert world.keys() == []


def test_in_a_versioned_bucket_a_marker_hides_what_expired_and_old_versions_go_in_their_time(world: World) -> None:
    world.set(
        {"Expiration": {"Days": 1}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1}},
        versioning="Enabled",
    )
    for _ in range(3):
        world.put("a")
    assert world.after(2) == 1
    assert (world.keys(), world.versions()) == ([], 4)
    assert world.after(3) == 2  # the newest old one stays: two are older than it
    assert world.versions() == 2
    world.set({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, versioning="Enabled")
    assert world.after(1) == 1
    world.set({"Expiration": {"ExpiredObjectDeleteMarker": True}}, versioning="Enabled")
    assert world.after(0) == 1
    assert (world.versions(), blobs(world)) == (0, 0)


def test_uploads_that_nobody_completes_are_aborted(world: World) -> None:
    world.set({"Filter": {"Prefix": "up/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    for key in ("up/a", "other"):
        upload = Upload(new_upload_id(NOON), world.bucket.uid, key, NOON, ACCOUNT, "", "", {}, {})
        world.store.uploads.create(upload)
    assert world.after(2) == 1
    assert [each.key for each in world.store.uploads.page(world.bucket.uid, Slice()).items] == ["other"]


def test_a_bucket_is_looked_at_once_a_day_and_when_its_rules_change(world: World) -> None:
    world.set({"Expiration": {"Days": 1}})
    looks = Expirations(world.store)
    world.put("a")
    world.now[0] += 3 * DAY_S
    assert looks.expire() == 1
    world.put("b")
    world.set({"Expiration": {"Date": NOON}})
    assert looks.expire() == 1
    world.put("c")
    assert looks.expire() == 0
    world.now[0] += DAY_S
    assert looks.expire() == 1
