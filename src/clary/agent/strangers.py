"""Reading files that a stranger's program made: links are never followed, not even while it runs and swaps them.

Everything is opened relative to an open folder (`O_NOFOLLOW`), so a path that
turns into a link to one of our files is refused, not read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clary.agent.places import Mistake

FILES_MAX = 100_000
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened(root: Path, *names: str) -> Iterator[int]:
    """Give a descriptor of the folder below `root`, or raise Mistake if one of the names is not a folder."""
    descriptor = os.open(root, FOLDER_FLAGS)
    try:
        for name in names:
            inner = _inner(descriptor, name)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _inner(folder: int, name: str) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=folder)
    except OSError as error:
        raise Mistake(f"{name!r} below /opt/ml is not a folder: {error.strerror}") from error


def files(folder: int) -> Iterator[tuple[str, BinaryIO]]:
    """Give every regular file below an open folder, by its name from there and open for reading."""
    count = 0
    for parent, _, names, descriptor in os.fwalk(".", dir_fd=folder):
        for name in sorted(names):
            try:
                opened_file = os.open(name, FILE_FLAGS, dir_fd=descriptor)
            except OSError:
                continue  # a link, or gone since
            with os.fdopen(opened_file, "rb") as file:
                if not stat.S_ISREG(os.fstat(opened_file).st_mode):
                    continue
                count += 1
                if count > FILES_MAX:
                    raise Mistake(f"There are more than {FILES_MAX} files to upload.")
                yield os.path.normpath(os.path.join(parent, name)), file


def text(root: Path, *names: str, bytes_max: int) -> str:
    """Return the beginning of a text file below `root`; '' if it is not there or no regular file."""
    try:
        with opened(root, *names[:-1]) as folder:
            descriptor = os.open(names[-1], FILE_FLAGS, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(bytes_max).decode("utf-8", "replace")
    except (OSError, Mistake):
        return ""
