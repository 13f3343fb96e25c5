"""What the process back end asks of files and does to them: their sizes, and whose they are."""

from __future__ import annotations

import os
from pathlib import Path

from clary.compute.sandbox import Identity


def size(path: str) -> int:
    """Return a file's length, 0 where there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def blocks(path: str) -> int:
    """Return the disk space of a file, 0 where there is none."""
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def tree_bytes(path: str) -> int:
    """Return the disk space of a tree, links not followed; files that vanish meanwhile count nothing."""
    return sum(blocks(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def give(path: Path, identity: Identity) -> None:
    """Make a tree the program's own; nothing of the program may run yet, since it could swap folders for links."""
    os.chown(path, identity.uid, identity.gid, follow_symlinks=False)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), identity.uid, identity.gid, follow_symlinks=False)


def owner(path: str) -> int | None:
    """Return the user id that a file belongs to, None if it is not there any more."""
    try:
        return os.stat(path).st_uid
    except FileNotFoundError:
        return None
