"""The bytes of objects: one file a blob, in checksummed blocks of 1 MiB behind a header; a small one lies in its row.

The header names version, cipher and key, so that encryption needs no rewrite. What
`keep` returned, and its row, survive power loss; what a reader gives was verified, block
by block. A blob never changes; nobody but the sweep removes one that a row may still name.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from clary.core.crt import crc32c
from clary.core.errors import ServiceError
from clary.store import disks

MAGIC = b"CLARYBLB"
FORMAT_VERSION = 1
CIPHER_NONE = 0
NO_KEY = bytes(16)
BLOCK_BYTES = 1024 * 1024
HEADER = struct.Struct("<8sHHI16sQ")  # magic, version, cipher, block bytes, key id, length
CHECKSUM = struct.Struct("<I")
HEADER_BYTES = 64
"""The header, zeros, and the checksum of both."""
SMALL_BYTES_MAX = 16 * 1024
"""Up to here a blob that is read alone lies in its row: one transaction, and no file to make, sync and rename."""
BEGIN_BLOCKS = 8
"""Of how many blocks the disk begins to write while the next ones come."""
DRAFTS = "tmp"


class CorruptBlob(ServiceError):
    """Stored bytes are not what was written."""

    code = "InternalError"
    status = 500

    def __init__(self, blob: str, what: str) -> None:
        super().__init__(f"The stored bytes of this object are damaged ({what} of blob {blob}).")


class BlobGone(Exception):
    """The blob was removed; whoever named it has been overwritten since."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A kept blob: what a row stores of it. A small one is all there and has no id; of others a file has the bytes."""

    id: str
    size: int
    small: bytes | None = field(default=None, repr=False)  # one block, as a file would hold it


class Draft:
    """A blob that is being written; `append` everything, then `keep`. A file is made once it is not small."""

    def __init__(self, root: Path, group: str, small_max: int) -> None:
        self._root = root
        self._group = group[:2]
        self._id = ""
        self._small: bytearray | None = bytearray()
        self._small_max = small_max
        self._held = Held(-1)
        self._path = Path()
        self._checksum = 0
        self._filled = 0  # bytes in the block that is being written
        self.size = 0
        self.kept = False

    def append(self, piece: bytes | memoryview) -> None:
        """Write the next bytes, or raise ServiceUnavailable when the disk is full."""
        if self._small is not None:
            if len(self._small) + len(piece) <= self._small_max:
                self._small += piece
                self.size += len(piece)
                return
            self._begin_file()
        self._append_to_file(memoryview(piece))

    def _begin_file(self) -> None:
        """Go on in a file."""
        assert self._small is not None
        began, self._small = memoryview(self._small), None
        self._id = self._group + secrets.token_hex(16)[len(self._group) :]
        self._path = self._root / DRAFTS / self._id
        self._held, self.size = _new_file(self._path), 0
        self._append_to_file(began)

    def _append_to_file(self, view: memoryview) -> None:
        with disks.have_room():
            while view:
                part = view[: BLOCK_BYTES - self._filled]
                self._append_to_block(part)
                view = view[len(part) :]

    def keep(self) -> Blob:
        """Bring everything to disk under its name, unless it is small, and return what a row stores of it."""
        if self._small is not None:
            if self._small_max:
                data = bytes(self._small)
                return Blob(self._id, self.size, data + CHECKSUM.pack(crc32c(data)))
            self._begin_file()
        with disks.have_room():
            if self._filled:
                self._end_block()
            os.pwrite(self._held.descriptor, _header(self.size), 0)
            os.fsync(self._held.descriptor)
            self._rename()
        self.kept = True
        return Blob(self._id, self.size)

    def discard(self) -> None:
        """Remove the file, kept or not, if there is one."""
        if self._small is None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        self._held.close()

    def _append_to_block(self, part: memoryview) -> None:
        if not self._filled:
            # It starts from the block's number, so that a block in the wrong place is found out too.
            self._checksum = self.size // BLOCK_BYTES
        disks.write_all(self._held.descriptor, part)
        self._checksum = crc32c(part, self._checksum)
        self._filled += len(part)
        self.size += len(part)
        if self._filled == BLOCK_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        disks.write_all(self._held.descriptor, memoryview(CHECKSUM.pack(self._checksum)))
        self._filled = 0
        blocks = self.size // BLOCK_BYTES
        if blocks % BEGIN_BLOCKS == 0:
            first = _offset(blocks - BEGIN_BLOCKS)
            disks.begin_writing(self._held.descriptor, first, _offset(blocks) - first)

    def _rename(self) -> None:
        path = _path(self._root, self._id)
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._root)
        self._path.rename(path)
        self._path = path
        _sync_folder(path.parent)


