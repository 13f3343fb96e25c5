"""What an instance's program sees, on a given machine, as steps and as bubblewrap's arguments. Pure.

The root is an empty tmpfs with an allow-list of read-only trees; writable are /opt/ml, /tmp, /dev/shm and /run/clary.
Every folder on the way to a tree is made anew with mode 755, so that an interpreter under a closed home can be reached
and the rest of that home does not exist. As root the program runs under a host uid of its own, without capabilities.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clary.compute.backend import Instance

RUN: Final = "/run/clary"
TMP: Final = "/tmp"  # noqa: S108 - this and the next two are paths inside
VAR_TMP: Final = "/var/tmp"  # noqa: S108 - inside
SHM: Final = "/dev/shm"  # noqa: S108 - inside
RUNTIME: Final = "/opt/clary"
SERVE_SOCKET: Final = f"{RUN}/serve.sock"
TOP_FOLDERS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
READABLE_ETC: Final = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "ssl", "pki", "ca-certificates",
    "crypto-policies", "alternatives", "mime.types", "protocols", "services", "fonts", "magic",
)  # fmt: skip
NSSWITCH: Final = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine a sandbox is made of."""

    bwrap: Path
    setpriv: Path | None  # needed as root
    links: tuple[tuple[str, str], ...]  # /bin → usr/bin and its like
    trees: tuple[Path, ...]  # system folders that programs need
    runtime: Path | None  # the folder of the package clary_runtime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the program is: ids on this machine, and whether getting there takes dropping root."""

    uid: int
    gid: int
    drop: bool


def read_machine(bwrap: Path, setpriv: Path | None, runtime: Path | None) -> Machine:
    """Look at this machine's system folders."""
    tops = [Path("/", name) for name in TOP_FOLDERS]
    etc = [Path("/etc", name) for name in READABLE_ETC]
    trees = [Path("/usr"), Path("/nix/store"), *(top for top in tops if not top.is_symlink()), *etc]
    return Machine(
        bwrap=bwrap,
        setpriv=setpriv,
        links=tuple((os.readlink(top), str(top)) for top in tops if top.is_symlink()),
        trees=tuple(tree for tree in trees if tree.exists()),
        runtime=runtime,
    )


def interpreter_trees(prefix: Path) -> list[Path]:
    """Return the trees that an interpreter needs: its prefix and, of a virtual environment, the base's."""
    trees = [prefix]
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return trees
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home":
            base = Path(value.strip()).parent
            trees += [base, base.resolve(), (Path(value.strip()) / "python3").resolve().parent.parent]
    return trees


