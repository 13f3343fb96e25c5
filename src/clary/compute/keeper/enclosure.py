"""The sandbox of a forked program: what bubblewrap does between its start and `exec`, done in this process.

A program that is forked from a warm parent cannot pass through `exec`, which would lose what the parent imported. It
gets the same namespaces, the same view of files (`sandbox.view`), the same user and the same filter; what bubblewrap
hides or remounts unasked (`/proc/sys`, nodev, nosuid) is hidden and remounted here too.
"""

from __future__ import annotations

import os
import signal

from clary.compute.keeper import kernel

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

BASE: Final = "/tmp"  # noqa: S108 - where the new root is built; a mount of this process's own namespace hides it
OLD: Final = "/old"
NEW: Final = "/new"
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
DESCRIPTOR_LINKS: Final = (("fd", "self/fd"), ("stdin", "self/fd/0"), ("stdout", "self/fd/1"), ("stderr", "self/fd/2"))
COVERED: Final = ("sys", "sysrq-trigger", "irq", "bus")  # of /proc: what even a user without privileges might write
PLAIN: Final = kernel.MS_NOSUID | kernel.MS_NODEV
PLAIN_ATTRIBUTES: Final = kernel.ATTR_NOSUID | kernel.ATTR_NODEV


def enter(enclosed: dict[str, Any], filter_: bytes | None, keeper: int, limited: Callable[[], None]) -> None:
    """Move this process, the first of its process namespace, into its sandbox; the way back is closed.

    `limited` returns once this process is in its control groups, of which it then sees no more than those.
    """
    stat = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)  # the /proc inside knows no keeper
    if not enclosed["drop"]:
        _forbid_user_namespaces()
    kernel.enter_namespaces()
    kernel.set_host_name(enclosed["host_name"])
    umask = os.umask(0)
    _build(enclosed["view"])
    os.umask(umask)
    os.chdir("/opt/ml")
    limited()
    kernel.enter_group_namespace()
    _become_nobody_else(enclosed)
    kernel.die_with(keeper, stat)  # changing the user made the kernel forget it
    os.close(stat)
    if filter_ is not None:
        kernel.filter_calls(filter_)


def _forbid_user_namespaces() -> None:
    """Forbid user namespaces below that of the keeper, which an ordinary user's keeper has made for itself."""
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
        file.write("0")


def _become_nobody_else(enclosed: dict[str, Any]) -> None:
    kernel.drop_bounding_set()
    if enclosed["drop"]:
        os.setgroups([])
        os.setresgid(enclosed["gid"], enclosed["gid"], enclosed["gid"])
        os.setresuid(enclosed["uid"], enclosed["uid"], enclosed["uid"])
    kernel.drop_capabilities()
    kernel.refuse_new_privileges()


def _build(view: list[list[str]]) -> None:
    """Make a root of an empty file system and put into it what is listed, then make it the only one."""
    resolved = [(kind, *_resolved(kind, words)) for kind, *words in view]
    kernel.mount(None, "/", None, kernel.MS_PRIVATE | kernel.MS_RECURSIVE)
    kernel.mount("tmpfs", BASE, "tmpfs", PLAIN, "mode=0755")
    for place in (OLD, NEW):
        os.mkdir(f"{BASE}{place}", 0o755)
    kernel.pivot_root(BASE, f"{BASE}{OLD}")
    os.chdir("/")
    kernel.mount("tmpfs", NEW, "tmpfs", PLAIN, "mode=0755")
    for kind, *words in resolved:
        STEPS[kind](*words)
    kernel.unmount(OLD)
    os.chdir(NEW)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")


def _resolved(kind: str, words: list[str]) -> list[str]:
    """Follow the links of a source now: afterwards absolute ones would lead elsewhere."""
    return [os.path.realpath(words[0]), *words[1:]] if kind in ("bind", "ro-bind") else words


def _folder(path: str, mode: str = "0755") -> str:
    place = f"{NEW}{path}"
    if not os.path.isdir(place):
        if not os.path.isdir(os.path.dirname(place)):
            _folder(os.path.dirname(path))
        os.mkdir(place, int(mode, 8))
    return place


def _symlink(target: str, path: str) -> None:
    os.symlink(target, f"{NEW}{path}")


def _tmpfs(path: str, mode: str, size: str) -> None:
    kernel.mount("tmpfs", _folder(path), "tmpfs", PLAIN, f"mode={mode},size={size}")


def _proc(path: str) -> None:
    place = _folder(path)
    kernel.mount("proc", place, "proc", PLAIN | kernel.MS_NOEXEC)
    for name in COVERED:
        covered = f"{place}/{name}"
        if os.path.exists(covered):
            kernel.mount(covered, covered, None, kernel.MS_BIND | kernel.MS_RECURSIVE)
            kernel.set_attributes(covered, PLAIN_ATTRIBUTES | kernel.ATTR_RDONLY)


def _dev(path: str) -> None:
    place = _folder(path)
    kernel.mount("tmpfs", place, "tmpfs", PLAIN, "mode=0755")
    for name in DEVICES:
        _mount_point(f"{place}/{name}", is_folder=False)
        kernel.mount(f"{OLD}/dev/{name}", f"{place}/{name}", None, kernel.MS_BIND)
        kernel.set_attributes(f"{place}/{name}", kernel.ATTR_NOSUID)
    for name, target in DESCRIPTOR_LINKS:
        os.symlink(f"/proc/{target}", f"{place}/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{place}/{name}", 0o755)
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", f"{place}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    os.symlink("pts/ptmx", f"{place}/ptmx")


def _bind(source: str, path: str, attributes: int = PLAIN_ATTRIBUTES) -> None:
    origin, place = f"{OLD}{source}", f"{NEW}{path}"
    _folder(os.path.dirname(path))
    _mount_point(place, is_folder=os.path.isdir(origin))
    kernel.mount(origin, place, None, kernel.MS_BIND | kernel.MS_RECURSIVE)
    kernel.set_attributes(place, attributes, recursive=True)


def _bind_read_only(source: str, path: str) -> None:
    _bind(source, path, PLAIN_ATTRIBUTES | kernel.ATTR_RDONLY)


def _mount_point(place: str, *, is_folder: bool) -> None:
    if is_folder:
        if not os.path.isdir(place):
            os.mkdir(place, 0o755)
    elif not os.path.exists(place):
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))


def _remount_read_only(path: str) -> None:
    kernel.set_attributes(f"{NEW}{path}".rstrip("/"), kernel.ATTR_RDONLY)


STEPS: Final[dict[str, Callable[..., Any]]] = {
    "proc": _proc,
    "dev": _dev,
    "tmpfs": _tmpfs,
    "dir": _folder,
    "symlink": _symlink,
    "bind": _bind,
    "ro-bind": _bind_read_only,
    "remount-ro": _remount_read_only,
}


def reap(program: int, status: int) -> int:
    """Be the first process of the namespace: bury orphans until the program ends; tell and return its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    while True:
        pid, how = os.wait()
        if pid == program:
            code = os.waitstatus_to_exitcode(how)
            code = 128 - code if code < 0 else code
            os.write(status, b'{ "exit-code": %d }\n' % code)
            return code
