from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clary.core.errors import ServiceError
from clary.core.ids import uid
from clary.store.blobs import Blob
from clary.store.database import Database
from clary.store.object_listings import Listing, Slice, common_prefix
from clary.store.object_tables import METADATA
from clary.store.objects import BucketGone, Checksum, New, Objects, Part, Version, Versioning
from clary.store.uploads import PartsMoved, Upload, UploadGone, Uploads, new_upload_id

NONE = Checksum("", "", "")
KEYS = ["a", "a/", "a/b", "a/b/c", "a//b", "ab", "b", "b/\0", "é", "\U0001f600", "\uffff", "../x"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("db"), "objects", synchronous="OFF")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def objects(database: Database) -> Objects:
    return Objects(database)


@pytest.fixture
def bucket(objects: Objects) -> str:
    return new_bucket(objects)


def new_bucket(objects: Objects, account: str = "111111111111") -> str:
    name = uid()
    objects.open_bucket(name, account)
    return name


def put(objects: Objects, bucket: str, key: str, versioning: Versioning = Versioning.OFF, *, size: int = 1) -> Version:
    new = New(key, size, f"etag-{uid()}", 1.5, NONE)
    written = objects.put(bucket, new, Blob(uid(), size), versioning)
    assert written.version is not None
    return written.version


