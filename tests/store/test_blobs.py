from __future__ import annotations

import errno
import fcntl
import os
import random
import threading
from pathlib import Path

import pytest

from clary.core.errors import ServiceUnavailable
from clary.store.blobs import (
    BLOCK_BYTES,
    CHECKSUM,
    HEADER_BYTES,
    SMALL_BYTES_MAX,
    Blob,
    BlobGone,
    Blobs,
    CorruptBlob,
)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", small_bytes_max=0)


@pytest.fixture
def with_small(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def written(blobs: Blobs, data: bytes, *, group: str = "", piece_bytes: int = 100_000) -> Blob:
    with blobs.draft(group) as draft:
        for start in range(0, len(data), piece_bytes):
            draft.append(data[start : start + piece_bytes])
        return draft.keep()


def path_of(blobs: Blobs, blob: Blob) -> Path:
    return blobs.root / blob.id[:2] / blob.id


def files(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


def read(blobs: Blobs, *of: Blob, start: int = 0, end: int | None = None) -> bytes:
    reader = blobs.open(of)
    return b"".join(reader.pieces(start, reader.size if end is None else end))


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 17 * BLOCK_BYTES + 5])
def test_what_was_written_is_read(blobs: Blobs, size: int) -> None:
    data = random.Random(size).randbytes(size)
    blob = written(blobs, data)
    assert blob.size == size
    assert read(blobs, blob) == data


def test_any_range_is_read_in_pieces_of_one_block_at_most(blobs: Blobs) -> None:
    draw = random.Random(7)
    data = draw.randbytes(3 * BLOCK_BYTES + 77)
    blob = written(blobs, data, piece_bytes=333_333)
    edges = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, len(data) - 1, len(data)]
    for start in edges:
        for end in (edge for edge in edges if edge >= start):
            pieces = list(blobs.open([blob]).pieces(start, end))
            assert b"".join(pieces) == data[start:end]
            assert all(0 < len(piece) <= BLOCK_BYTES for piece in pieces)


def test_a_range_over_several_blobs_is_read_as_one(blobs: Blobs) -> None:
    draw = random.Random(8)
    parts = [draw.randbytes(size) for size in (BLOCK_BYTES + 5, 0, 17, 2 * BLOCK_BYTES)]
    kept = [written(blobs, part, group="ab") for part in parts]
    whole = b"".join(parts)
    for start, end in [(0, len(whole)), (BLOCK_BYTES, BLOCK_BYTES + 30), (BLOCK_BYTES + 5, BLOCK_BYTES + 6), (3, 3)]:
        assert read(blobs, *kept, start=start, end=end) == whole[start:end]


@pytest.mark.parametrize("where", ["header", "first byte", "last byte", "checksum", "end cut off", "bytes behind it"])
def test_damage_is_an_error_and_never_wrong_bytes(blobs: Blobs, where: str) -> None:
    data = random.Random(9).randbytes(2 * BLOCK_BYTES + 100)
    blob = written(blobs, data)
    path = path_of(blobs, blob)
    raw = bytearray(path.read_bytes())
    at = {"header": 9, "first byte": HEADER_BYTES, "last byte": len(raw) - 5, "checksum": len(raw) - 1}.get(where)
    if at is not None:
        raw[at] ^= 1
    path.write_bytes(raw[:-3] if where == "end cut off" else raw)
    if where == "bytes behind it":
        blob = Blob(blob.id, blob.size - 1)
    got: list[bytes] = []
    with pytest.raises(CorruptBlob):
        got.extend(blobs.open([blob]).pieces(0, blob.size))
    assert data.startswith(b"".join(got))


def test_two_blocks_that_changed_places_are_damage(blobs: Blobs) -> None:
    blob = written(blobs, b"a" * BLOCK_BYTES + b"b" * BLOCK_BYTES)
    raw = path_of(blobs, blob).read_bytes()
    step = BLOCK_BYTES + CHECKSUM.size
    blocks = [raw[HEADER_BYTES + index * step :][:step] for index in range(2)]
    path_of(blobs, blob).write_bytes(raw[:HEADER_BYTES] + blocks[1] + blocks[0])
    with pytest.raises(CorruptBlob):
        read(blobs, blob)