class Reader:
    """One run of bytes over one or more blobs, held open: it stays entire when they are removed meanwhile."""

    def __init__(self, root: Path, blobs: Sequence[Blob]) -> None:
        self._root = root
        self._blobs = blobs
        self._ends = list(accumulate(blob.size for blob in blobs))
        if blobs[0].small is not None:
            assert len(blobs) == 1, "blobs of one group are not small"
            self._held = Held(-1)
            return
        # One descriptor holds one blob; blobs of one group lie in one folder, whose lock holds them all.
        path = _path(root, blobs[0].id)
        self._held = _opened(path) if len(blobs) == 1 else _opened(path.parent)
        if len(blobs) > 1:
            fcntl.flock(self._held.descriptor, fcntl.LOCK_SH)

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return self._ends[-1]

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Give the bytes from `start` up to `end`, each piece verified and of one block at most; then close."""
        assert 0 <= start <= end <= self.size
        try:
            index = bisect_right(self._ends, start)
            while start < end:
                first = self._ends[index] - self._blobs[index].size
                stop = min(end, self._ends[index])
                yield from self._of_blob(self._blobs[index], start - first, stop - first)
                start, index = stop, index + 1
        finally:
            self.close()

    def _of_blob(self, blob: Blob, start: int, end: int) -> Iterator[bytes]:
        if blob.small is not None:
            yield _read_small(blob, blob.small)[start:end]
            return
        if len(self._blobs) == 1:
            yield from _read(self._held, blob, start, end)
            return
        held = _opened(_path(self._root, blob.id))
        try:
            yield from _read(held, blob, start, end)
        finally:
            held.close()

    def close(self) -> None:
        """Let go of the blobs."""
        self._held.close()


class Held:
    """An open descriptor, and with it whatever lock was taken on it; closed with its last user at the latest."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of blobs, but for the small ones."""

    root: Path
    small_bytes_max: int = SMALL_BYTES_MAX

    @contextmanager
    def draft(self, group: str = "") -> Iterator[Draft]:
        """Give a new blob to write; it is gone at the end unless it was kept.

        Commit the row that names it inside the block: until then no sweep touches it. Blobs that are
        read together carry one `group`, and each has a file.
        """
        draft = Draft(self.root, group, 0 if group else self.small_bytes_max)
        try:
            yield draft
        finally:
            if not draft.kept:
                draft.discard()
            draft.close()

    def open(self, blobs: Sequence[Blob]) -> Reader:
        """Return a reader of the blobs one after another, or raise BlobGone.

        For more than one blob, look whether the row still stands after this: only then are they held.
        """
        return Reader(self.root, blobs)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove blobs that no row names any more; those that somebody reads as a group wait for the sweep."""
        if len(ids) == 1:
            _path(self.root, ids[0]).unlink(missing_ok=True)
            return
        folders = defaultdict[Path, list[Path]](list)
        for path in (_path(self.root, each) for each in ids):
            folders[path.parent].append(path)
        for folder, paths in folders.items():
            with _alone(folder) as alone:
                for path in paths if alone else ():
                    path.unlink(missing_ok=True)

    def sweep(self, referenced: Callable[[str], bool], older_than_s: float) -> int:
        """Remove what crashes left: drafts, and blobs that no row names; return how many.

        Files that somebody writes or reads as a group are passed over, as are young ones.
        """
        before = time.time() - older_than_s
        removed = 0
        for folder in _folders(self.root):
            with _alone(folder) as alone:
                for path in folder.iterdir() if alone else ():
                    removed += _sweep_one(path, referenced, before)
        return removed


def _sweep_one(path: Path, referenced: Callable[[str], bool], before: float) -> bool:
    try:
        held = _opened(path)
    except BlobGone:
        return False
    try:
        # A writer holds this lock from the first byte until its row is there, so ask for the row after it.
        if not _locked(held):
            return False
        young = os.fstat(held.descriptor).st_mtime > before
        if young or (path.parent.name != DRAFTS and referenced(path.name)):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        held.close()


def _folders(root: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(each for each in root.iterdir() if each.is_dir())
    return []


def _path(root: Path, blob_id: str) -> Path:
    return root / blob_id[:2] / blob_id


def _header(size: int) -> bytes:
    fields = HEADER.pack(MAGIC, FORMAT_VERSION, CIPHER_NONE, BLOCK_BYTES, NO_KEY, size)
    padded = fields.ljust(HEADER_BYTES - CHECKSUM.size, b"\0")
    return padded + CHECKSUM.pack(crc32c(padded))


def _read(held: Held, blob: Blob, start: int, end: int) -> Iterator[bytes]:
    if os.pread(held.descriptor, HEADER_BYTES, 0) != _header(blob.size):
        raise CorruptBlob(blob.id, "header")
    for index in range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
        first = index * BLOCK_BYTES
        data = _read_block(held, blob, index, min(BLOCK_BYTES, blob.size - first))
        whole = start <= first and first + len(data) <= end
        yield data if whole else data[max(start - first, 0) : end - first]


def _read_small(blob: Blob, block: bytes) -> bytes:
    data = block[: -CHECKSUM.size]
    if len(data) != blob.size or not block.endswith(CHECKSUM.pack(crc32c(data))):
        raise CorruptBlob(blob.id, "block 0")
    return data


def _read_block(held: Held, blob: Blob, index: int, size: int) -> bytes:
    offset = _offset(index)
    data = os.pread(held.descriptor, size, offset)
    checksum = os.pread(held.descriptor, CHECKSUM.size, offset + size)
    if len(data) != size or checksum != CHECKSUM.pack(crc32c(data, index)):
        raise CorruptBlob(blob.id, f"block {index}")
    return data


def _offset(index: int) -> int:
    """Return where a block begins in the file."""
    return HEADER_BYTES + index * (BLOCK_BYTES + CHECKSUM.size)


def _opened(path: Path) -> Held:
    try:
        return Held(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        raise BlobGone(path.name) from None


def _new_file(path: Path) -> Held:
    """Return a new locked file, to be written behind its header."""
    with disks.have_room():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(_opened(path.parent)) as folder:
            fcntl.flock(folder.descriptor, fcntl.LOCK_SH)  # so that no sweep comes before the file is locked
            held = Held(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            fcntl.flock(held.descriptor, fcntl.LOCK_EX)
        os.lseek(held.descriptor, HEADER_BYTES, os.SEEK_SET)
    return held


def _sync_folder(folder: Path) -> None:
    with closing(_opened(folder)) as held:
        os.fsync(held.descriptor)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Tell whether nobody reads a group in the folder or begins a draft there, and keep it so."""
    try:
        held = _opened(folder)
    except BlobGone:
        yield False
        return
    try:
        yield _locked(held)
    finally:
        held.close()


def _locked(held: Held) -> bool:
    try:
        fcntl.flock(held.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
