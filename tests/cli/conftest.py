"""The command line, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def clary(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `clary ARGUMENTS` on the home, in an environment without anything of AWS's."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLARY_", "BOTOCORE_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "clary", *arguments],
            env=kept | {"CLARY_HOME": str(home), "PYTHONPATH": str(SOURCE)} | environment,
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    return run
