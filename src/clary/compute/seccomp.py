"""A filter that denies system calls no training or serving program needs and that kernel bugs like to live behind.

It is compiled here to the kernel's classic BPF, since that takes forty lines and a library would not ship for all
machines. Denied calls fail with EPERM; clone3, whose flags a filter cannot see, with ENOSYS, so that libc falls back.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from typing import Final

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000
LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST: Final = 0x35
ANY_BIT: Final = 0x45
RETURN: Final = 0x06
NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4
ARGUMENTS_AT: Final = 16
X32_BIT: Final = 0x40000000
NAMESPACE_FLAGS: Final = 0x7E020000  # CLONE_NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWNS
TERMINAL_REQUESTS: Final = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type into the terminal

# The newer calls have one number everywhere: mounts, io_uring, clone3 apart.
NEW_EVERYWHERE: Final = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
CLONE3: Final = 435
MACHINES: Final[Mapping[str, tuple[int, int, int, tuple[int, ...]]]] = {
    # machine: audit architecture, clone, ioctl, and, in this order: mount, umount2, pivot_root, swapon, swapoff,
    # reboot, kexec_load, kexec_file_load, init_module, finit_module, delete_module, open_by_handle_at, bpf,
    # perf_event_open, userfaultfd, keyctl, add_key, request_key, unshare, setns, quotactl, acct, settimeofday,
    # clock_settime, syslog, vhangup
    "x86_64": (0xC000003E, 56, 16, (
        165, 166, 155, 167, 168, 169, 246, 320, 175, 313, 176, 304, 321,
        298, 323, 250, 248, 249, 272, 308, 179, 163, 164, 227, 103, 153,
    )),
    "aarch64": (0xC00000B7, 220, 29, (
        40, 39, 41, 224, 225, 142, 104, 294, 105, 273, 106, 265, 280,
        241, 282, 219, 217, 218, 97, 268, 60, 89, 170, 112, 116, 58,
    )),
}  # fmt: skip


def program(machine: str) -> bytes | None:
    """Return the filter for `os.uname().machine`, or None where its numbers are not known."""
    if machine not in MACHINES:
        return None
    architecture, clone, ioctl, denied = MACHINES[machine]
    deny = ERRNO | errno.EPERM
    lines = [
        _line(LOAD, ARCHITECTURE_AT),
        *_unless(EQUAL, architecture, KILL_PROCESS),
        _line(LOAD, NUMBER_AT),
        *(_when(AT_LEAST, X32_BIT, ERRNO | errno.ENOSYS) if machine == "x86_64" else ()),
        *_when(EQUAL, CLONE3, ERRNO | errno.ENOSYS),
        *(line for number in (*denied, *NEW_EVERYWHERE) for line in _when(EQUAL, number, deny)),
        *_argument(clone, 0, _when(ANY_BIT, NAMESPACE_FLAGS, deny)),
        *_argument(ioctl, 1, [line for request in TERMINAL_REQUESTS for line in _when(EQUAL, request, deny)]),
        _line(RETURN, ALLOW),
    ]
    return b"".join(lines)


def _line(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, when_true, when_false, value)


def _when(test: int, value: int, result: int) -> list[bytes]:
    return [_line(test, value, 0, 1), _line(RETURN, result)]


def _unless(test: int, value: int, result: int) -> list[bytes]:
    return [_line(test, value, 1, 0), _line(RETURN, result)]


def _argument(number: int, index: int, tests: list[bytes]) -> list[bytes]:
    """Apply tests to an argument's low half if this is that call, and load the number again."""
    return [
        _line(EQUAL, number, 0, len(tests) + 2),
        _line(LOAD, ARGUMENTS_AT + 8 * index),
        *tests,
        _line(LOAD, NUMBER_AT),
    ]
