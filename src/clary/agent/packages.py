"""What a source archive's requirements.txt asks for: installed once an account, inside a sandbox of its own.

Accounts share nothing here, since an installation runs code of whoever wrote the package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clary.agent.archives import clear
from clary.agent.places import Mistake
from clary.compute.admission import Share
from clary.compute.backend import Backend, Instance, Observed
from clary.compute.images import Runtime

FILE = "requirements.txt"
FILE_BYTES_MAX = 256 * 1024
MEMBERS_MAX = 100_000
KEPT_MAX = 20
"""Installations of one account that are kept, the newest."""
INSTALL_S_MAX = 1800.0
INSTALL_BYTES_MAX = 8 * 2**30
LOOK_S = 0.1
TAIL_LINES = 20
PIP = ("-m", "pip", "install", "--target", "/opt/ml/site", "-r", f"/opt/ml/{FILE}")
QUIETLY = ("--no-input", "--disable-pip-version-check", "--no-cache-dir")


def asked_for(archive: Path) -> str:
    """Return the text of the archive's requirements.txt, '' if it has none or is no archive."""
    try:
        with tarfile.open(archive, "r:*") as source:
            for count, member in enumerate(source):
                if count > MEMBERS_MAX:
                    return ""
                if os.path.normpath(member.name) == FILE and member.isfile() and member.size <= FILE_BYTES_MAX:
                    file = source.extractfile(member)
                    return "" if file is None else file.read().decode("utf-8", "replace")
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return ""  # Whoever unpacks it tells its owner.
    return ""


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the operator's choice of index, which programs inside are to use too."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT")
    return {name: environ[name] for name in names if name in environ}


@dataclass
class Packages:
    """Installs requirements and keeps what was installed."""

    backend: Backend
    folder: Path
    environ: Mapping[str, str]
    installing: set[str] = field(default_factory=set)
    """Names of instances that install now: nobody's records, but nobody's to sweep."""
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def provide(
        self, account: str, text: str, runtime: Runtime, share: Share, cancelled: Callable[[], bool]
    ) -> tuple[Path, str]:
        """Return the folder of the installed packages and what pip said; raise Mistake if it cannot be."""
        told = hashlib.sha256(f"{runtime.python}\0{runtime.name}\0{text}".encode()).hexdigest()[:16]
        place = self.folder / account / told
        with self._locks.setdefault(f"{account}/{told}", threading.Lock()):
            said = ""
            if not (place / "site").is_dir():
                said = self._install(place, text, runtime, share, cancelled)
            os.utime(place)
        self._forget_old(place.parent)
        return place / "site", said

    def _install(self, place: Path, text: str, runtime: Runtime, share: Share, cancelled: Callable[[], bool]) -> str:
        assert runtime.python is not None
        clear(place / "ml")
        (place / "ml" / FILE).write_text(text)
        name = f"pip-{place.name}-{time.time_ns() % 10**9}"
        self.installing.add(name)
        try:
            self.backend.start(self._instance(name, place / "ml", runtime, share))
            seen = self._ended(name, cancelled)
            said = seen.log.read_text(errors="replace") if seen is not None and seen.log.exists() else ""
            if seen is None or seen.exit_code != 0:
                raise Mistake(_refusal(seen, said))
            self._keep(place)
            return said
        finally:
            self.backend.stop(name)
            self.backend.remove(name)
            self.installing.discard(name)
            shutil.rmtree(place / "ml", ignore_errors=True)

    def _instance(self, name: str, opt_ml: Path, runtime: Runtime, share: Share) -> Instance:
        return Instance(
            name=name,
            command=(f"{runtime.python}/bin/python3", *PIP, *QUIETLY),
            environment=pip_settings(self.environ),
            opt_ml=opt_ml,
            vcpus=share.vcpus,
            memory_bytes=share.memory_bytes,
            disk_bytes=INSTALL_BYTES_MAX,
            python=runtime.python,
            egress=True,
        )

    def _ended(self, name: str, cancelled: Callable[[], bool]) -> Observed | None:
        deadline = time.monotonic() + INSTALL_S_MAX
        while time.monotonic() < deadline and not cancelled():
            seen = self.backend.observe(name)
            if seen is None or seen.ended:
                return seen
            time.sleep(LOOK_S)
        return None

    def _keep(self, place: Path) -> None:
        """Make what was installed the platform's own, then show it under its final name."""
        site = place / "ml" / "site"
        site.mkdir(exist_ok=True)
        for parent, _, files in os.walk(site):
            _take_over(Path(parent))
            for name in files:
                _take_over(Path(parent, name))
        site.rename(place / "site")

    def _forget_old(self, folder: Path) -> None:
        for old in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)[KEPT_MAX:]:
            shutil.rmtree(old, ignore_errors=True)


def _take_over(path: Path) -> None:
    """Give a file or folder to the platform, for every user of the machine to read."""
    if os.geteuid() == 0:
        os.chown(path, 0, 0, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


def _refusal(seen: Observed | None, said: str) -> str:
    if seen is None:
        return f"Failed to run pip install: it took more than {INSTALL_S_MAX:.0f} seconds or was called off."
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-TAIL_LINES:]
    message = "\n ".join(errors)
    return f'Failed to run pip install\nInstallRequirementsError:\nExitCode {seen.exit_code}\nErrorMessage "{message}"'