def test_the_migration_makes_what_the_tables_say(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_an_object_is_found_as_it_was_put(objects: Objects, bucket: str) -> None:
    new = New(
        "k\0/ü", 3, "abc", 7.5, Checksum("CRC32", "FULL_OBJECT", "AAAAAA=="), {"Metadata": {"a": "b"}}, {"t": "1"}
    )
    written = objects.put(bucket, new, Blob("b1" + uid(), 3), Versioning.OFF)
    found = objects.find(bucket, "k\0/ü")
    assert found == written.version
    assert found is not None
    assert (found.key, found.size, found.etag, found.modified) == ("k\0/ü", 3, "abc", 7.5)
    assert (found.checksum, found.about, found.tags) == (new.checksum, {"Metadata": {"a": "b"}}, {"t": "1"})
    assert [(part.number, part.blob.size) for part in objects.parts(found)] == [(1, 3)]


def test_an_overwrite_frees_the_blob_of_the_old_version_alone(objects: Objects, bucket: str) -> None:
    old = put(objects, bucket, "k")
    [part] = objects.parts(old)
    new = objects.put(bucket, New("k", 1, "x", 1.0, NONE), Blob(uid(), 1), Versioning.OFF)
    assert new.freed == [part.blob.id]
    assert not objects.referenced(part.blob.id)
    assert new.version is not None
    assert objects.referenced(objects.parts(new.version)[0].blob.id)
    assert objects.parts(old) == []


def test_a_small_blob_lies_in_its_row_and_leaves_no_file_to_remove(objects: Objects, bucket: str) -> None:
    blob = Blob(uid(), 3, b"the block")
    for versioning in (Versioning.OFF, Versioning.ENABLED):
        written = objects.put(bucket, New("k", 3, "x", 1.0, NONE), blob, versioning)
        assert written.version is not None
        assert [(part.number, part.blob.small) for part in objects.parts(written.version)] == [(1, blob.small)]
        assert objects.find(bucket, "k") == written.version
        blob = Blob(uid(), 3, b"another")
        assert written.freed == []
    for version in ("null", written.version.id):
        assert objects.delete_version(bucket, "k", version).freed == []
    assert objects.close_bucket(bucket)


def test_a_condition_is_asked_at_the_moment_of_the_write(objects: Objects, bucket: str) -> None:
    put(objects, bucket, "k")

    def only_if_new(current: Version | None) -> None:
        if current is not None:
            raise ServiceError("there is one", code="PreconditionFailed", status=412)

    before = objects.find(bucket, "k")
    with pytest.raises(ServiceError):
        objects.put(bucket, New("k", 1, "x", 1.0, NONE), Blob(uid(), 1), Versioning.OFF, check=only_if_new)
    assert objects.find(bucket, "k") == before


def test_only_an_empty_bucket_can_be_closed_and_nothing_is_put_in_it_afterwards(objects: Objects, bucket: str) -> None:
    put(objects, bucket, "k")
    assert not objects.close_bucket(bucket)
    objects.delete(bucket, "k", Versioning.OFF, 1.0)
    assert objects.close_bucket(bucket)
    with pytest.raises(BucketGone):
        put(objects, bucket, "k")
    assert not objects.has_bucket(bucket)


def test_purging_an_account_frees_all_it_had_and_nothing_of_others(objects: Objects) -> None:
    mine, other = new_bucket(objects, "222222222222"), new_bucket(objects, "333333333333")
    blobs = set()
    for count in range(5):
        blobs |= {part.blob.id for part in objects.parts(put(objects, mine, f"k{count}", Versioning.ENABLED))}
        objects.delete(mine, f"k{count}", Versioning.ENABLED, 1.0)
    kept = put(objects, other, "k")
    freed: set[str] = set()
    while (batch := objects.purge("222222222222")) is not None:
        freed.update(batch)
    assert freed == blobs
    assert not objects.has_bucket(mine)
    assert objects.find(other, "k") == kept


def test_a_listing_seeks_over_what_lies_under_a_common_prefix(objects: Objects, bucket: str) -> None:
    for folder in "abc":
        for count in range(30):
            put(objects, bucket, f"{folder}/{count}")
    put(objects, bucket, "d")
    with objects.database.read() as connection:
        plan = connection.exec_driver_sql(
            "explain query plan select * from version where bucket='b' and latest=1 and marker=0 and key>=x'61'"
            " and key<x'62' order by key limit 5"
        ).all()
        current = connection.exec_driver_sql(
            "explain query plan select * from version where bucket='b' and key=x'61' and latest=1"
        ).all()
    assert "version_live (bucket=? AND marker=? AND latest=? AND key>? AND key<?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
    assert "bucket=? AND key=?" in str(current)
    page = objects.page(bucket, Slice(delimiter="/"))
    assert (page.prefixes, [item.key for item in page.items]) == (["a/", "b/", "c/"], ["d"])


def naive(keys: list[str], asked: Slice) -> tuple[list[str], bool]:
    """List as the API reference says, in the plainest way."""
    entries: list[str] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(asked.prefix) or key.encode() <= asked.after.encode():
            continue
        group = common_prefix(key.encode(), asked.prefix.encode(), asked.delimiter.encode()).decode()
        entry = group or key
        if entry not in entries and not (group and group == asked.after):
            entries.append(entry)
    return entries[: asked.limit], len(entries) > asked.limit


def entries(page: Listing[Version]) -> list[str]:
    return sorted([*page.prefixes, *(item.key for item in page.items)], key=str.encode)


key_text = st.text(alphabet="ab/\0é\U0001f600\uffff", min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(key_text, max_size=15),
    prefix=st.sampled_from(["", "a", "a/", "b/", "é"]),
    delimiter=st.sampled_from(["", "/", "a", "//", "é"]),
    limit=st.integers(1, 5),
    start=st.one_of(st.just(""), key_text),
)
def test_pages_are_what_a_naive_listing_gives(
    objects: Objects, keys: set[str], prefix: str, delimiter: str, limit: int, start: str
) -> None:
    bucket = new_bucket(objects)
    for key in keys:
        put(objects, bucket, key)
    after = start
    for _ in range(len(keys) + 1):
        asked = Slice(prefix, delimiter, after, "", limit)
        page = objects.page(bucket, asked)
        assert (entries(page), page.truncated) == naive(list(keys), asked)
        if not page.truncated:
            return
        after = page.last
    pytest.fail("the listing has no end")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(puts=st.lists(st.sampled_from(["a", "a/b", "b"]), max_size=12), limit=st.integers(1, 5))
def test_paging_through_versions_gives_each_once_newest_first(objects: Objects, puts: list[str], limit: int) -> None:
    bucket = new_bucket(objects)
    expected: dict[str, list[str]] = {}
    for key in puts:
        expected.setdefault(key, []).insert(0, put(objects, bucket, key, Versioning.ENABLED).id)
    seen: list[tuple[str, str]] = []
    asked = Slice(limit=limit)
    for _ in range(len(puts) + 1):
        page = objects.page_versions(bucket, asked)
        seen += [(item.key, item.id) for item in page.items]
        if not page.truncated:
            break
        asked = Slice(limit=limit, after=page.last, after_id=page.items[-1].id)
    assert seen == [(key, version) for key in sorted(expected) for version in expected[key]]


@dataclass
class Model:
    """A bucket in memory: of each key the versions, oldest first, as (id, etag or "" for a delete marker)."""

    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, key: str, version: str, etag: str) -> None:
        kept = [each for each in self.versions.get(key, []) if each[0] != version]
        self.versions[key] = [*kept, (version, etag)]

    def drop(self, key: str, version: str) -> None:
        self.versions[key] = [each for each in self.versions.get(key, []) if each[0] != version]

    def live(self) -> dict[str, str]:
        latest = {key: versions[-1] for key, versions in self.versions.items() if versions}
        return {key: etag for key, (_, etag) in latest.items() if etag}