def view(instance: Instance, folder: Path, identity: Identity, machine: Machine) -> list[list[str]]:
    """Return the steps that build what the program sees, each the name of a bubblewrap option and its words.

    `tmpfs` has path, mode and size, `symlink` target and path, binds have outside and inside, all others a path.
    """
    trees = _outermost([*machine.trees, *instance.readable, *_python(instance)])
    made = {Path("/etc", name): folder / "etc" / name for name in made_files(instance, identity)}
    runtime = {Path(RUNTIME, machine.runtime.name): machine.runtime} if machine.runtime else {}
    read_only = {tree: tree for tree in trees} | made | runtime
    writable = {Path("/opt/ml"): instance.opt_ml.absolute(), Path(RUN): folder / "run"}
    return [
        ["proc", "/proc"],
        ["dev", "/dev"],
        ["remount-ro", "/dev"],
        ["tmpfs", SHM, "1777", str(instance.shm_bytes)],
        ["tmpfs", TMP, "1777", str(max(instance.memory_bytes // 2, 1))],
        *(["dir", path] for path in _folders([*read_only, *writable, Path(VAR_TMP)], but=trees)),  # some below /tmp
        *(["symlink", target, name] for target, name in machine.links),
        *(["ro-bind", str(outside), str(inside)] for inside, outside in read_only.items()),
        ["symlink", TMP, VAR_TMP],
        *(["bind", str(outside), str(inside)] for inside, outside in writable.items()),
        ["remount-ro", "/"],
    ]


def arguments(instance: Instance, steps: list[list[str]], identity: Identity, machine: Machine) -> list[str]:
    """Return the command line that runs the instance's program in a sandbox that these steps build."""
    return [
        str(machine.bwrap),
        *_namespaces(instance, identity),
        *(text for kind, *words in steps for text in _option(kind, words)),
        *("--chdir", "/opt/ml", "--"),
        *_drop(identity, machine),
        *instance.command,
    ]


def _option(kind: str, words: list[str]) -> list[str]:
    match kind:
        case "tmpfs":
            path, mode, size = words
            return ["--perms", mode, "--size", size, "--tmpfs", path]
        case "dir":
            return ["--perms", "0755", "--dir", *words]
        case _:
            return [f"--{kind}", *words]


def environment(instance: Instance) -> dict[str, str]:
    """Return the program's environment: the instance's own, and what every program may rely on."""
    path = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    if instance.python:
        path.insert(0, f"{instance.python}/bin")
    defaults = {
        "PATH": ":".join(path),
        "HOME": TMP,
        "LANG": "C.UTF-8",
        "HOSTNAME": instance.host_name,
        "PYTHONUNBUFFERED": "1",
    }
    chosen = defaults | dict(instance.environment)
    if instance.python:
        chosen["PYTHONPATH"] = ":".join(filter(None, (chosen.get("PYTHONPATH"), RUNTIME)))
    return chosen


def made_files(instance: Instance, identity: Identity) -> dict[str, str]:
    """Return the files of /etc that are made for the instance, by name."""
    name = instance.host_name
    user = f"ml:x:{identity.uid}:{identity.gid}:ml:/tmp:/bin/sh\n" if identity.uid else ""
    group = f"ml:x:{identity.gid}:\n" if identity.gid else ""
    return {
        "passwd": f"root:x:0:0:root:/root:/bin/sh\n{user}nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "group": f"root:x:0:\n{group}nogroup:x:65534:\n",
        "hosts": f"127.0.0.1 localhost {name}\n::1 localhost ip6-localhost\n",
        "hostname": f"{name}\n",
        "resolv.conf": "# The proxy in HTTPS_PROXY, if there is one, resolves names.\n",
        "nsswitch.conf": NSSWITCH,
    }


def _python(instance: Instance) -> list[Path]:
    return interpreter_trees(instance.python) if instance.python else []


def _namespaces(instance: Instance, identity: Identity) -> list[str]:
    """Give it namespaces of its own; the network's is the keeper's, which has made it already."""
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
    options += ["--new-session", "--hostname", instance.host_name, "--cap-drop", "ALL"]
    if identity.drop:
        return [*options, *(text for name in ("SETUID", "SETGID", "SETPCAP") for text in ("--cap-add", f"CAP_{name}"))]
    ids = ("--uid", str(identity.uid), "--gid", str(identity.gid))
    return ["--unshare-user", "--disable-userns", *ids, *options]


def _drop(identity: Identity, machine: Machine) -> list[str]:
    if not identity.drop:
        return []
    ids = (f"--reuid={identity.uid}", f"--regid={identity.gid}", "--clear-groups")
    return [
        str(machine.setpriv),
        *ids,
        "--no-new-privs",
        "--inh-caps=-all",
        "--ambient-caps=-all",
        "--bounding-set=-all",
        "--",
    ]


def _outermost(trees: Iterable[Path]) -> list[Path]:
    """Return the trees without those that lie inside another, sorted."""
    kept: list[Path] = []
    for tree in sorted(set(trees)):  # whatever lies inside a tree follows it
        if not kept or not tree.is_relative_to(kept[-1]):
            kept.append(tree)
    return kept


def _folders(paths: Iterable[Path], *, but: list[Path]) -> list[str]:
    """Return every folder on the way to `paths` but /tmp and those that come with a tree."""
    parents = {parent for path in paths for parent in path.parents} - {Path("/"), Path(TMP)}
    return [str(each) for each in sorted(parents) if {each, *each.parents}.isdisjoint(but)]
