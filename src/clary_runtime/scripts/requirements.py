"""A `requirements.txt` beside a customer's code, made importable.

The platform may have installed it already (`CLARY_REQUIREMENTS_DIR`, a cache it shares safely); otherwise pip installs
it here, inside the sandbox, with whatever index and proxy the environment's `PIP_*` variables name.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from clary_runtime.errors import ClientError
from clary_runtime.logs import LOG

SITE = ".site"
INSTALL_S_MAX = 1800


def site_folder(code: Path, site: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the folder to put on Python's path (`site` if pip ran here), or None where the code asks for nothing."""
    if not (code / "requirements.txt").is_file():
        return None
    provided = environ.get("CLARY_REQUIREMENTS_DIR")
    if provided:
        return Path(provided)
    _install(code, site, environ)
    return site


def _install(code: Path, site: Path, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "pip", "install", "-r", "requirements.txt", "--target", str(site)]
    LOG.info("Installing dependencies from requirements.txt:\n%s", " ".join(command))
    further = ["--quiet", "--no-input", "--disable-pip-version-check", "--upgrade"]
    try:
        done = subprocess.run(  # noqa: S603 - pip, with arguments of ours
            [*command, *further], cwd=code, env=dict(environ), capture_output=True, text=True, timeout=INSTALL_S_MAX
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(f"Failed to run pip install: it took more than {INSTALL_S_MAX} seconds") from error
    LOG.info("%s", done.stdout)
    if done.returncode:
        raise ClientError(_refusal(done, " ".join(command)))


def _refusal(done: subprocess.CompletedProcess[str], command: str) -> str:
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-5:]
    message = "\n ".join(errors)
    return (
        f"Failed to run pip install\nInstallRequirementsError:\nExitCode {done.returncode}\n"
        f'ErrorMessage "{message}"\nCommand "{command}"'
    )
