"""The few system calls that the keeper needs and Python 3.11 does not have."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Final

CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1
FALLOC_FL_KEEP_SIZE: Final = 1
FALLOC_FL_PUNCH_HOLE: Final = 2

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def enter_network_namespace() -> None:
    """Move this process into a network namespace of its own with loopback up; without root in a user namespace too."""
    user, group = os.getuid(), os.getgid()
    _check(_LIBC.unshare(CLONE_NEWNET | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def enter_process_namespace() -> None:
    """Put the next child, and all that come of it, in a process namespace that ends when that child does."""
    _check(_LIBC.unshare(CLONE_NEWPID), "unshare")


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; end at once where that has happened already."""
    _check(_LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl")
    if parent_of("self") != parent:
        os._exit(1)


def parent_of(pid: int | str) -> int:
    """Return a process's parent as /proc counts, also where `getppid` cannot see out of a process namespace."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own."""
    _check(_LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Give back the disk space of a part of a file; its size and all offsets stay."""
    mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    _check(_LIBC.fallocate(descriptor, mode, ctypes.c_long(offset), ctypes.c_long(length)), "fallocate")
