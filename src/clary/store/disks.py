"""Writing to a disk: all of it, begun before it has to be there, and with a clear word where the disk is full."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from clary.core.errors import ServiceUnavailable

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
SYNC_FILE_RANGE_WRITE: Final = 2
_LIBC: Final = ctypes.CDLL(None)


@contextmanager
def have_room() -> Iterator[None]:
    """Raise ServiceUnavailable where the disk is found full inside."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ServiceUnavailable("The disk that holds Clary's objects is full; make room and try again.") from error
        raise


def write_all(descriptor: int, view: memoryview) -> None:
    """Write these bytes where the file stands."""
    while view:
        view = view[os.write(descriptor, view) :]


def begin_writing(descriptor: int, start: int, length: int) -> None:
    """Have the kernel begin to bring this part of a file to disk, so that a later fsync finds less to do.

    That the bytes are there, or cannot be, only fsync tells. Python 3.11 does not have the call.
    """
    _LIBC.sync_file_range(descriptor, ctypes.c_int64(start), ctypes.c_int64(length), SYNC_FILE_RANGE_WRITE)
