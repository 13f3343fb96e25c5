"""Make the virtual environments in which end-to-end tests run real AWS clients.

`python install.py NAME… [--into DIR]` leaves `DIR/NAME` holding exactly what `NAME.lock` pins. A venv that already
holds it is left alone, so calling this before every test run costs milliseconds; callers may run at the same time.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS = Path(__file__).resolve().parent
CLIENTS = LOCKS.parents[2] / ".venv" / "clients"
ATTEMPTS_MAX = 3
ATTEMPT_S_MAX = 600
STAMP = "clary-lock.sha256"


def main(arguments: list[str]) -> int:
    """Install the environments named on the command line; the exit status is 1 when one could not be made."""
    known = sorted(lock.stem for lock in LOCKS.glob("*.lock"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--into", type=Path, default=CLIENTS, metavar="DIR", help="default: %(default)s")
    options = parser.parse_args(arguments)
    return max([install(name, options.into.resolve()) for name in options.names])


def install(name: str, into: Path) -> int:
    """Leave `into/name` holding what `name.lock` pins, say in one line what was done, and answer 0 (1 for failed)."""
    lock, home = LOCKS / f"{name}.lock", into / name
    into.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with only_one(into / f".{name}.lock"):
        if stamp_of(home) == wanted_stamp(lock):
            print(f"{name}: up to date")
            return 0
        failure = build(home, lock)
    took_s = time.monotonic() - began
    print(f"{name}: {failure}" if failure else f"{name}: installed into {home} in {took_s:.0f} s")
    return 1 if failure else 0


def build(home: Path, lock: Path) -> str:
    """Make the venv afresh; answers why it could not be made, or "" when it was.

    The stamp is written last: an interrupted build has none, and is made again.
    """
    if home.exists():
        shutil.rmtree(home)
    venv.create(home, with_pip=True, symlinks=True)
    for _ in range(ATTEMPTS_MAX):
        failure = pip_install(home, lock)
        if not failure:
            (home / STAMP).write_text(wanted_stamp(lock))
            return ""
    return f"failed {ATTEMPTS_MAX} times, at last with: {failure}"


def pip_install(home: Path, lock: Path) -> str:
    """One attempt of pip, which shares its download cache with every other venv; answers what went wrong, or ""."""
    quickly = ("--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check")
    command = (str(home / "bin" / "python"), "-m", "pip", "install", *quickly, "--requirement", str(lock))
    try:
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=ATTEMPT_S_MAX)
    except subprocess.TimeoutExpired:
        return f"no end after {ATTEMPT_S_MAX} s"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"pip exited with {done.returncode}")


def clean_environment() -> dict[str, str]:
    """Copy the caller's environment without what would make the venv's Python look for packages elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}


def wanted_stamp(lock: Path) -> str:
    """Hash the lock and the Python that the venv is made with: a change of either makes the venv anew."""
    python = f"{sys.version} {sys.base_prefix}\n".encode()
    return hashlib.sha256(python + lock.read_bytes()).hexdigest()


def stamp_of(home: Path) -> str:
    try:
        return (home / STAMP).read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel lets go of it even when the holder is killed."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
