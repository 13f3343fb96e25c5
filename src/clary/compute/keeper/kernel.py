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

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
SECCOMP_MODE_FILTER: Final = 2
CAPABILITIES_VERSION_3: Final = 0x20080522
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_BIND: Final = 4096
MS_RECURSIVE: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2
ATTR_RDONLY: Final = 1
ATTR_NOSUID: Final = 2
ATTR_NODEV: Final = 4
AT_FDCWD: Final = -100
AT_RECURSIVE: Final = 0x8000
SYS_MOUNT_SETATTR: Final = 442  # on every machine; Linux 5.12 and newer
SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
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


def die_with(parent: int, stat: int | None = None) -> None:
    """Have the kernel kill this process when its parent dies; end at once where that has happened already.

    `stat` is a descriptor of /proc/self/stat, for a process that does not see its parent's /proc any more.
    """
    _check(_LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl")
    if (parent_of("self") if stat is None else _parent(os.pread(stat, 4096, 0))) != parent:
        os._exit(1)


def parent_of(pid: int | str) -> int:
    """Return a process's parent as /proc counts, also where `getppid` cannot see out of a process namespace."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return _parent(file.read())


def _parent(stat: bytes) -> int:
    return int(stat.rpartition(b")")[2].split()[1])


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own."""
    _check(_LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def enter_namespaces() -> None:
    """Move this process into mount, IPC and host name namespaces of its own."""
    _check(_LIBC.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS), "unshare")


def enter_group_namespace() -> None:
    """Make the control groups that this process is in the topmost that it sees."""
    _LIBC.unshare(CLONE_NEWCGROUP)  # where the kernel has them, as bubblewrap tries too


def set_host_name(name: str) -> None:
    """Name the machine that this host name namespace is."""
    encoded = os.fsencode(name)
    _check(_LIBC.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def mount(source: str | None, place: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system or, with MS_BIND, a tree."""
    words = [None if word is None else os.fsencode(word) for word in (source, place, kind)]
    _check(_LIBC.mount(*words, ctypes.c_ulong(flags), options.encode()), f"mount {place}")


def set_attributes(place: str, attributes: int, *, recursive: bool = False) -> None:
    """Add ATTR_… to a mount, and to those below it if `recursive`."""
    given = struct.pack("QQQQ", attributes, 0, 0, 0)
    flags = ctypes.c_uint(AT_RECURSIVE if recursive else 0)
    done = _LIBC.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(place), flags, given, ctypes.c_size_t(len(given)))
    _check(done, f"mount_setattr {place}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the present one at `old`."""
    number = SYS_PIVOT_ROOT[os.uname().machine]
    _check(_LIBC.syscall(number, os.fsencode(new), os.fsencode(old)), "pivot_root")


def unmount(place: str) -> None:
    """Detach a mount and all below it."""
    _check(_LIBC.umount2(os.fsencode(place), MNT_DETACH), f"umount {place}")


def drop_bounding_set() -> None:
    """Give up every capability that a later `exec` could bring back."""
    number = 0
    while _LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0:  # fails at the first number that the kernel lacks
        number += 1


def drop_capabilities() -> None:
    """Give up every capability."""
    _LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _check(_LIBC.capset(struct.pack("Ii", CAPABILITIES_VERSION_3, 0), bytes(24)), "capset")


def refuse_new_privileges() -> None:
    """Let no `exec` give more rights than this process has."""
    _check(_LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def filter_calls(program: bytes) -> None:
    """Have the kernel filter this process's system calls by a classic BPF program."""
    code = ctypes.create_string_buffer(program, len(program))
    given = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    _check(_LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, given, 0, 0), "prctl")


def set_dumpable(*, dumpable: bool) -> None:
    """Say whether processes of the same user may look into this one."""
    _check(_LIBC.prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0), "prctl")


def set_command_line(words: list[str]) -> None:
    """Show these words as this process's command line, as far as the first one left room for them."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = b"".join(os.fsencode(word) + b"\0" for word in words)[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


def punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Give back the disk space of a part of a file; its size and all offsets stay."""
    mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    _check(_LIBC.fallocate(descriptor, mode, ctypes.c_long(offset), ctypes.c_long(length)), "fallocate")