def test_a_blob_is_on_disk_before_it_has_its_name(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        seen.append("fsync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "fsync file")
        fsync(descriptor)

    def noted_rename(path: Path, to: Path) -> Path:
        seen.append("rename")
        return rename(path, to)

    with blobs.draft() as draft:
        draft.append(b"x")
        (blobs.root / draft._id[:2]).mkdir()
        monkeypatch.setattr(os, "fsync", noted_fsync)
        monkeypatch.setattr(Path, "rename", noted_rename)
        draft.keep()
    assert seen == ["fsync file", "rename", "fsync folder"]


def test_a_draft_that_is_not_kept_leaves_no_file(blobs: Blobs) -> None:
    with blobs.draft() as draft:
        draft.append(b"x")
        assert len(files(blobs)) == 1
    assert files(blobs) == []


def test_a_full_disk_is_a_clear_error_and_leaves_no_file(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with blobs.draft() as draft:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ServiceUnavailable, match=r"disk .* is full") as refused:
            draft.append(b"x")
    assert refused.value.status == 503
    assert files(blobs) == []


def test_a_reader_goes_on_when_its_blob_is_removed(blobs: Blobs) -> None:
    data = random.Random(1).randbytes(2 * BLOCK_BYTES)
    blob = written(blobs, data)
    reader = blobs.open([blob])
    blobs.remove([blob.id])
    assert b"".join(reader.pieces(0, reader.size)) == data
    with pytest.raises(BlobGone):
        blobs.open([blob])


def test_blobs_that_are_read_as_a_group_stay_until_the_sweep(blobs: Blobs) -> None:
    parts = [random.Random(seed).randbytes(10) for seed in range(5)]
    kept = [written(blobs, part, group="7f") for part in parts]
    reader = blobs.open(kept)
    pieces = reader.pieces(0, reader.size)
    assert next(pieces) == parts[0]
    blobs.remove([blob.id for blob in kept])
    assert blobs.sweep(lambda _: False, older_than_s=-1) == 0
    assert b"".join(pieces) == b"".join(parts[1:])
    assert blobs.sweep(lambda _: False, older_than_s=-1) == 5
    assert files(blobs) == []


def test_the_sweep_removes_what_crashes_left_and_nothing_else(blobs: Blobs) -> None:
    named, orphan = written(blobs, b"named"), written(blobs, b"orphan")
    left = blobs.root / "tmp" / "0123"
    left.write_bytes(b"half")
    assert blobs.sweep(lambda blob: blob == named.id, older_than_s=3600) == 0
    assert blobs.sweep(lambda blob: blob == named.id, older_than_s=-1) == 2
    assert files(blobs) == [path_of(blobs, named)]
    assert not path_of(blobs, orphan).exists()


def test_the_sweep_passes_over_a_blob_until_its_row_is_written(blobs: Blobs) -> None:
    rows: set[str] = set()
    with blobs.draft() as draft:
        draft.append(b"x")
        assert blobs.sweep(rows.__contains__, older_than_s=-1) == 0
        blob = draft.keep()
        assert blobs.sweep(rows.__contains__, older_than_s=-1) == 0
        rows.add(blob.id)
    assert blobs.sweep(rows.__contains__, older_than_s=-1) == 0
    assert read(blobs, blob) == b"x"


def test_a_sweep_takes_no_draft_that_is_not_locked_yet(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def swept_before(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            assert blobs.sweep(lambda _: False, older_than_s=-1) == 0
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", swept_before)
    assert read(blobs, written(blobs, b"x")) == b"x"


def test_sweeps_beside_writers_lose_nothing(blobs: Blobs) -> None:
    rows: dict[str, Blob] = {}

    def write() -> None:
        for count in range(40):
            with blobs.draft() as draft:
                draft.append(bytes([count]))
                blob = draft.keep()
                rows[blob.id] = blob

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        blobs.sweep(rows.__contains__, older_than_s=0.05)
    writer.join()
    assert [read(blobs, blob) for blob in rows.values()] == [bytes([count]) for count in range(40)]


@pytest.mark.parametrize("size", [0, 1, 1000, SMALL_BYTES_MAX])
def test_a_small_blob_has_no_file_and_is_read_in_any_range(with_small: Blobs, size: int) -> None:
    data = random.Random(size).randbytes(size)
    blob = written(with_small, data, piece_bytes=300)
    assert (blob.size, files(with_small)) == (size, [])
    for start, end in [(0, size), (0, size // 2), (size // 2, size), (size, size)]:
        assert read(with_small, blob, start=start, end=end) == data[start:end]


def test_a_blob_that_outgrows_the_small_ones_goes_on_in_a_file(with_small: Blobs) -> None:
    data = random.Random(3).randbytes(SMALL_BYTES_MAX + 1)
    blob = written(with_small, data, piece_bytes=SMALL_BYTES_MAX)
    assert (blob.small, files(with_small)) == (None, [path_of(with_small, blob)])
    assert read(with_small, blob) == data


def test_blobs_of_a_group_have_files_however_small_they_are(with_small: Blobs) -> None:
    parts = [written(with_small, data, group="ab") for data in (b"one", b"", b"two")]
    assert len(files(with_small)) == 3
    assert read(with_small, *parts) == b"onetwo"


@pytest.mark.parametrize("at", [0, 50, -1])
def test_damage_of_a_small_blob_is_an_error(with_small: Blobs, at: int) -> None:
    blob = written(with_small, bytes(100))
    assert blob.small is not None
    block = bytearray(blob.small)
    block[at] ^= 1
    for damaged in (bytes(block), blob.small[:-1], b""):
        with pytest.raises(CorruptBlob):
            read(with_small, Blob(blob.id, blob.size, damaged))
