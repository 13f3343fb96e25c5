"""Write requirements/*.lock anew: every package that pyproject.toml leads to, pinned. Run by `make lock`.

`runtime.lock` is what running Clary and its built-in runtimes needs, `dev.lock` what
developing it needs on top. pip resolves; nothing is installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
HEAD = "# Written by `make lock` from pyproject.toml. Installed with --no-deps (see tools/setup.py).\n"


def main() -> int:
    runtime = resolve(".[runtime]")
    write("runtime.lock", runtime)
    everything = resolve(".[runtime,dev]", "--constraint", str(LOCKS / "runtime.lock"))
    write("dev.lock", everything - runtime)
    return 0


def resolve(wanted: str, *options: str) -> set[str]:
    """Return the pins of what pip would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run([*command, *options, wanted], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found = (each["metadata"] for each in json.loads(done.stdout)["install"])
    return {f"{normal(each['name'])}=={each['version']}" for each in found if each["name"] != "clary"}


def normal(name: str) -> str:
    """Return a distribution's name as package indexes spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write(name: str, pins: set[str]) -> None:
    LOCKS.mkdir(exist_ok=True)
    (LOCKS / name).write_text(HEAD + "".join(f"{pin}\n" for pin in sorted(pins)))
    print(f"{name}: {len(pins)} packages")


if __name__ == "__main__":
    sys.exit(main())
