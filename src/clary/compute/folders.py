"""The files of one instance: all that must survive a crash, of the agent or of its keeper.

`instance.json` is there from the first moment (the folder is renamed into place). `keeper.json` is locked by the keeper
for as long as it lives and never emptied again, so that a second keeper sees that there was a first. `program.json`
appears once the program runs and `exit.json`, synced to disk, once it ended. Standard library only: the keeper's.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Any, Final

FLOCK: Final = "hhqqi4x"  # struct flock of Linux on 64 bits
EXIT_BYTES_MAX: Final = 4096


class Folder:
    """The paths of an instance's files."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __truediv__(self, name: str) -> str:
        return f"{self.path}/{name}"

    @property
    def log(self) -> str:
        """What the program wrote to its standard output and error."""
        return self / "log"

    @property
    def serve_socket(self) -> str:
        """Where connections to the program's server are taken."""
        return self / "serve.sock"

    @property
    def direct_socket(self) -> str:
        """Where the program may put a socket of its own; the program can write here, so follow no link."""
        return self / "run/serve.sock"

    def read(self, name: str) -> Any:
        """Return a JSON file's content, or None if it is absent or empty."""
        try:
            with open(self / name, "rb") as file:
                return json.loads(file.read() or b"null")
        except FileNotFoundError:
            return None

    def write(self, name: str, content: Any, *, mode: int = 0o600) -> None:
        """Write a JSON file so that readers see the old one or the new one, never a part."""
        descriptor = os.open(self / f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:
            file.write(json.dumps(content).encode())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        os.rename(self / f"{name}.new", self / name)

    def reserve(self, name: str) -> None:
        """Take the disk space of a later `write` now, so that a full disk cannot lose it."""
        descriptor = os.open(self / f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, EXIT_BYTES_MAX)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Make the folder's entries survive a loss of power."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def claim(self) -> int | None:
        """Become the keeper: return the descriptor that holds the lock, or None if there is or was another."""
        descriptor = os.open(self / "keeper.json", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_size:
            os.close(descriptor)
            return None
        os.write(descriptor, json.dumps({"pid": os.getpid(), "started": process_started(os.getpid())}).encode())
        return descriptor

    def kept(self) -> bool:
        """Say whether a keeper holds the lock, which is to say that it lives."""
        try:
            descriptor = os.open(self / "keeper.json", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked)
            return bool(struct.unpack(FLOCK, answer)[0] != fcntl.F_UNLCK)
        finally:
            os.close(descriptor)


def process_started(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot, or None if there is none: pids are used again."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def open_process(pid: int, started: int | None) -> int | None:
    """Return a pidfd of the process that began then, or None if it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if started is None or process_started(pid) != started:
        os.close(descriptor)
        return None
    return descriptor