class StoredBucket(RuleBasedStateMachine):
    """The store against the model, through any order of puts, deletes and switches of versioning."""

    objects: Objects

    def __init__(self) -> None:
        super().__init__()
        self.bucket = new_bucket(self.objects)
        self.model = Model()
        self.versioning = Versioning.OFF
        self.blobs: set[str] = set()

    def settle(self, freed: list[str]) -> None:
        assert self.blobs.issuperset(freed)
        self.blobs -= set(freed)

    @rule(key=st.sampled_from(KEYS[:4]))
    def put(self, key: str) -> None:
        blob, etag = Blob(uid(), 1), uid()
        written = self.objects.put(self.bucket, New(key, 1, etag, 1.0, NONE), blob, self.versioning)
        assert written.version is not None
        assert (written.version.id == "null") is (self.versioning is not Versioning.ENABLED)
        self.model.add(key, written.version.id, etag)
        self.blobs.add(blob.id)
        self.settle(written.freed)

    @rule(key=st.sampled_from(KEYS[:4]))
    def delete(self, key: str) -> None:
        written = self.objects.delete(self.bucket, key, self.versioning, 1.0)
        if written.version is None:
            self.model.drop(key, "null")
        else:
            self.model.add(key, written.version.id, "")
        self.settle(written.freed)

    @rule(key=st.sampled_from(KEYS[:4]), data=st.data())
    def delete_version(self, key: str, data: st.DataObject) -> None:
        ids = [version for version, _ in self.model.versions.get(key, [])]
        version = data.draw(st.sampled_from([*ids, "null", "never-was"]))
        written = self.objects.delete_version(self.bucket, key, version)
        assert (written.version is None) is (version not in ids)
        self.model.drop(key, version)
        self.settle(written.freed)

    @rule(wanted=st.sampled_from([Versioning.ENABLED, Versioning.SUSPENDED]))
    def switch(self, wanted: Versioning) -> None:
        self.versioning = wanted

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        page = self.objects.page(self.bucket, Slice())
        assert {item.key: item.etag for item in page.items} == self.model.live()
        every = self.objects.page_versions(self.bucket, Slice()).items
        expected = [
            (key, *version, version == versions[-1])
            for key, versions in sorted(self.model.versions.items(), key=lambda each: each[0].encode())
            for version in reversed(versions)
        ]
        assert [(item.key, item.id, item.etag, item.latest) for item in every] == expected
        named = {part.blob.id for item in every for part in self.objects.parts(item)}
        assert named == self.blobs


def test_the_store_agrees_with_a_model_in_memory(tmp_path: Path) -> None:
    database = Database(tmp_path, "objects", synchronous="OFF")
    database.migrate()
    machine = type("Machine", (StoredBucket,), {"objects": Objects(database)})
    test = machine.TestCase
    test.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
    test().runTest()
    database.close()


def upload_in(objects: Objects, bucket: str, key: str = "k", *, at: float = 1.0) -> tuple[Uploads, Upload]:
    uploads = Uploads(objects.database)
    upload = Upload(new_upload_id(at), bucket, key, at, "", "", "", {"a": "b"}, {})
    uploads.create(upload)
    return uploads, upload


def part(number: int) -> Part:
    return Part(number, Blob(uid(), number), f"etag{number}", 1.0, "")


def test_a_completed_upload_is_an_object_of_the_chosen_parts_in_order(objects: Objects, bucket: str) -> None:
    uploads, upload = upload_in(objects, bucket)
    parts = [part(number) for number in (7, 2, 5)]
    for each in parts:
        assert uploads.add_part(upload, each) == []
    assert [each.number for each in uploads.parts(upload.id, after=2)] == [5, 7]
    new = New("k", 9, "e-2", 1.0, NONE, parts=2, upload=upload.id)
    written = uploads.complete(upload, new, [parts[1], parts[0]], Versioning.OFF)
    assert written.freed == [parts[2].blob.id]
    assert written.version is not None
    told = [(each.number, each.blob) for each in objects.parts(written.version)]
    assert told == [(1, parts[1].blob), (2, parts[0].blob)]
    assert uploads.completed(bucket, "k", upload.id) == written.version
    with pytest.raises(UploadGone):
        uploads.add_part(upload, part(1))


def test_a_part_that_is_sent_again_replaces_the_first(objects: Objects, bucket: str) -> None:
    uploads, upload = upload_in(objects, bucket)
    first, second = part(1), part(1)
    uploads.add_part(upload, first)
    assert uploads.add_part(upload, second) == [first.blob.id]
    with pytest.raises(PartsMoved):
        uploads.complete(upload, New("k", 1, "e", 1.0, NONE), [first], Versioning.OFF)
    assert objects.find(bucket, "k") is None
    assert uploads.parts(upload.id) == [second]


def test_an_aborted_upload_frees_its_parts_and_lets_the_bucket_go(objects: Objects, bucket: str) -> None:
    uploads, upload = upload_in(objects, bucket)
    uploads.add_part(upload, only := part(1))
    assert not objects.close_bucket(bucket)
    assert uploads.abort(upload) == [only.blob.id]
    assert objects.close_bucket(bucket)


def test_uploads_are_listed_by_key_and_then_by_age(objects: Objects, bucket: str) -> None:
    draw = random.Random(3)
    made = []
    for at in range(12):
        uploads, upload = upload_in(objects, bucket, draw.choice(string.ascii_lowercase[:3]), at=float(at))
        made.append(upload)
    seen: list[str] = []
    asked = Slice(limit=5)
    while True:
        page = uploads.page(bucket, asked)
        seen += [each.id for each in page.items]
        if not page.truncated:
            break
        asked = Slice(limit=5, after=page.last, after_id=page.items[-1].id)
    assert seen == [each.id for each in sorted(made, key=lambda each: (each.key, each.initiated))]
