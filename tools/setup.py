"""Make `.venv` hold exactly what the locks pin, and the command `clary`. Run by `make setup`, with any Python 3.11+.

`python3 tools/setup.py runtime` (to run Clary) or `dev` (to develop it). What is there
already is left alone, so a second run takes milliseconds. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"runtime": ("runtime",), "dev": ("runtime", "dev")}
OLDEST = (3, 11)
ATTEMPTS_MAX = 3
AT_ONCE = min(4, os.cpu_count() or 1)
"""pip reads its index in one thread, which takes longest: two of them, with half of the packages each, take half."""
TESTS = r"/tests?/"
COMMAND = """#!/bin/sh
exec '{python}' -P -m clary "$@"
"""


def main(arguments: list[str]) -> int:
    if arguments not in (["runtime"], ["dev"]):
        print(__doc__)
        return 2
    if sys.version_info < OLDEST:
        print(f"Clary needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}).")
        return 1
    with open(__file__) as held:  # what is locked must outlive the folder
        fcntl.flock(held, fcntl.LOCK_EX)
        return setup(arguments[0])


def setup(kind: str) -> int:
    wanted = stamp(kind)
    if any(has(each) == stamp(each) for each in (kind, "dev")):
        return 0
    began = time.monotonic()
    print(f"Installing what Clary needs into {VENV} ({kind}) ...", flush=True)
    failure = make_venv() or install(pins(kind))
    if failure:
        print(failure)
        return 1
    compile_packages()
    link_sources()
    (VENV / f".clary-{kind}").write_text(wanted)
    print(f"Installed in {time.monotonic() - began:.0f} s.")
    return 0


def stamp(kind: str) -> str:
    """Return what stands for an installation: a change of it, or of this file, installs anew."""
    said = [f"{sys.version} {sys.base_prefix}", Path(__file__).read_text(), *pins(kind)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def has(kind: str) -> str:
    path = VENV / f".clary-{kind}"
    return path.read_text() if path.exists() and PYTHON.exists() else ""


def pins(kind: str) -> list[str]:
    lines = [line for name in LOCKS[kind] for line in (ROOT / "requirements" / f"{name}.lock").read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def make_venv() -> str:
    """Make the virtual environment if there is none of this Python; return what went wrong, or ""."""
    if is_of_this_python():
        return ""
    command = [sys.executable, "-m", "venv", "--clear", "--symlinks", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0 and os.geteuid() == 0 and shutil.which("apt-get"):
        package = f"python3.{sys.version_info.minor}-venv"  # Debian leaves it out of its Python
        print(f"This Python cannot make virtual environments; installing {package} ...", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=False, stdout=subprocess.DEVNULL)
        made = subprocess.run(command, capture_output=True, text=True)
    return "" if made.returncode == 0 else f"{made.stdout}{made.stderr}"


def is_of_this_python() -> bool:
    if not PYTHON.exists():
        return False
    asked = subprocess.run([PYTHON, "-c", "import sys, pip; print(sys.version)"], capture_output=True, text=True)
    return asked.stdout.strip() == sys.version


def install(wanted: list[str]) -> str:
    """Install pins, a share of them in each of some processes; return what went wrong, or ""."""
    failures: list[str] = []
    for _ in range(ATTEMPTS_MAX):
        pips = [pip(wanted[share::AT_ONCE]) for share in range(AT_ONCE)]
        outputs = [each.communicate()[1] for each in pips]
        failures = [output for each, output in zip(pips, outputs, strict=True) if each.returncode != 0]
        if not failures:
            return ""
    return "\n".join(failures)


def pip(wanted: list[str]) -> subprocess.Popen[str]:
    options = ("--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--no-input")
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    command = [str(PYTHON), "-m", "pip", "install", *options, *wanted]
    return subprocess.Popen(command, env=clean, stderr=subprocess.PIPE, text=True)


def compile_packages() -> None:
    """Compile on all processors: in a sandbox, whose packages are read-only, Python would do so at every start."""
    folders = (str(site_packages()), str(ROOT / "src"))
    command = [str(PYTHON), "-m", "compileall", "-q", "-q", "-j", "0", "-x", TESTS, *folders]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # some packages ship files for other Pythons


def link_sources() -> None:
    """Make the checkout importable, and give it its command."""
    (site_packages() / "clary.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "clary"
    command.write_text(COMMAND.format(python=str(PYTHON).replace("'", "'\\''")))
    command.chmod(0o755)


def site_packages() -> Path:
    return VENV / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
