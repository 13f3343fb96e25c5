"""Writing to a disk: when bytes come there changes, never which; and a full disk is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from clary.core.errors import ServiceUnavailable
from clary.store import disks


def test_a_file_that_is_being_written_to_disk_grows_on_and_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb", buffering=0) as file:
        for number in range(4):
            file.write(bytes([number]) * 65536)
            disks.begin_writing(file.fileno(), number * 65536, 65536)
    assert path.read_bytes() == b"".join(bytes([number]) * 65536 for number in range(4))


def test_what_cannot_be_begun_is_left_to_fsync() -> None:
    read, write = os.pipe()
    disks.begin_writing(write, 0, 1)
    os.close(read)
    os.close(write)
    disks.begin_writing(write, 0, 1)


@pytest.mark.parametrize(("number", "told"), [(errno.ENOSPC, ServiceUnavailable), (errno.EIO, OSError)])
def test_only_a_full_disk_is_told_as_such(number: int, told: type[Exception]) -> None:
    with pytest.raises(told), disks.have_room():
        raise OSError(number, os.strerror(number))
